"""Assigns connections to work: interactive before bulk, few logins, never two requests on one connection.

A slot has at most one connection. This module only decides; `aliend.central.connection.pool` waits and assigns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Work = Literal["interactive", "bulk"]

NEW_LOGIN_AFTER = 0.5
"""Seconds that a queue for a slot must have existed before another login is worth its cost."""
NEW_LOGIN_AFTER_THROTTLED = 1.0
"""The same while the service throttles: the ten points of a login add 10 ms to every command, but a permanent queue
causes more points than that in half a second."""
MAX_CONNECTIONS = 9
"""One of them is for users."""
_MAX_FOR_USERS = 4
_PATIENT = 3
"""Connections for bulk work that are worth a login each after some waiting, however much work is expected."""
_SHARED, _MAX_BULK = 4, MAX_CONNECTIONS - 1
"""The most connections for bulk work: while a user works too, or for long work; and for work that soon ends."""
_COMMANDS_FOR_LOGIN = 75
_AT_ONCE_FROM = 100
_SHORT_WORK = 2000
"""Commands that eight connections complete before the service halves its points (300 s): M commands over c of them
take about M * M / (2000 * c) s. Until then each further connection shortens the work, and delays others no more."""
_USER_ACTIVE_LIMIT = 60.0


@dataclass(frozen=True, slots=True)
class BulkLimits:
    """Connections that bulk work may use at a time, and up to how many it logs in; `patient`: only after waiting."""

    use: int = _PATIENT
    log_in: int = _PATIENT
    patient: bool = True


_BY_DEFAULT = BulkLimits()


def bulk_limits(expected: int, since_user: float) -> BulkLimits:
    """Return the limits for `expected` commands of bulk work, `since_user` seconds after a user's last command."""
    is_short = expected <= _SHORT_WORK and since_user > _USER_ACTIVE_LIMIT
    most = _MAX_BULK if is_short else _SHARED
    worth = max(_PATIENT, expected // _COMMANDS_FOR_LOGIN)
    return BulkLimits(most, min(most, worth), patient=expected < _AT_ONCE_FROM)


class SlotState(Protocol):
    """The state of a slot. A busy slot that is not connected is logging in."""

    @property
    def connected(self) -> bool:
        """Return whether it has a usable connection."""

    @property
    def work(self) -> Work | None:
        """Return what uses it; None: it is idle."""


def choose_slot(
    slots: Sequence[SlotState],
    work: Work,
    waited: float,
    new_login_after: float = NEW_LOGIN_AFTER,
    bulk: BulkLimits = _BY_DEFAULT,
) -> int | None:
    """Return the slot for `work` whose queue has existed for `waited` seconds; None: keep waiting.

    A connected idle slot is used at once. A new login serves the first work at all, interactive work that would wait
    behind bulk work, and work that has waited for `new_login_after` behind connected slots. Bulk work never takes the
    last slot, and a second one only if a connection remains for interactive work or the wait was long enough; `bulk`
    limits it further.
    """
    bulk_count = sum(slot.work == "bulk" for slot in slots)
    if work == "bulk" and bulk_count >= min(bulk.use, len(slots) - 1):
        return None
    idle = [number for number, slot in enumerate(slots) if not slot.work]
    for number in idle:
        if slots[number].connected and (work == "interactive" or not bulk_count or _leaves_interactive(slots, number)):
            return number
    disconnected = [number for number in idle if not slots[number].connected]
    if not disconnected or not _may_log_in(slots, work, bulk):
        return None
    busy = [slot for slot in slots if slot.work]
    behind_bulk = work == "interactive" and bool(busy) and all(slot.work == "bulk" for slot in busy)
    needed_wait = 0.0 if work == "bulk" and not bulk.patient else new_login_after
    has_waited_long = waited >= needed_wait and all(slot.connected for slot in busy)
    return disconnected[0] if not busy or behind_bulk or has_waited_long else None


def _may_log_in(slots: Sequence[SlotState], work: Work, bulk: BulkLimits) -> bool:
    """Return whether `work` may have another connection."""
    if work == "bulk":
        return sum(slot.work == "bulk" for slot in slots) < bulk.log_in
    return sum(slot.work == "interactive" for slot in slots) < _MAX_FOR_USERS


def _leaves_interactive(slots: Sequence[SlotState], taken: int) -> bool:
    """Return whether a connection without bulk work remains if slot `taken` is used for bulk work."""
    return any(slot.connected and slot.work != "bulk" for number, slot in enumerate(slots) if number != taken)
