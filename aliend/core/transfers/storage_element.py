"""State machine of a storage element: how many copies may run, and when it backs off. Pure; time is an argument.

    Working --CopyFailed, several times--> BackingOff --CopyStarted (when due)--> Probing --CopySucceeded--> Working
       ^                                      |  ^                                  |
       `----------- CopySucceeded ------------'  `----- CopyFailed, CopyEnded ------'

    event               Working                        BackingOff          Probing
    CopyStarted         -                              Probing (if due)    -
    CopySucceeded       limit + 1, up to the initial   Working             Working
    CopyFailed          lower limit, or BackingOff     -                   BackingOff, for longer
    CopyEnded           -                              -                   BackingOff, due at once
    Reachable           -                              due at once         -
    ThroughputMeasured  limit: higher or lower         -                   -

(-: no change.) `CopyFailed` are transient failures: a permanent error of one file says nothing about the element, such
a copy has just ended (`CopyEnded`). The limit grows as long as more copies increase the throughput, as in FTS and TCP;
each failure takes three tenths of it. After several failures in a row, or if more than half of the last ten copies
failed, the element backs off, twice as long each time, and is then probed with a single copy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from aliend.core.transfers import backoff

INITIAL_LIMIT = 4
"""Initial number of copies on an element, unless configured."""
MAX_CONSECUTIVE_FAILURES = 3
"""Failures without a success in between after which the element backs off."""
OUTCOME_WINDOW = 10
"""Number of outcomes that are remembered."""
FIRST_BACKOFF, MAX_BACKOFF = 30.0, 600.0
"""Seconds."""
_SHRINK = 0.7
_MIN_CHANGE_INTERVAL = 10.0
"""Seconds between two changes because of throughput."""
_GAIN = 1.05
_GROWTH = 4
"""A quarter is added at a time: of 20 copies or more, a single one changes the throughput by less than `_GAIN`."""
_LOSS = 0.8
_WEIGHT = 0.3
"""Weight of the newest measurement in the mean throughput."""


@dataclass(frozen=True, slots=True)
class Working:
    """Accepts copies."""


@dataclass(frozen=True, slots=True)
class BackingOff:
    """Accepts no copies before `until` (POSIX seconds); `reason` is the last failure."""

    until: float
    reason: str


@dataclass(frozen=True, slots=True)
class Probing:
    """One copy tests whether the element works again after the failure `reason`."""

    reason: str


State = Working | BackingOff | Probing
STATE_NAMES: dict[type[State], str] = {Working: "working", BackingOff: "resting", Probing: "probing"}
"""The names of the states in views and messages."""


@dataclass(frozen=True, slots=True)
class StorageElement:
    """A storage element. Up to `limit` copies may run (fractions are kept); `why` is what changed it last.

    `failures` in a row, `recent` outcomes (newest last), `backoffs` in a row; `speed` is the mean throughput in bytes
    per second, `speed_before` its value at the previous change of `limit`, made at `changed_at` (POSIX seconds).
    """

    limit: float = INITIAL_LIMIT
    state: State = Working()
    failures: int = 0
    recent: tuple[bool, ...] = ()
    backoffs: int = 0
    speed: float = 0.0
    speed_before: float = 0.0
    changed_at: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class CopyStarted:
    """A copy has started."""


@dataclass(frozen=True, slots=True)
class CopySucceeded:
    """A copy has succeeded."""


@dataclass(frozen=True, slots=True)
class CopyFailed:
    """A copy has failed with a transient error, or has stalled."""

    reason: str


@dataclass(frozen=True, slots=True)
class CopyEnded:
    """A copy has ended without information about the element."""


@dataclass(frozen=True, slots=True)
class Reachable:
    """Its server answers again, after it did not."""


@dataclass(frozen=True, slots=True)
class ThroughputMeasured:
    """Throughput in bytes per second of `running` copies, of at most `most` allowed ones."""

    speed: float
    running: int
    most: int


Event = CopyStarted | CopySucceeded | CopyFailed | CopyEnded | Reachable | ThroughputMeasured


def step(element: StorageElement, event: Event, now: float, start: int = INITIAL_LIMIT) -> StorageElement:
    """Return the element after the event (`now` in POSIX seconds); `start` is its initial number of copies."""
    match event:
        case CopyStarted():
            due = isinstance(element.state, BackingOff) and element.state.until <= now
            return replace(element, state=Probing(element.state.reason)) if due else element  # type: ignore[union-attr]
        case CopySucceeded():
            return _succeeded(element, start)
        case CopyFailed(reason):
            return _failed(element, reason, now)
        case CopyEnded():
            probing = isinstance(element.state, Probing)
            return replace(element, state=BackingOff(now, element.state.reason)) if probing else element  # type: ignore[union-attr]
        case Reachable():
            if isinstance(element.state, BackingOff) and element.state.until > now:
                return replace(element, state=BackingOff(now, element.state.reason))
            return element
        case ThroughputMeasured():
            return _measured(element, event, now)
        case _:
            assert_never(event)


def effective_limit(element: StorageElement, most: int) -> int:
    """Return the number of copies it may have, of `most` that the user allows."""
    return max(1, min(int(element.limit), most))


def has_capacity(element: StorageElement, running: int, most: int, now: float) -> bool:
    """Return whether one more copy may start beside the `running` ones."""
    match element.state:
        case Working():
            return running < effective_limit(element, most)
        case BackingOff(until=until):
            return until <= now
        case Probing():
            return False
        case _:
            assert_never(element.state)


def unavailable_until(element: StorageElement, now: float) -> float | None:
    """Return the POSIX second until which it accepts nothing; None: it accepts copies.

    While a probe runs, that is a short time from now.
    """
    match element.state:
        case Working():
            return None
        case BackingOff(until=until):
            return until if until > now else None
        case Probing():
            return now + FIRST_BACKOFF / 2
        case _:
            assert_never(element.state)


def _succeeded(element: StorageElement, start: int) -> StorageElement:
    recent = _with_outcome(element, outcome=True)
    if not isinstance(element.state, Working):
        # Its throughput is measured anew: compared with that of before, one copy would never seem to be worth a second.
        works = replace(element, state=Working(), limit=1.0, failures=0, recent=(True,), why="it works again")
        return replace(works, speed=0.0, speed_before=0.0)
    copies = element.limit + 1 if element.limit < start else element.limit
    rests = element.backoffs if recent.count(False) else 0
    return replace(element, limit=copies, failures=0, recent=recent, backoffs=rests)


def _failed(element: StorageElement, reason: str, now: float) -> StorageElement:
    match element.state:
        case BackingOff():
            return element
        case Probing():
            return _backed_off(element, reason, now)
        case Working():
            failures, recent = element.failures + 1, _with_outcome(element, outcome=False)
            shrunk = replace(
                element,
                failures=failures,
                recent=recent,
                limit=max(1.0, element.limit * _SHRINK),
                changed_at=now,
                speed_before=0.0,
                why=f"lowered after: {reason}",
            )
            half_failed = len(recent) == OUTCOME_WINDOW and 2 * recent.count(False) > OUTCOME_WINDOW
            return _backed_off(shrunk, reason, now) if failures >= MAX_CONSECUTIVE_FAILURES or half_failed else shrunk
        case _:
            assert_never(element.state)


def _backed_off(element: StorageElement, reason: str, now: float) -> StorageElement:
    pause = backoff.ceiling(element.backoffs + 1, FIRST_BACKOFF, MAX_BACKOFF)
    state = BackingOff(now + pause, reason)
    return replace(element, state=state, backoffs=element.backoffs + 1, failures=0, recent=(), limit=1.0, why=reason)


def _measured(element: StorageElement, event: ThroughputMeasured, now: float) -> StorageElement:
    speed = element.speed + _WEIGHT * (event.speed - element.speed) if element.speed else event.speed
    element = replace(element, speed=speed)
    used = event.running >= effective_limit(element, event.most)
    if not isinstance(element.state, Working) or not used or now - element.changed_at < _MIN_CHANGE_INTERVAL:
        return element
    if speed > _GAIN * element.speed_before and int(element.limit) < event.most:
        more = min(element.limit + max(1, int(element.limit) // _GROWTH), event.most)
        return replace(element, limit=more, speed_before=speed, changed_at=now, why="more copies raised the throughput")
    if speed < _LOSS * element.speed_before and element.limit > 2:
        less = element.limit - 1
        return replace(
            element, limit=less, speed_before=speed, changed_at=now, why="fewer copies reach the same throughput"
        )
    return element


def _with_outcome(element: StorageElement, *, outcome: bool) -> tuple[bool, ...]:
    return (*element.recent, outcome)[-OUTCOME_WINDOW:]
