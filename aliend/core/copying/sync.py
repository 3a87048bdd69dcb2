"""Decides what a synchronisation copies and deletes, and builds its job. Pure.

Names below source and target are compared: the size first, then the md5 if both sides know it. Files are deleted whose
names the source does not have; whether deletion is allowed depends on how the listing of the source went.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from aliend.core.catalogue.selection import Selection
from aliend.core.copying.locations import ResolvedPath, direction_of
from aliend.core.transfers.job import JobSpec
from aliend.errors import UsageError

Action = Literal["copy", "delete", "fail"]
_TEMPORARY_NAME = re.compile(r"\..*\.\d+\.(?:part|new|old)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file on one side: bytes, md5 (empty: unknown)."""

    size: int
    md5: str = ""


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One planned action; `below` is the file's name below source and target.

    `reason` explains it; `fail` is a file of the source that cannot be copied. `fingerprint` identifies what is to be
    deleted.
    """

    action: Action
    below: str
    source: str
    target: str
    size: int
    reason: str
    md5: str = ""
    fingerprint: str = ""


def may_differ(source: FileFacts, target: FileFacts | None) -> bool:
    """Return whether the md5 of both sides is needed to decide whether the file must be copied."""
    return target is not None and source.size == target.size and source.size > 0


def difference(source: FileFacts, target: FileFacts | None) -> str:
    """Return why the file must be copied; empty: it need not. An unknown md5 counts as the same."""
    if target is None:
        return "missing"
    if source.size != target.size:
        return f"{target.size} bytes there, {source.size} here"
    if source.size and source.md5 and target.md5 and source.md5 != target.md5:
        return "same size, different content"
    return ""


def is_temporary_name(below: str) -> bool:
    """Return whether the name is a temporary one that aliend's copies use beside their targets."""
    return _TEMPORARY_NAME.fullmatch(below.rpartition("/")[2]) is not None


def why_no_deletion(files: int, problems: int, first_problem: str, target_problem: str = "") -> str:
    """Return why nothing may be deleted, from the results of listing source and target; empty: deleting is allowed."""
    if problems:
        return f"the source was not listed completely ({first_problem})"
    if target_problem:
        return f"the target was not listed completely ({target_problem})"
    if not files:
        return "the source has no files; if that is intended, remove the target yourself"
    return ""


def overlap(source: str, target: str) -> bool:
    """Return whether two directories on the same side are the same, or one contains the other."""
    first, second = source.rstrip("/") + "/", target.rstrip("/") + "/"
    return first.startswith(second) or second.startswith(first)


def sync_job(
    template: JobSpec, source: ResolvedPath, target: ResolvedPath, *, delete: bool = False, exclude: Sequence[str] = ()
) -> JobSpec:
    """Return the job that makes `target` contain what is in `source`; both are directories.

    Other settings are those of `template`. Raises UsageError.
    """
    if not all(exclude):
        raise UsageError("an empty pattern would exclude everything")
    direction = direction_of([source], target)
    if source.storage and direction != "download":
        raise UsageError(f"{source.name}: @{source.storage} must follow the target, not the source")
    return replace(
        template,
        direction=direction,
        sources=(source.name.rstrip("/") + "/",),
        target=target.name.rstrip("/") + "/",
        storage=template.storage or target.storage or source.storage,
        overwrite="changed",
        touch_empty=True,
        purpose="sync",
        delete=delete,
        selection=Selection(patterns_out=tuple(exclude)),
    )
