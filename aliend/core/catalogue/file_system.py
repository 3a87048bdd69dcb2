"""Identity of the file system and the directory of a download's target: a job writes only where its target was when it
was submitted.

A disk that is unmounted leaves its mount point, an ordinary directory of another file system; a directory can be moved
and another one, or a link, get its name. Pure; the facts come from `aliend.storage.io`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_LASTING_NUMBERS = frozenset({"ext2", "ext3", "ext4", "btrfs", "zfs"})
"""Types whose `number` is derived from a UUID on the disk."""
_LASTING_INODES = frozenset({*_LASTING_NUMBERS, "xfs", "f2fs", "tmpfs", "nfs", "nfs4", "afs", "ceph", "lustre", "gpfs"})
"""Types whose inode numbers stay the same while a directory exists; those of FUSE and overlays may change."""


@dataclass(frozen=True, slots=True)
class FileSystem:
    """A mounted file system: its mount point, `device` (`st_dev`) and `number` (`f_fsid` of statvfs, 0: unknown).

    `kind` and `source` are those of the mount table (`nfs4`, `server:/export`; empty: unknown), `boot` is the id of the
    system's start.
    """

    mount: str
    device: int
    number: int
    kind: str = ""
    source: str = ""
    boot: str = ""


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory that exists: its absolute path, and its inode number on its file system."""

    path: str
    inode: int


def has_lasting_inodes(file_system: FileSystem) -> bool:
    """Return whether a directory on the file system can be recognised by its inode number."""
    return file_system.kind in _LASTING_INODES


def directory_above(target: str, recorded: Sequence[Directory]) -> Directory | None:
    """Return the innermost recorded directory that contains `target`, an absolute path; None if none does."""
    above = [one for one in recorded if is_below(target, one.path)]
    return max(above, key=lambda one: len(one.path), default=None)


def is_same(recorded: FileSystem, present: FileSystem) -> bool:
    """Return whether the file system that is present now is the recorded one.

    Device numbers are given out again: the next disk may get those of the last one. Network file systems have new
    numbers after each mount, and file systems in memory after each start of the system.
    """
    if recorded.mount != present.mount:
        return recorded.device == present.device and recorded.number == present.number
    if recorded.mount == "/" or (recorded.number and recorded.number == present.number):
        return True
    if recorded.kind != present.kind:
        return False
    if _is_network(recorded):
        return recorded.source == present.source
    if recorded.boot == present.boot:
        return recorded.device == present.device and recorded.number == present.number
    return recorded.kind not in _LASTING_NUMBERS


def expected_for(path: str, recorded: Sequence[FileSystem]) -> FileSystem | None:
    """Return the recorded file system of an absolute path without links; None if none was recorded."""
    covering = [one for one in recorded if is_below(path, one.mount)]
    return max(covering, key=lambda one: len(one.mount), default=None)


def is_below(path: str, directory: str) -> bool:
    """Return whether an absolute path is the directory or lies below it."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _is_network(file_system: FileSystem) -> bool:
    return ":" in file_system.source or file_system.source.startswith("//") or file_system.kind.startswith("fuse.")
