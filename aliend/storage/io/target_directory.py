"""Holds the directory of a download's target open: a directory that is moved, or replaced by a link, redirects nothing.

All names in it are used relative to its descriptor. Blocking, for a thread.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aliend.core.catalogue.file_system import Directory
from aliend.errors import CopyError
from aliend.storage.errors import disk_error

_HOLD = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
"""A directory without read permission can hold files too; only Linux has O_PATH."""


class TargetDirectory:
    """An open directory; create it with `TargetDirectory.open`."""

    def __init__(self, target: Path, fd: int) -> None:
        self.fd = fd
        self._target = target

    @classmethod
    @contextmanager
    def open(cls, target: Path, above: Directory | None = None, umask: int | None = None) -> Iterator[TargetDirectory]:
        """Open the directory of a target file.

        With `umask`, create it if it is missing (mode `0777 & ~umask`; the process must have umask 0).

        `above` is the recorded directory from which it is reached without links. Raises CopyError: `permanent` if
        another directory has that name now, or a link is on the way; otherwise as `disk_error`.
        """
        fd = _open(target, above, umask)
        try:
            yield cls(target, fd)
        finally:
            os.close(fd)

    def require_in_place(self) -> None:
        """Raise CopyError, `permanent`, if its path leads to another directory now."""
        ours = os.fstat(self.fd)
        try:
            named = self._target.parent.stat()
        except OSError as error:
            raise moved(self._target) from error
        if (named.st_dev, named.st_ino) != (ours.st_dev, ours.st_ino):
            raise moved(self._target)

    def sync(self) -> None:
        """Flush the names in it to the disk. Raises OSError."""
        fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.fd)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def require_recorded(target: str, above: Directory | None) -> None:
    """Raise CopyError, `permanent`, if another directory has the path of the recorded one above the target."""
    if above is None:
        return
    try:
        if Path(above.path).stat().st_ino == above.inode:
            return
    except OSError as error:
        raise moved(target) from error
    raise moved(target)


def moved(target: Path | str) -> CopyError:
    """Return the error for a target whose directory is not the one that it was."""
    return CopyError(
        f"{target}: its directory was moved or replaced during the download; copy the file again", "permanent"
    )


def _open(target: Path, above: Directory | None, umask: int | None) -> int:
    path = target.parent
    start = Path(above.path) if above else next(one for one in (path, *path.parents) if one.exists())
    try:
        fd = os.open(start, _HOLD)
    except OSError as error:
        raise moved(target) if above else disk_error(error, str(start)) from error
    try:
        if above and os.fstat(fd).st_ino != above.inode:
            raise moved(target)
        for component in path.relative_to(start).parts:
            start /= component
            outer, fd = fd, _open_below(fd, start, umask)
            os.close(outer)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _open_below(fd: int, path: Path, umask: int | None) -> int:
    """Open the directory `path` by its last component, which must not be a link, in the directory `fd`."""
    flags = _HOLD | os.O_NOFOLLOW
    try:
        try:
            return os.open(path.name, flags, dir_fd=fd)
        except FileNotFoundError:
            if umask is None:
                raise
            with suppress(FileExistsError):
                os.mkdir(path.name, 0o777 & ~umask, dir_fd=fd)
            return os.open(path.name, flags, dir_fd=fd)
    except OSError as error:
        if path.is_symlink():
            raise CopyError(
                f"{str(path)!r} is a symbolic link; files are not written through links below the target", "permanent"
            ) from None
        raise disk_error(error, str(path)) from error
