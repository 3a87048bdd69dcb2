"""Runs a program as if every disk were full: its writes to files fail with `No space left on device`.

Usage: `python full_disk.py PROGRAM ARGUMENTS`. A seccomp filter refuses the system calls that write at a position;
sockets and logs do not use these.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys

_SET_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _NO_SPACE = 0x7FFF0000, 0x00050000 | 28
_CALLS = {
    "x86_64": (0xC000003E, (18, 296, 328, 285)),
    "aarch64": (0xC00000B7, (68, 70, 287, 47)),
}
"""For each machine its audit number, and the numbers of pwrite64, pwritev, pwritev2 and fallocate."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _instruction(code: int, yes: int, no: int, value: int) -> bytes:
    return struct.pack("HBBI", code, yes, no, value)


def _filter() -> bytes:
    machine, calls = _CALLS[platform.machine()]
    steps = [
        _instruction(_LOAD, 0, 0, 4),
        _instruction(_EQUAL, 1, 0, machine),
        _instruction(_RETURN, 0, 0, _ALLOW),
        _instruction(_LOAD, 0, 0, 0),
    ]
    for call in calls:
        steps += [_instruction(_EQUAL, 0, 1, call), _instruction(_RETURN, 0, 0, _NO_SPACE)]
    return b"".join([*steps, _instruction(_RETURN, 0, 0, _ALLOW)])


def main(command: list[str]) -> None:
    """Execute `command` with full disks. Raises OSError if the kernel has no seccomp filters."""
    library, steps = ctypes.CDLL(None, use_errno=True), _filter()
    program = _Program(len(steps) // 8, steps)
    for request in ((_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0), (_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0)):
        if library.prctl(*request) != 0:
            raise OSError(ctypes.get_errno(), "this kernel cannot simulate a full disk")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
