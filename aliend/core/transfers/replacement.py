"""How a new file takes the place of an old one in a catalogue that has no atomic exchange. Pure: look, then one step.

    name: old   temporary: new   old name: -      -> SetAside    (name -> old name)
    name: -     temporary: new   old name: old    -> PutInPlace  (temporary -> name)
    name: new   temporary: -     old name: old    -> RemoveOld
    name: new   temporary: -     old name: -      -> Finished
    name: -     temporary: -     old name: old    -> Restore     (old name -> name)
    name: somebody else's                         -> Withdraw    (the temporary one is removed, theirs stays)

Each step is chosen by what is there, so that after a crash or a lost reply the next look goes on where things stand.
The old data is under one of its two names until the new data has its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aliend.core.transfers.transfer import Replacing

MISSING = ""
"""What stands for a name that does not exist, in place of a GUID."""

Step = Literal["set aside", "put in place", "remove old", "finished", "restore", "withdraw"]


@dataclass(frozen=True, slots=True)
class NamesState:
    """Whose data is under each of the three names: a GUID, NO_GUID for an entry without one, or MISSING."""

    name: str
    temporary: str
    old: str


NO_GUID = "-"
"""A name that exists without a GUID (a touched file)."""


def next_step(plan: Replacing, seen: NamesState) -> Step:
    """What to do now; total."""
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
    """The temporary and the old name beside `lfn` for transfer `number`; each component has at most 255 bytes."""
    directory, _, name = lfn.rpartition("/")
    room = 255 - len(f"..{number}.new")
    short = name.encode("utf-8", "surrogateescape")[:room].decode("utf-8", "ignore")
    return f"{directory}/.{short}.{number}.new", f"{directory}/.{short}.{number}.old"
