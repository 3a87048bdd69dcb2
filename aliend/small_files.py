"""Reads small files of known names defensively: a FIFO or a device does not block, and a huge file is not read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

MIB = 1 << 20


def read_small(path: Path, largest: int = MIB) -> bytes:
    """Return the content of a regular file of at most `largest` bytes. Raises OSError with the reason. Blocks."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with open(descriptor, "rb") as opened:  # noqa: PTH123 (a descriptor has no path)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is not a regular file")
        if status.st_size > largest:
            raise OSError(0, f"it has more than {largest // MIB} MiB")
        return opened.read(largest)
