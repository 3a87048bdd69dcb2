"""Lists local files for an upload, in batches, in the order of the directories. Blocking: it runs in a thread."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from aliend.errors import Obstacle
from aliend.storage.errors import read_error

BATCH = 500


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file (absolute path, name below the source, bytes), or why it cannot be uploaded.

    `obstacle` is a problem that the user can fix, `error_number` the errno of any problem (0: none). `changed_ms` is
    its modification time (POSIX milliseconds), `owner` and `group` are names of this machine. `device`, `inode`,
    `modified_ns` and `status_ns` (mtime and ctime, POSIX nanoseconds) identify its content; `is_link`: its name is a
    link to it.
    """

    path: str
    below: str
    size: int
    problem: str = ""
    changed_ms: int = 0
    owner: str = ""
    group: str = ""
    is_unreadable_directory: bool = False
    device: int = 0
    inode: int = 0
    modified_ns: int = 0
    status_ns: int = 0
    is_link: bool = False
    obstacle: Obstacle | None = None
    error_number: int = 0


def stat_source(path: str) -> LocalFile | None:
    """Return a single source; None if it is a directory. Links are followed, because the user named it."""
    try:
        status = Path(path).stat()
    except OSError as error:
        return _unreadable(path, "", error)
    if stat.S_ISDIR(status.st_mode):
        return None
    if not stat.S_ISREG(status.st_mode):
        return LocalFile(path, "", 0, f"{path} is not a regular file")
    return _described(path, "", status)


def is_directory(path: str) -> bool:
    """Return whether a local path is a directory. Raises CopyError if the file system does not answer."""
    try:
        return stat.S_ISDIR(Path(path).stat().st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError as error:
        raise read_error(error, path) from error


def walk(directory: str) -> Iterator[list[LocalFile]]:
    """Return all files below a directory.

    Links to files are followed, links to directories are reported as problems.
    """
    batch: list[LocalFile] = []
    for file in _walk(directory.rstrip("/") or "/", ""):
        batch.append(file)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _walk(directory: str, below: str) -> Iterator[LocalFile]:
    waiting = [(directory, below)]
    while waiting:
        path, prefix = waiting.pop()
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if _is_directory(entry):
                        waiting.append((entry.path, f"{prefix}{entry.name}/"))
                    else:
                        yield _file(entry, prefix + entry.name)
        except OSError as error:  # also after some of its entries
            yield replace(_unreadable(path, prefix.rstrip("/"), error), is_unreadable_directory=True)


def _is_directory(entry: os.DirEntry[str]) -> bool:
    """Return whether it is a directory; `_file` reports an entry whose kind cannot be read."""
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _file(entry: os.DirEntry[str], below: str) -> LocalFile:
    try:
        if entry.is_dir():
            return LocalFile(entry.path, below, 0, f"{entry.path} is a link to a directory, which is not followed")
        status = entry.stat()
    except OSError as error:
        return _unreadable(entry.path, below, error)
    if not stat.S_ISREG(status.st_mode):
        return LocalFile(entry.path, below, 0, f"{entry.path} is not a regular file")
    return replace(_described(entry.path, below, status), is_link=entry.is_symlink())


def _unreadable(path: str, below: str, error: OSError) -> LocalFile:
    """Return what cannot be read. Only a missing permission is an obstacle: a bad disk must not stop other files."""
    refused = read_error(error, path)
    obstacle = refused.obstacle if refused.obstacle and refused.obstacle.kind == "reading" else None
    return LocalFile(path, below, 0, str(refused), obstacle=obstacle, error_number=refused.error_number)


def _described(path: str, below: str, status: os.stat_result) -> LocalFile:
    return LocalFile(
        path,
        below,
        status.st_size,
        changed_ms=status.st_mtime_ns // 1_000_000,
        owner=name_of_user(status.st_uid),
        group=name_of_group(status.st_gid),
        device=status.st_dev,
        inode=status.st_ino,
        modified_ns=status.st_mtime_ns,
        status_ns=status.st_ctime_ns,
    )


@cache
def name_of_user(number: int) -> str:
    """Return the name of a user of this machine; the number if it has none."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


@cache
def name_of_group(number: int) -> str:
    """Return the name of a group of this machine; the number if it has none."""
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
