"""Operations on whole local files: checksum, check of an existing target, parent directories."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from aliend.core.transfers.overwrite import compares_content
from aliend.errors import CopyError
from aliend.storage.errors import disk_error, read_error
from aliend.storage.tasks import Checksum, Checksummed, ChecksummedFiles, Checksums, Download

_CHUNK = 4 << 20
Check = Callable[[], None]
"""Raises `Stopped` if the task is to stop."""


def checksum(task: Checksum, check: Check, on_progress: Callable[[int], None]) -> Checksummed:
    """Return size and md5 of a local file; `on_progress` receives the bytes so far."""
    size, digest = 0, hashlib.md5(usedforsecurity=False)
    try:
        with Path(task.path).open("rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise CopyError(f"{task.path} is not a file", "permanent")
            while data := file.read(_CHUNK):
                check()
                digest.update(data)
                size += len(data)
                on_progress(size)
    except OSError as error:
        raise read_error(error, task.path) from error
    return Checksummed(size, digest.hexdigest())


def checksums(task: Checksums, check: Check) -> ChecksummedFiles:
    """Return size and md5 of each file; the md5 of one that cannot be read is empty."""
    found = []
    for path in task.paths:
        check()
        try:
            found.append(checksum(Checksum(task.id, path), check, lambda _: None))
        except CopyError:
            found.append(Checksummed(0, ""))
    return ChecksummedFiles(tuple(found))


def is_already_complete(task: Download, check: Check) -> bool:
    """Return whether the target is the wanted file (same size and known md5) and need not be overwritten.

    False: it may be written. Raises CopyError `permanent` if the target is not a regular file.
    """
    target = Path(task.target)
    try:
        existing = target.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise disk_error(error, task.target) from error
    if not stat.S_ISREG(existing.st_mode):
        raise CopyError(
            f"{target} exists and is {_kind_of(existing.st_mode)}; choose another name", "permanent"
        ).with_errno(errno.EEXIST)
    if compares_content(task.overwrite) and task.md5 and existing.st_size == task.size:
        local = checksum(Checksum(task.id, task.target), check, lambda _: None)
        if local.md5 == task.md5:
            return True
    return False


def remove_empty_directories(directories: Iterable[str]) -> None:
    """Remove the empty ones of the directories, deepest first; ignore those that cannot be removed."""
    for directory in sorted(directories, key=len, reverse=True):
        with contextlib.suppress(OSError):
            Path(directory).rmdir()


def _kind_of(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a directory"
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    return "a special file"
