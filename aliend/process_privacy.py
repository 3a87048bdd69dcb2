"""Keeps other programs of the same user out of the memory of our processes, which holds decrypted keys and envelopes.

Each process calls `close_to_others` itself, first of all: the kernel resets the attribute when a program is executed.
After that, `environ`, `fd`, `io` and `mem` of the process in /proc belong to root, and only root can attach a debugger.
"""

from __future__ import annotations

import ctypes
import resource
from collections.abc import Mapping
from contextlib import suppress

DEBUG_VARIABLE = "ALIEND_DEBUGGABLE"
"""Set to 1, it leaves the processes open to debuggers of the same user. They never write a core file."""
_PR_SET_DUMPABLE = 4
"""prctl(2)."""


def close_to_others(environment: Mapping[str, str]) -> None:
    """Write no core file, and accept no debugger unless ALIEND_DEBUGGABLE is 1. Do what the system allows."""
    # tickets and passphrases must never reach a core file
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if environment.get(DEBUG_VARIABLE) == "1":
        return
    with suppress(OSError, AttributeError):  # not Linux
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
