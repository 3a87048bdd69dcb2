"""A storage element as a state machine: how many copies it may have, and when it rests. Total; time is given.

    Working --Failed, again and again--> Resting --Began (when it is due)--> Probing --Worked--> Working
       ^                                  |  ^                                 |
       `------------- Worked -------------'  `---------- Failed, Left ---------'

    event      Working                       Resting             Probing
    Began      -                             Probing (if due)    -
    Worked     a copy more, up to START      Working             Working
    Failed     fewer copies, or Resting      -                   Resting, for longer
    Left       -                             -                   Resting, due at once
    Measured   copies: more or fewer         -                   -

(-: nothing changes.) `Failed` are failures that may pass: what is wrong with one file for good says nothing of the
element, such a copy has just `Left`. The number of copies grows as long as more of them bring more, as FTS and TCP do;
failures take three tenths of it. After failures in a row, or when half of the last ten failed, the element rests, for
twice as long each time, and then has to prove itself with one copy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from aliend.core.transfers import backoff

INITIAL_LIMIT = 4
"""Copies that an element has at first, where nothing else was set."""
MAX_CONSECUTIVE_FAILURES = 3
"""Failures without a success between them after which it rests."""
OUTCOME_WINDOW = 10
"""Copies whose outcome is remembered."""
FIRST_BACKOFF, MAX_BACKOFF = 30.0, 600.0
"""Seconds."""
_SHRINK = 0.7
_MIN_CHANGE_INTERVAL = 10.0
"""Seconds between two changes for the sake of throughput."""
_GAIN = 1.05
_LOSS = 0.8
_WEIGHT = 0.3
"""Of the newest measurement in the mean of the throughput."""


@dataclass(frozen=True, slots=True)
class Working:
    """Takes copies."""


@dataclass(frozen=True, slots=True)
class BackingOff:
    """Takes none before `until` (POSIX seconds): `reason` is what happened there last."""

    until: float
    reason: str


@dataclass(frozen=True, slots=True)
class Probing:
    """One copy finds out whether it works again after what happened (`reason`)."""

    reason: str


State = Working | BackingOff | Probing
STATE_NAMES: dict[type[State], str] = {Working: "working", BackingOff: "resting", Probing: "probing"}
"""The names of the states in views and messages."""


@dataclass(frozen=True, slots=True)
class StorageElement:
    """A storage element. `copies` may run there (a part of one is not lost), `why` says what changed that last.

    `failures` in a row, `recent` outcomes (the newest last), `rests` in a row; `speed` is the mean throughput, `before`
    what it was at the change of `copies` before, at `changed` (POSIX seconds).
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
    """A copy begins there."""


@dataclass(frozen=True, slots=True)
class CopySucceeded:
    """A copy there has succeeded."""


@dataclass(frozen=True, slots=True)
class CopyFailed:
    """A copy there failed in a way that may pass, or moves nothing."""

    reason: str


@dataclass(frozen=True, slots=True)
class CopyEnded:
    """A copy there has ended without telling anything of the element."""


@dataclass(frozen=True, slots=True)
class ThroughputMeasured:
    """So much comes and goes there per second, with `running` copies; no more than `most` are allowed."""

    speed: float
    running: int
    most: int


Event = CopyStarted | CopySucceeded | CopyFailed | CopyEnded | ThroughputMeasured


def step(element: StorageElement, event: Event, now: float, start: int = INITIAL_LIMIT) -> StorageElement:
    """The element after the event (`now` in POSIX seconds); `start` is the number of copies that it has at first."""
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
        case ThroughputMeasured():
            return _measured(element, event, now)
        case _:
            assert_never(event)


def effective_limit(element: StorageElement, most: int) -> int:
    """Copies that it may have, of `most` that the user allows."""
    return max(1, min(int(element.limit), most))


def has_capacity(element: StorageElement, running: int, most: int, now: float) -> bool:
    """Whether one more copy may begin there beside the `running` ones."""
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
    """The POSIX second before which it takes nothing; None: it would. A probe under way is given a moment."""
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
        return replace(element, state=Working(), limit=1.0, failures=0, recent=(True,), why="it works again")
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
                why=f"fewer after: {reason}",
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
        more = element.limit + 1
        return replace(element, limit=more, speed_before=speed, changed_at=now, why="more copies brought more")
    if speed < _LOSS * element.speed_before and element.limit > 2:
        less = element.limit - 1
        return replace(element, limit=less, speed_before=speed, changed_at=now, why="fewer copies brought as much")
    return element


def _with_outcome(element: StorageElement, *, outcome: bool) -> tuple[bool, ...]:
    return (*element.recent, outcome)[-OUTCOME_WINDOW:]
