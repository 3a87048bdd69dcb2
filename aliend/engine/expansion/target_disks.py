"""The file systems and directories of the targets of a download: recorded at its submission, and for its files as they
are found.

All functions but the asynchronous one block and belong in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from aliend.core.catalogue.file_system import Directory, FileSystem, directory_above, has_lasting_inodes
from aliend.core.catalogue.local_paths import local_path
from aliend.core.copying.target_paths import target_root
from aliend.core.transfers.job import JobSpec
from aliend.storage.io import mounts, target_directory
from aliend.store import NewTransfer, Store


def with_file_systems(spec: JobSpec) -> JobSpec:
    """Return the specification with the file systems and the directories of its targets."""
    found: dict[FileSystem, None] = {}
    directories: dict[Directory, None] = {}
    for directory in sorted({_directory_of(target) for target in spec.targets or (spec.target,)}):
        with suppress(OSError):  # the job reports a file system that does not answer
            disk = mounts.file_system_of(directory)
            found[disk] = None
            if has_lasting_inodes(disk):
                directories[_nearest_directory(directory)] = None
    return replace(spec, file_systems=tuple(found), directories=tuple(directories))


async def record_directories_again(store: Store, number: int) -> None:
    """Accept the present directories of the targets of a download, because the user tries again. Raises StoreError."""
    spec = (await store.job(number)).spec
    if spec.direction == "download" and spec.directories:
        now = await asyncio.to_thread(with_file_systems, spec)
        await store.change_spec(number, lambda old: replace(old, directories=now.directories))


def require_disks(spec: JobSpec) -> None:
    """Raise CopyError if the target of a job is not in the directory where it was; kind `local`: on another disk."""
    if not spec.targets:
        require_place(_directory_of(spec.target).rstrip("/") + "/", spec)


def require_place(target: str, spec: JobSpec) -> None:
    """Raise CopyError if a target (a directory ends in `/`) is not where it was when the job was submitted.

    Its kind is `local` for another disk, and `permanent` for a directory that was moved or replaced.
    """
    inside = f"{target}file" if target.endswith("/") else target
    mounts.require_recorded(inside, spec.file_systems)
    target_directory.require_recorded(target, directory_above(target, spec.directories))


def require_no_link(target: str, spec: JobSpec) -> None:
    """Raise CopyError if a link has appeared between the target's root and the target."""
    root = target_root(target, spec.targets or (spec.target,))
    relative = target.removeprefix(root.rstrip("/") + "/")
    if relative != target:
        local_path(root, relative, lambda path: Path(path).is_symlink())


def disks_below(spec: JobSpec, files: Sequence[NewTransfer]) -> list[FileSystem]:
    """Return file systems mounted below the job's targets that hold some of the files and are not recorded yet.

    Raises CopyError (kind `local`) if a file is not on the file system where it was.
    """
    roots = spec.targets or (spec.target,)
    directories = {
        str(Path(file.target).parent): target_root(file.target, roots)
        for file in files
        if file.target and not file.problem
    }
    known = list(spec.file_systems)
    for directory, root in sorted(directories.items()):
        known += mounts.unrecorded(directory, root, known)
    return known[len(spec.file_systems) :]


def _directory_of(target: str) -> str:
    """Return the directory that a target is, or lies in."""
    return target if target.endswith("/") or Path(target).is_dir() else str(Path(target).parent)


def _nearest_directory(path: str) -> Directory:
    """Return a directory, or the nearest one above it that exists; links are followed. Raises OSError."""
    nearest = mounts.nearest_existing(Path(path))
    if not nearest.is_dir():
        nearest = nearest.parent
    return Directory(str(nearest), nearest.stat().st_ino)
