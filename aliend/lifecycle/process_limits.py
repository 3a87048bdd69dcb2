"""Raises the soft limits of this process: they belong to the shell that happened to start the daemon."""

from __future__ import annotations

import contextlib
import resource

_OPEN_FILES = 65_536
"""More than any number of connections and copies needs."""
_RAISED = (
    resource.RLIMIT_FSIZE,
    resource.RLIMIT_NOFILE,
    resource.RLIMIT_NPROC,
    resource.RLIMIT_CPU,
    resource.RLIMIT_AS,
    resource.RLIMIT_DATA,
)
"""Not RLIMIT_STACK: it sets the size of the stacks of threads."""


def raise_soft_limits() -> None:
    """Raise the soft limits to the hard ones, that of open files at most to 65,536; never lower one.

    Processes that are started later inherit the limits.
    """
    for number in _RAISED:
        soft, hard = resource.getrlimit(number)
        if number == resource.RLIMIT_NOFILE:
            wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
            is_enough = soft == resource.RLIM_INFINITY or soft >= wanted
        else:
            wanted, is_enough = hard, soft == hard
        if not is_enough:
            with contextlib.suppress(OSError, ValueError):  # a sandbox of the system may forbid it
                resource.setrlimit(number, (wanted, hard))
