"""Storage specifications of uploads: the number of replicas, and the specification for missing ones. Pure.

A specification is a comma-separated list of `tag:N` (N replicas on storage elements with that tag), `VO::SITE::SE`
(that storage element) and `!VO::SITE::SE` (not that one).
"""

from __future__ import annotations

import re
from collections.abc import Collection

DEFAULT = "disk:2"
_SMALL_TEXT = "disk:4"
_INCOMPLETE = re.compile(r"(?:gave up after .*: )?kept, \d+ of \d+ replicas ")
_TEXTS, _SMALL = (".sh", ".C", ".jdl", ".xml"), 1 << 20


def default_spec(lfn: str, size: int) -> str:
    """Return the default: two replicas; four for small scripts, macros and JDLs, which many jobs read."""
    return _SMALL_TEXT if lfn.endswith(_TEXTS) and size < _SMALL else DEFAULT


def replica_count(spec: str) -> int:
    """Return how many replicas the specification requests."""
    items = _items(spec)
    named = sum(_is_se(item) and not item.startswith("!") for item in items)
    return named + sum(_count(item) for item in items if not _is_se(item))


def unfulfilled(spec: str, registered: Collection[str]) -> tuple[int, str]:
    """Return how many replicas a file with replicas on `registered` lacks, and the specification for them.

    Storage elements that `spec` names must have one; the other replicas count for its tags.
    """
    items = [item for item in _items(spec) if not item.startswith("!")]
    named = [item.upper() for item in items if _is_se(item)]
    lacking = [se for se in named if se not in registered]
    others = len(set(registered) - set(named))
    for item in items:
        if not _is_se(item):
            count = max(0, _count(item) - others)
            others -= _count(item) - count
            lacking += [f"{item.replace('=', ':').split(':')[0]}:{count}"] if count else []
    count = sum(1 if _is_se(item) else _count(item) for item in lacking)
    return count, ",".join([*lacking, *(item for item in _items(spec) if item.startswith("!"))]) if lacking else ""


def spec_for_missing(spec: str, missing: int, registered: Collection[str], failed: Collection[str] = ()) -> str:
    """Return the specification for `missing` more replicas; empty if none can be requested.

    Excludes the storage elements in `registered`, which have a replica, and in `failed`. A named storage element is
    requested again unless it failed; a tag requests the missing replicas, at most as many as in `spec`.
    """
    items: list[str] = []
    for item in _items(spec):
        if missing <= 0:
            break
        if not _is_se(item):
            count = min(missing, _count(item))
            missing -= count
            items.append(f"{item.replace('=', ':').split(':')[0]}:{count}")
        elif not item.startswith("!") and item.upper() not in {*registered, *failed}:
            missing -= 1
            items.append(item)
    if not items:
        return ""
    excluded = [item for item in _items(spec) if item.startswith("!")]
    excluded += [f"!{se}" for se in sorted({*registered, *failed}) if f"!{se}" not in excluded]
    return ",".join(items + excluded)


def excluding(spec: str, ses: Collection[str]) -> str:
    """Return the specification with these storage elements excluded, unless it names them."""
    items = _items(spec)
    named = {item.lstrip("!").upper() for item in items if _is_se(item)}
    excluded = [f"!{se}" for se in sorted(ses) if se.upper() not in named]
    return ",".join([*items, *excluded]) if excluded else spec


def incomplete_text(registered: Collection[str], wanted: int) -> str:
    """Return how many of the wanted replicas a kept file has, and where."""
    return f"kept, {len(registered)} of {wanted} replicas ({', '.join(sorted(registered))})"


def is_incomplete(message: str) -> bool:
    """Return whether the message of a transfer says that an incomplete file was kept."""
    return _INCOMPLETE.match(message) is not None


def _items(spec: str) -> list[str]:
    return [item.strip() for item in (spec or DEFAULT).split(",") if item.strip()]


def _is_se(item: str) -> bool:
    return "::" in item


def _count(item: str) -> int:
    text = item.replace("=", ":").partition(":")[2]
    return int(text) if text.isascii() and text.isdigit() else 1
