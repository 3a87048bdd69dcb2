"""Local files as whole things: what is at a target already, its directories, a checksum."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from aliend.core.transfers.overwrite import compares_content
from aliend.errors import CopyError
from aliend.storage.errors import disk_error, read_error
from aliend.storage.tasks import Checksum, Checksummed, Download

_CHUNK = 4 << 20
Check = Callable[[], None]
"""Raises when the work shall stop."""


def checksum(task: Checksum, check: Check, on_progress: Callable[[int], None]) -> Checksummed:
    """Size and md5 of a local file; `told` hears the bytes so far."""
    size, digest = 0, hashlib.md5(usedforsecurity=False)
    try:
        with Path(task.path).open("rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise CopyError(f"{task.path}: is not a file", "permanent")
            while data := file.read(_CHUNK):
                check()
                digest.update(data)
                size += len(data)
                on_progress(size)
    except OSError as error:
        raise read_error(error, task.path) from error
    return Checksummed(size, digest.hexdigest())


def is_already_complete(task: Download, check: Check) -> bool:
    """Whether the target is the wanted file (same size and same known md5) and is not to be written in any case.

    False: it may be written. CopyError of kind `permanent` when something else is there that must stay.
    """
    target = Path(task.target)
    try:
        existing = target.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise disk_error(error, task.target) from error
    if not stat.S_ISREG(existing.st_mode):
        raise CopyError(f"{target}: {_kind_of(existing.st_mode)} is in the way; choose another name", "permanent")
    if compares_content(task.overwrite) and task.md5 and existing.st_size == task.size:
        local = checksum(Checksum(task.id, task.target), check, lambda _: None)
        if local.md5 == task.md5:
            return True
    return False


def make_parent_directories(target: Path, umask: int) -> None:
    """Make the directories above the target, with mode `0777 & ~umask`.

    The process' own umask must be 0.
    """
    missing = []
    try:
        for parent in target.parents:
            if parent.exists():
                break
            missing.append(parent)
        for parent in reversed(missing):
            parent.mkdir(mode=0o777 & ~umask, exist_ok=True)
    except OSError as error:
        raise disk_error(error, str(error.filename)) from error


def remove_empty_directories(directories: Iterable[str]) -> None:
    """Remove those of the directories that are empty, the deepest first; what cannot be removed stays."""
    for directory in sorted(directories, key=len, reverse=True):
        with contextlib.suppress(OSError):
            Path(directory).rmdir()


def _kind_of(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a directory"
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    return "a special file"
