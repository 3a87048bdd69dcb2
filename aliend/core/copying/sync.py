"""What a synchronisation copies and what it may delete. Pure.

Names below the source and the target are compared: size first, then md5 where both sides know it. What is deleted is
under a name that the source does not have; when, and whether at all, follows from how the source could be listed.

The job that a synchronisation is. Pure.
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
    """What is known of a file on one side: bytes, md5 (empty: unknown)."""

    size: int
    md5: str = ""


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file that something is to be done with; `below` is its name below source and target.

    `reason` says why; `fail` is a file of the source that cannot be copied. `mark` identifies what is to be deleted.
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
    """Whether the md5 of both sides has to be known to say whether the file is to be copied."""
    return target is not None and source.size == target.size and source.size > 0


def difference(source: FileFacts, target: FileFacts | None) -> str:
    """Why the file is to be copied; empty: it is there already. An md5 that nobody knows cannot differ."""
    if target is None:
        return "missing"
    if source.size != target.size:
        return f"{target.size} bytes there, {source.size} here"
    if source.size and source.md5 and target.md5 and source.md5 != target.md5:
        return "same size, different content"
    return ""


def is_temporary_name(below: str) -> bool:
    """Whether it is the name of something that a copy of ours is still making beside its target."""
    return _TEMPORARY_NAME.fullmatch(below.rpartition("/")[2]) is not None


def why_no_deletion(files: int, problems: int, first_problem: str) -> str:
    """Why nothing may be deleted, by how the listing of the source went; empty: it may."""
    if problems:
        return f"the source could not be listed completely ({first_problem})"
    if not files:
        return "the source has no files; if that is intended, remove the target yourself"
    return ""


def overlap(source: str, target: str) -> bool:
    """Whether one of two directories on the same side is the other, or lies in it."""
    one, other = source.rstrip("/") + "/", target.rstrip("/") + "/"
    return one.startswith(other) or other.startswith(one)


def sync_job(
    template: JobSpec, source: ResolvedPath, target: ResolvedPath, *, delete: bool = False, exclude: Sequence[str] = ()
) -> JobSpec:
    """Both are directories, with or without a slash at the end: what is in `source` shall be in `target`.

    What is `template`'s stays, but for what a synchronisation is. Raises UsageError.
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
