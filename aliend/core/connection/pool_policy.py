"""Who may use which connection next: interactive work before bulk work, few logins, never two requests on one.

A lane is the place of one connection. This module only decides; `aliend.central.connection.pool` waits and hands out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Work = Literal["interactive", "bulk"]

NEW_LOGIN_AFTER = 0.5
"""Seconds that somebody always waits for a lane before one more login is worth its price."""
NEW_LOGIN_AFTER_THROTTLED = 1.0
"""The same where the service delays every command: ten more points of a login are ten more milliseconds, and whoever
always waits spends more than that by his commands in half a second."""


@dataclass(frozen=True, slots=True)
class SlotState:
    """What a lane is doing; `work` is empty for an idle lane. A busy lane that is not warm is being connected."""

    connected: bool = False
    work: Work | Literal[""] = ""


def choose_slot(
    slots: Sequence[SlotState], work: Work, waited: float, new_login_after: float = NEW_LOGIN_AFTER
) -> int | None:
    """The lane for `work` of which some has always waited for `waited` seconds; None: wait on.

    A warm idle lane is taken at once. A new login is made for the first work of all, for interactive work that would
    wait behind bulk work, and for work that has waited for `patience` behind connected lanes. Bulk work never takes the
    last lane, and a second one only where a connection stays for interactive work or patience has ended.
    """
    bulk_count = sum(lane.work == "bulk" for lane in slots)
    if work == "bulk" and bulk_count >= len(slots) - 1:
        return None
    idle = [number for number, lane in enumerate(slots) if not lane.work]
    for number in idle:
        if slots[number].connected and (work == "interactive" or not bulk_count or _leaves_interactive(slots, number)):
            return number
    disconnected = [number for number in idle if not slots[number].connected]
    if not disconnected:
        return None
    busy = [lane for lane in slots if lane.work]
    behind_bulk = work == "interactive" and bool(busy) and all(lane.work == "bulk" for lane in busy)
    has_waited_long = waited >= new_login_after and all(lane.connected for lane in busy)
    return disconnected[0] if not busy or behind_bulk or has_waited_long else None


def _leaves_interactive(slots: Sequence[SlotState], taken: int) -> bool:
    """Whether a connection that does no bulk work is left when lane `taken` is taken for some."""
    return any(lane.connected and lane.work != "bulk" for number, lane in enumerate(slots) if number != taken)
