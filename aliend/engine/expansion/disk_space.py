"""Checks whether the files of a download fit on the disk while its files are being listed. Blocking, for a thread."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from aliend.core.cli.units import format_size
from aliend.errors import CopyError, Obstacle
from aliend.storage.errors import disk_error
from aliend.storage.io.mounts import nearest_existing
from aliend.storage.io.partial_file import available_bytes, reserved_bytes
from aliend.store import NewTransfer


class DiskSpaceCheck:
    """The disk space for one job below `target`; `keep_free` as in `storage.tasks.Download`.

    The free space is measured once, before the first files: what the job itself writes later must not count twice.
    """

    def __init__(self, target: str, keep_free: int) -> None:
        self._target = Path(target)
        self._keep_free = keep_free
        self._needed = 0
        self._usable = self._reserved = -1

    def require_space(self, files: Sequence[NewTransfer]) -> None:
        """Add `files` to those listed so far. Raises CopyError (kind `local`) if all together do not fit.

        Files that exist with their full size need no space, and the bytes of partial files are on the disk already.
        """
        if self._reserved < 0:
            try:
                disk = os.statvfs(nearest_existing(self._target))
            except OSError as error:
                raise disk_error(error, str(self._target)) from error
            self._reserved = reserved_bytes(disk, self._keep_free)
            self._usable = available_bytes(disk) - self._reserved
        self._needed += sum(file.size for file in files if file.target and not file.problem and not _exists(file))
        if self._needed <= self._usable or self._needed - self._partial_bytes() <= self._usable:
            return
        raise CopyError(
            f"{self._target}: the files of this job found so far need {format_size(self._needed)}, but only "
            f"{format_size(max(0, self._usable))} are available; free some space",
            "local",
            retry_after=30.0,
            obstacle=Obstacle("space", str(self._target), self._needed - self._partial_bytes() + self._reserved),
        )

    def _partial_bytes(self) -> int:
        """Return the bytes of partial files."""
        directory = self._target if self._target.is_dir() else self._target.parent
        names = (Path(place, name) for place, _, files in os.walk(directory) for name in files)
        return sum(max(0, _size(path)) for path in names if path.match(".*.part"))


def _exists(file: NewTransfer) -> bool:
    return _size(Path(file.target)) == file.size


def _size(path: Path) -> int:
    """Return the size in bytes; -1 if the path does not exist."""
    try:
        return path.lstat().st_size
    except OSError:
        return -1
