"""The file systems of the targets of a download: recorded at its submission, and for its files as they are found.

Blocking, for a thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from aliend.core.catalogue.file_system import FileSystem
from aliend.core.copying.target_paths import target_root
from aliend.core.transfers.job import JobSpec
from aliend.storage.io import mounts
from aliend.store import NewTransfer


def with_file_systems(spec: JobSpec) -> JobSpec:
    """Return the specification with the file systems on which its targets are."""
    found: list[FileSystem] = []
    for directory in sorted({_directory_of(target) for target in spec.targets or (spec.target,)}):
        with suppress(OSError):  # the job reports a file system that does not answer
            found.append(mounts.file_system_of(directory))
    return replace(spec, file_systems=tuple(dict.fromkeys(found)))


def require_disks(spec: JobSpec) -> None:
    """Raise CopyError (kind `local`) if the target of a job is not on the file system where it was."""
    if not spec.targets:
        mounts.require_recorded(f"{_directory_of(spec.target)}/file", spec.file_systems)


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
