"""Removes files that only the target of a synchronisation has: each is looked at again, and only what was seen goes."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Sequence
from typing import Literal

from aliend.core.catalogue import local_paths
from aliend.engine.expansion.sync_listing import NO_GUID
from aliend.engine.ports import CataloguePort
from aliend.errors import OutcomeUnknown, ServiceError
from aliend.store import Deletion

_CHANGED = "it has changed since it was looked at"
Outcome = tuple[Literal["deleted", "kept"], str]
"""What became of a file, and why it was kept."""


async def erase_here(directory: str, found: Sequence[Deletion]) -> list[Outcome]:
    """Remove local files below a directory."""
    return [await asyncio.to_thread(_erase, directory, one) for one in found]


async def erase_in_catalogue(catalogue: CataloguePort, directory: str, found: Sequence[Deletion]) -> list[Outcome]:
    """Remove files of the catalogue below a directory (at most 50). Raises AliendError where nothing can be said."""
    root = directory.rstrip("/") + "/"
    before = await _guids(catalogue, [root + one.below for one in found])
    chosen = [root + one.below for one in found if before.get(root + one.below) == one.mark]
    words = ""
    try:
        await catalogue.remove_all([lfn for lfn in chosen if not set("*?") & set(lfn)])
    except (ServiceError, OutcomeUnknown) as error:
        words = str(error)
    after = await _guids(catalogue, chosen) if chosen else {}
    return [_outcome(root + one.below, one.mark, before, after, words) for one in found]


def _outcome(lfn: str, mark: str, before: dict[str, str], after: dict[str, str], words: str) -> Outcome:
    if lfn not in before:
        return "deleted", ""
    if before[lfn] != mark:
        return "kept", _CHANGED
    if lfn not in after:
        return "deleted", ""
    if set("*?") & set(lfn):
        return "kept", "the central service would take * and ? for wildcards"
    return "kept", words or "the central service does not remove it"


async def _guids(catalogue: CataloguePort, lfns: Sequence[str]) -> dict[str, str]:
    entries, _ = await catalogue.stat(lfns)
    return {entry.lfn.rstrip("/"): "directory" if entry.is_directory else entry.guid or NO_GUID for entry in entries}


def _erase(directory: str, one: Deletion) -> Outcome:
    """Step by step from the directory, without following a link on the way."""
    *parents, name = one.below.split("/")
    if any(local_paths.why_refused(component) for component in (*parents, name)):
        return "kept", "its name is refused"
    opened: list[int] = []
    try:
        opened.append(os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        for parent in parents:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            opened.append(os.open(parent, flags, dir_fd=opened[-1]))
        seen = os.stat(name, dir_fd=opened[-1], follow_symlinks=False)
        mark = f"{seen.st_dev}:{seen.st_ino}:{seen.st_mtime_ns}:{seen.st_size}"
        if not stat.S_ISREG(seen.st_mode) or mark != one.mark:
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
