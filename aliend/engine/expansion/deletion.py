"""Deletes files that only the target of a synchronisation has; each is checked again, and only that file is deleted."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Sequence
from typing import Literal

from aliend.core.catalogue import local_paths
from aliend.core.catalogue.paths import MISREAD, is_misread
from aliend.engine.expansion.sync_listing import NO_GUID
from aliend.engine.ports import CataloguePort
from aliend.errors import OutcomeUnknown, ServiceError
from aliend.store import Deletion

_CHANGED = "it has changed since it was listed"
DeletionOutcome = tuple[Literal["deleted", "kept"], str]
"""What happened to a file, and why it was kept."""


async def delete_local(directory: str, deletions: Sequence[Deletion]) -> list[DeletionOutcome]:
    """Delete local files below a directory."""
    return [await asyncio.to_thread(_delete, directory, deletion) for deletion in deletions]


async def delete_in_catalogue(
    catalogue: CataloguePort, directory: str, deletions: Sequence[Deletion]
) -> list[DeletionOutcome]:
    """Delete files of the catalogue below a directory (at most 50). Raises AliendError if the result is unknown."""
    root = directory.rstrip("/") + "/"
    before = await _guids(catalogue, [root + deletion.below for deletion in deletions])
    unchanged = [
        root + deletion.below for deletion in deletions if before.get(root + deletion.below) == deletion.fingerprint
    ]
    error_text = ""
    try:
        await catalogue.remove_all([lfn for lfn in unchanged if not set("*?") & set(lfn) and not is_misread(lfn)])
    except (ServiceError, OutcomeUnknown) as error:
        error_text = str(error)
    after = await _guids(catalogue, unchanged) if unchanged else {}
    return [_outcome(root + deletion.below, deletion.fingerprint, before, after, error_text) for deletion in deletions]


def _outcome(
    lfn: str, fingerprint: str, before: dict[str, str], after: dict[str, str], error_text: str
) -> DeletionOutcome:
    if is_misread(lfn):
        return "kept", MISREAD
    if lfn not in before:
        return "deleted", ""
    if before[lfn] != fingerprint:
        return "kept", _CHANGED
    if after.get(lfn) != fingerprint:  # a directory of the same name may appear in its place
        return "deleted", ""
    if set("*?") & set(lfn):
        return "kept", "the central service treats * and ? as wildcards"
    return "kept", error_text or "the central service did not remove it"


async def _guids(catalogue: CataloguePort, lfns: Sequence[str]) -> dict[str, str]:
    entries, _ = await catalogue.stat(lfns)
    return {entry.lfn.rstrip("/"): "directory" if entry.is_directory else entry.guid or NO_GUID for entry in entries}


def _delete(directory: str, deletion: Deletion) -> DeletionOutcome:
    """Open each directory from the root on, without following links."""
    *parents, name = deletion.below.split("/")
    if any(local_paths.why_refused(component) for component in (*parents, name)):
        return "kept", "its name is refused"
    opened: list[int] = []
    try:
        opened.append(os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        for parent in parents:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            opened.append(os.open(parent, flags, dir_fd=opened[-1]))
        status = os.stat(name, dir_fd=opened[-1], follow_symlinks=False)
        fingerprint = f"{status.st_dev}:{status.st_ino}:{status.st_mtime_ns}:{status.st_size}"
        listed = ":".join(deletion.fingerprint.split(":")[:4])  # the deletion of another link changes the ctime
        if not stat.S_ISREG(status.st_mode) or fingerprint != listed:
            return "kept", _CHANGED
        os.unlink(name, dir_fd=opened[-1])
    except FileNotFoundError:
        return "deleted", ""
    except OSError as error:
        return "kept", os.strerror(error.errno or 0)
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return "deleted", ""
