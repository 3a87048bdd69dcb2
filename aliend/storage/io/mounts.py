"""Looks up the file system of a path, and compares it with the one that a job recorded. Blocking, for a thread."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from aliend.core.catalogue.file_system import FileSystem, expected_for, is_below, is_same
from aliend.errors import CopyError, Obstacle
from aliend.storage.errors import disk_error

_ESCAPE = re.compile(rb"\\([0-7]{3})")


def file_system_of(path: str) -> FileSystem:
    """Return the file system of a directory, or of its nearest parent that exists. Raises OSError."""
    directory = nearest_existing(Path(os.path.realpath(path)))
    if not directory.is_dir():
        directory = directory.parent
    device, disk = directory.stat().st_dev, os.statvfs(directory)
    return _described(_mount_point(directory, device), device, disk.f_fsid)


def require_recorded(target: str, recorded: Sequence[FileSystem]) -> None:
    """Raise CopyError (kind `local`) if the file system of the target is not the recorded one, or does not answer.

    The usual case, one recorded file system that is there, takes two system calls.
    """
    if not recorded:
        return
    try:
        parent = Path(target).parent
        if len(recorded) == 1 and parent.exists() and _is_at(parent, recorded[0]):
            return
        present, expected = file_system_of(str(parent)), expected_for(os.path.realpath(target), recorded)
    except OSError as error:
        raise disk_error(error, target) from error
    if expected is None or is_same(expected, present):
        return
    reason = f"the disk that was mounted at {expected.mount} is missing; mount it again"
    if len(present.mount) >= len(expected.mount):
        reason = f"another disk is mounted at {present.mount} now; mount the one that was there"
    raise CopyError(f"{target}: {reason}", "local", retry_after=30.0, obstacle=Obstacle("mount", target)).with_errno(
        errno.ENODEV
    )


def unrecorded(directory: str, root: str, recorded: Sequence[FileSystem]) -> list[FileSystem]:
    """Return the file system of a directory if it is mounted below `root` and not recorded; otherwise none.

    Raises CopyError as `require_recorded` if the directory is not where it was.
    """
    try:
        present = file_system_of(directory)
    except OSError:
        return []  # the copy itself will report it
    real_root = os.path.realpath(root)
    expected = expected_for(os.path.realpath(directory), recorded)
    is_nested = is_below(present.mount, real_root) and present.mount != real_root
    if is_nested and (expected is None or len(expected.mount) < len(present.mount)):
        return [present]
    require_recorded(f"{directory}/file", recorded)
    return []


def nearest_existing(path: Path) -> Path:
    """Return the path, or its nearest parent that exists."""
    for candidate in (path, *path.parents):
        try:
            candidate.lstat()
        except FileNotFoundError:
            continue
        except OSError:
            return candidate.parent
        return candidate
    return Path("/")


def _is_at(directory: Path, recorded: FileSystem) -> bool:
    return directory.stat().st_dev == recorded.device and os.statvfs(directory).f_fsid == recorded.number


def _mount_point(directory: Path, device: int) -> str:
    for parent in directory.parents:
        if parent.stat().st_dev != device:
            break
        directory = parent
    return str(directory)


@cache
def _described(mount: str, device: int, number: int) -> FileSystem:
    """Return the file system with its entry in the mount table; read only once for each."""
    kind, source = _mount_table().get(mount, ("", ""))
    return FileSystem(mount, device, number, kind, source, _boot())


def _mount_table() -> dict[str, tuple[str, str]]:
    """Return type and source of what is mounted, by mount point; Linux only (proc(5), mountinfo)."""
    table: dict[str, tuple[str, str]] = {}
    with suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_bytes().splitlines():
            place, _, rest = line.partition(b" - ")
            fields, kinds = place.split(b" "), rest.split(b" ")
            if len(fields) > 4 and len(kinds) > 1:
                table[_text(fields[4])] = (_text(kinds[0]), _text(kinds[1]))
    return table


def _text(field: bytes) -> str:
    return os.fsdecode(_ESCAPE.sub(lambda match: bytes([int(match[1], 8)]), field))


@cache
def _boot() -> str:
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""
