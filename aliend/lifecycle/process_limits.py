"""Raises the soft resource limits, which the daemon inherits from the shell that started it."""

from __future__ import annotations

import contextlib
import resource

_OPEN_FILES = 65_536
"""Limit of open files; more than connections and copies ever need."""
_RAISED = (
    resource.RLIMIT_FSIZE,
    resource.RLIMIT_NOFILE,
    resource.RLIMIT_NPROC,
    resource.RLIMIT_CPU,
    resource.RLIMIT_AS,
    resource.RLIMIT_DATA,
)
"""RLIMIT_STACK is excluded: it sets the stack size of threads."""


def raise_soft_limits() -> None:
    """Raise the soft limits to the hard limits, open files at most to 65,536; never lower a limit.

    Child processes inherit the limits.
    """
    for number in _RAISED:
        soft, hard = resource.getrlimit(number)
        if number == resource.RLIMIT_NOFILE:
            wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
            is_enough = soft == resource.RLIM_INFINITY or soft >= wanted
        else:
            wanted, is_enough = hard, soft == hard
        if not is_enough:
            with contextlib.suppress(OSError, ValueError):  # a system sandbox may forbid it
                resource.setrlimit(number, (wanted, hard))
