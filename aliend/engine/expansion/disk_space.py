"""Whether the files of a download fit on the disk, looked at while they are found out. Blocking, for a thread."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from aliend.errors import CopyError, Obstacle
from aliend.storage.io.partial_file import default_reserve
from aliend.store import NewTransfer


class DiskSpaceCheck:
    """The room for one job below `target`; `keep_free` as in `storage.tasks.Download`.

    What is free is looked at once, at the first files: what the job itself writes afterwards must not count twice.
    """

    def __init__(self, target: str, keep_free: int) -> None:
        self._target = Path(target)
        self._keep_free = keep_free
        self._needed = 0
        self._free = self._kept = -1

    def require_space(self, found: Sequence[NewTransfer]) -> None:
        """CopyError of kind `local` when the files found so far do not fit; those that are there need nothing."""
        if self._free < 0:
            self._measure()
        self._needed += sum(one.size for one in found if one.target and not one.problem and not _exists(one))
        if self._needed <= self._free - self._kept or self._needed - self._partial_bytes() <= self._free - self._kept:
            return
        raise CopyError(
            f"{self._target}: the files of this job that are known so far need {self._needed} bytes, {self._free} are "
            f"free and {self._kept} of them are to be left free: make room",
            "local",
            retry_after=30.0,
            obstacle=Obstacle("space", str(self._target), self._needed - self._partial_bytes() + self._kept),
        )

    def _measure(self) -> None:
        place = next((path for path in (self._target, *self._target.parents) if path.exists()), Path("/"))
        disk = os.statvfs(place)
        self._free = disk.f_bavail * disk.f_frsize
        self._kept = default_reserve(disk.f_blocks * disk.f_frsize) if self._keep_free < 0 else self._keep_free

    def _partial_bytes(self) -> int:
        """Bytes of files that arrived in part; they are on the disk already."""
        place = self._target if self._target.is_dir() else self._target.parent
        return sum(max(0, _size(path)) for path in place.rglob(".*.part"))


def _exists(one: NewTransfer) -> bool:
    return _size(Path(one.target)) == one.size


def _size(path: Path) -> int:
    """In bytes; -1 for what is not there."""
    try:
        return path.lstat().st_size
    except OSError:
        return -1
