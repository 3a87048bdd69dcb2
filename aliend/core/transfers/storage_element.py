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

START = 4
"""Copies that an element has at first, where nothing else was set."""
IN_A_ROW = 3
"""Failures without a success between them after which it rests."""
LOOK_BACK = 10
"""Copies whose outcome is remembered."""
FIRST_REST, LONGEST_REST = 30.0, 600.0
"""Seconds."""
_SHRINK = 0.7
_CALM = 10.0
"""Seconds between two changes for the sake of throughput."""
_GAIN = 1.05
_LOSS = 0.8
_WEIGHT = 0.3
"""Of the newest measurement in the mean of the throughput."""


@dataclass(frozen=True, slots=True)
class Working:
    """Takes copies."""


@dataclass(frozen=True, slots=True)
class Resting:
    """Takes none before `until` (POSIX seconds): `reason` is what happened there last."""

    until: float
    reason: str


@dataclass(frozen=True, slots=True)
class Probing:
    """One copy finds out whether it works again after what happened (`reason`)."""

    reason: str


State = Working | Resting | Probing


@dataclass(frozen=True, slots=True)
class Element:
    """A storage element. `copies` may run there (a part of one is not lost), `why` says what changed that last.

    `failures` in a row, `recent` outcomes (the newest last), `rests` in a row; `speed` is the mean throughput, `before`
    what it was at the change of `copies` before, at `changed` (POSIX seconds).
    """

    copies: float = START
    state: State = Working()
    failures: int = 0
    recent: tuple[bool, ...] = ()
    rests: int = 0
    speed: float = 0.0
    before: float = 0.0
    changed: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Began:
    """A copy begins there."""


@dataclass(frozen=True, slots=True)
class Worked:
    """A copy there has succeeded."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A copy there failed in a way that may pass, or moves nothing."""

    reason: str


@dataclass(frozen=True, slots=True)
class Left:
    """A copy there has ended without telling anything of the element."""


@dataclass(frozen=True, slots=True)
class Measured:
    """So much comes and goes there per second, with `running` copies; no more than `most` are allowed."""

    speed: float
    running: int
    most: int


Event = Began | Worked | Failed | Left | Measured


def step(element: Element, event: Event, now: float, start: int = START) -> Element:
    """The element after the event (`now` in POSIX seconds); `start` is the number of copies that it has at first."""
    match event:
        case Began():
            due = isinstance(element.state, Resting) and element.state.until <= now
            return replace(element, state=Probing(element.state.reason)) if due else element  # type: ignore[union-attr]
        case Worked():
            return _worked(element, start)
        case Failed(reason):
            return _failed(element, reason, now)
        case Left():
            probing = isinstance(element.state, Probing)
            return replace(element, state=Resting(now, element.state.reason)) if probing else element  # type: ignore[union-attr]
        case Measured():
            return _measured(element, event, now)
        case _:
            assert_never(event)


def limit(element: Element, most: int) -> int:
    """Copies that it may have, of `most` that the user allows."""
    return max(1, min(int(element.copies), most))


def has_room(element: Element, running: int, most: int, now: float) -> bool:
    """Whether one more copy may begin there beside the `running` ones."""
    match element.state:
        case Working():
            return running < limit(element, most)
        case Resting(until=until):
            return until <= now
        case Probing():
            return False
        case _:
            assert_never(element.state)


def rests_until(element: Element, now: float) -> float | None:
    """The POSIX second before which it takes nothing; None: it would. A probe under way is given a moment."""
    match element.state:
        case Working():
            return None
        case Resting(until=until):
            return until if until > now else None
        case Probing():
            return now + FIRST_REST / 2
        case _:
            assert_never(element.state)


def _worked(element: Element, start: int) -> Element:
    recent = _remembered(element, outcome=True)
    if not isinstance(element.state, Working):
        return replace(element, state=Working(), copies=1.0, failures=0, recent=(True,), why="it works again")
    copies = element.copies + 1 if element.copies < start else element.copies
    rests = element.rests if recent.count(False) else 0
    return replace(element, copies=copies, failures=0, recent=recent, rests=rests)


def _failed(element: Element, reason: str, now: float) -> Element:
    match element.state:
        case Resting():
            return element
        case Probing():
            return _rested(element, reason, now)
        case Working():
            failures, recent = element.failures + 1, _remembered(element, outcome=False)
            shrunk = replace(
                element,
                failures=failures,
                recent=recent,
                copies=max(1.0, element.copies * _SHRINK),
                changed=now,
                before=0.0,
                why=f"fewer after: {reason}",
            )
            half_failed = len(recent) == LOOK_BACK and 2 * recent.count(False) > LOOK_BACK
            return _rested(shrunk, reason, now) if failures >= IN_A_ROW or half_failed else shrunk
        case _:
            assert_never(element.state)


def _rested(element: Element, reason: str, now: float) -> Element:
    pause = min(LONGEST_REST, FIRST_REST * 2.0 ** min(element.rests, 10))
    state = Resting(now + pause, reason)
    return replace(element, state=state, rests=element.rests + 1, failures=0, recent=(), copies=1.0, why=reason)


def _measured(element: Element, event: Measured, now: float) -> Element:
    speed = element.speed + _WEIGHT * (event.speed - element.speed) if element.speed else event.speed
    element = replace(element, speed=speed)
    used = event.running >= limit(element, event.most)
    if not isinstance(element.state, Working) or not used or now - element.changed < _CALM:
        return element
    if speed > _GAIN * element.before and int(element.copies) < event.most:
        more = element.copies + 1
        return replace(element, copies=more, before=speed, changed=now, why="more copies brought more")
    if speed < _LOSS * element.before and element.copies > 2:
        return replace(
            element, copies=element.copies - 1, before=speed, changed=now, why="fewer copies brought as much"
        )
    return element


def _remembered(element: Element, *, outcome: bool) -> tuple[bool, ...]:
    return (*element.recent, outcome)[-LOOK_BACK:]
