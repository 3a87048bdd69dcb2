"""Assigns connections to work: interactive before bulk, few logins, never two requests on one connection.

A slot is the place of one connection. This module only decides; `aliend.central.connection.pool` waits and assigns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Work = Literal["interactive", "bulk"]

NEW_LOGIN_AFTER = 0.5
"""Seconds that a queue for a slot must have existed before another login is worth its cost."""
NEW_LOGIN_AFTER_THROTTLED = 1.0
"""The same while the service throttles: the ten points of a login add 10 ms to every command, but a permanent queue
causes more points than that in half a second."""


@dataclass(frozen=True, slots=True)
class SlotState:
    """The state of a slot; `work` is empty if it is idle. A busy slot that is not `connected` is logging in."""

    connected: bool = False
    work: Work | Literal[""] = ""


def choose_slot(
    slots: Sequence[SlotState], work: Work, waited: float, new_login_after: float = NEW_LOGIN_AFTER
) -> int | None:
    """Return the slot for `work` whose queue has existed for `waited` seconds; None: keep waiting.

    A connected idle slot is used at once. A new login serves the first work at all, interactive work that would wait
    behind bulk work, and work that has waited for `new_login_after` behind connected slots. Bulk work never takes the
    last slot, and a second one only if a connection remains for interactive work or the wait was long enough.
    """
    bulk_count = sum(slot.work == "bulk" for slot in slots)
    if work == "bulk" and bulk_count >= len(slots) - 1:
        return None
    idle = [number for number, slot in enumerate(slots) if not slot.work]
    for number in idle:
        if slots[number].connected and (work == "interactive" or not bulk_count or _leaves_interactive(slots, number)):
            return number
    disconnected = [number for number in idle if not slots[number].connected]
    if not disconnected:
        return None
    busy = [slot for slot in slots if slot.work]
    behind_bulk = work == "interactive" and bool(busy) and all(slot.work == "bulk" for slot in busy)
    has_waited_long = waited >= new_login_after and all(slot.connected for slot in busy)
    return disconnected[0] if not busy or behind_bulk or has_waited_long else None


def _leaves_interactive(slots: Sequence[SlotState], taken: int) -> bool:
    """Return whether a connection without bulk work remains if slot `taken` is used for bulk work."""
    return any(slot.connected and slot.work != "bulk" for number, slot in enumerate(slots) if number != taken)
