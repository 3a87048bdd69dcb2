"""Decides how a new file replaces an old one in a catalogue without atomic exchange: look, then one step. Pure.

    name: old     temporary: new   old name: -     -> set aside     (name -> old name)
    name: -       temporary: new   old name: old   -> put in place  (temporary -> name)
    name: new     temporary: -     old name: old   -> remove old
    name: new     temporary: -     old name: -     -> finished
    name: -       temporary: -     old name: old   -> restore       (old name -> name)
    name: foreign                                  -> withdraw      (the temporary file is removed, theirs stays)

Each step depends only on the names that exist, so that after a crash or a lost reply the next look continues from
there. The old data keeps one of its two names until the new data has the final one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MISSING = ""
"""Stands for a name that does not exist, in place of a GUID."""

Step = Literal["set aside", "put in place", "remove old", "finished", "restore", "withdraw"]


@dataclass(frozen=True, slots=True)
class Replacing:
    """The new file is complete as `guid` under `temporary`; it replaces `old_guid`, which is renamed to `old`.

    In the end `old` is removed, or with `backup` renamed to that name, replacing what has it.
    """

    temporary: str
    old: str
    guid: str
    old_guid: str
    backup: str = ""


@dataclass(frozen=True, slots=True)
class NamesState:
    """The file under each of the three names: its GUID, NO_GUID for an entry without one, or MISSING."""

    name: str
    temporary: str
    old: str


NO_GUID = "-"
"""Stands for an entry without a GUID (a touched file)."""


def next_step(plan: Replacing, seen: NamesState) -> Step:
    """Return the next step; defined for all states."""
    if seen.name == plan.guid:
        return "remove old" if seen.old == plan.old_guid else "finished"
    if seen.name == MISSING:
        if seen.temporary == plan.guid:
            return "put in place"
        return "restore" if seen.old == plan.old_guid else "withdraw"
    if seen.name == plan.old_guid and seen.temporary == plan.guid and seen.old == MISSING:
        return "set aside"
    return "withdraw"


def temporary_names(lfn: str, number: int) -> tuple[str, str]:
    """Return the temporary and the old name beside `lfn` for transfer `number`, at most 255 bytes per component."""
    directory, _, name = lfn.rpartition("/")
    room = 255 - len(f"..{number}.new")
    short = name.encode("utf-8", "surrogateescape")[:room].decode("utf-8", "ignore")
    return f"{directory}/.{short}.{number}.new", f"{directory}/.{short}.{number}.old"
