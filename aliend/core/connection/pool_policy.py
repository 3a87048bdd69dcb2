"""Who may use which connection next: interactive work before bulk work, few logins, never two requests on one.

A lane is the place of one connection. This module only decides; `aliend.central.connection.pool` waits and hands out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Work = Literal["interactive", "bulk"]

PATIENCE = 0.5
"""Seconds that somebody always waits for a lane before one more login is worth its price."""
LONG_PATIENCE = 1.0
"""The same where the service delays every command: ten more points of a login are ten more milliseconds, and whoever
always waits spends more than that by his commands in half a second."""


@dataclass(frozen=True, slots=True)
class Lane:
    """What a lane is doing; `work` is empty for an idle lane. A busy lane that is not warm is being connected."""

    warm: bool = False
    work: Work | Literal[""] = ""


def choose(lanes: Sequence[Lane], work: Work, waited: float, patience: float = PATIENCE) -> int | None:
    """The lane for `work` of which some has always waited for `waited` seconds; None: wait on.

    A warm idle lane is taken at once. A new login is made for the first work of all, for interactive work that would
    wait behind bulk work, and for work that has waited for `patience` behind connected lanes. Bulk work never takes the
    last lane, and a second one only where a connection stays for interactive work or patience has ended.
    """
    hauling = sum(lane.work == "bulk" for lane in lanes)
    if work == "bulk" and hauling >= len(lanes) - 1:
        return None
    idle = [number for number, lane in enumerate(lanes) if not lane.work]
    for number in idle:
        if lanes[number].warm and (work == "interactive" or not hauling or _stays_for_users(lanes, number)):
            return number
    cold = [number for number in idle if not lanes[number].warm]
    if not cold:
        return None
    busy = [lane for lane in lanes if lane.work]
    behind_bulk = work == "interactive" and bool(busy) and all(lane.work == "bulk" for lane in busy)
    out_of_patience = waited >= patience and all(lane.warm for lane in busy)
    return cold[0] if not busy or behind_bulk or out_of_patience else None


def _stays_for_users(lanes: Sequence[Lane], taken: int) -> bool:
    """Whether a connection that does no bulk work is left when lane `taken` is taken for some."""
    return any(lane.warm and lane.work != "bulk" for number, lane in enumerate(lanes) if number != taken)
