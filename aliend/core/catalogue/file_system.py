"""Identity of the file system of a download's target: a job writes only where its target was when it was submitted.

A disk that is unmounted leaves its mount point, an ordinary directory of another file system. Pure; the facts come from
`aliend.storage.io.mounts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_LASTING_NUMBERS = frozenset({"ext2", "ext3", "ext4", "btrfs", "zfs"})
"""Types whose `number` is derived from a UUID on the disk."""


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


def _is_network(one: FileSystem) -> bool:
    return ":" in one.source or one.source.startswith("//") or one.kind.startswith("fuse.")
