"""The life-cycle of a session with the central service: lanes that log in, talk, are lost and come back.

A lane is the place of one connection and carries at most one errand (a request). One lane's life:

              Taken                LoggedIn (Send)
      Down ----------> LoggingIn ------------------> Talking ---- Answered ----> Up
       ^                ^  |  ^                      |  |  ^                     |  |
       |   LoginFailed  |  |  |   Lost, to be sent   |  |  |    Taken (Send)     |  |
       |   (tries left) +--+  +---- again (LogIn) ---+  |  +---------------------+  |
       |                   |                            |                           |
       +-- LoginFailed, ---+--- Lost, Abandoned, -------+---------- Ended ----------+
           Abandoned            Answered and not kept

`step` says what must be done next: log in (not before a moment), send, find out what became of a request, give up, or
nothing. After every failure (also a connection that ends soon after its login) no login of any lane begins before a
random part of a pause that grows with each further failure has passed ("full jitter", so that many clients never come
back at once). A request that changes something and may have arrived is never sent again. Which lane an errand gets is
decided by `aliend.core.connection.pool_policy`; moments are seconds of any one clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never


@dataclass(frozen=True, slots=True)
class Policy:
    """How often one errand tries, and how long to wait between logins (seconds).

    The ceiling of the pause starts at `first_pause` and doubles up to `longest_pause`; `at_least` is never undercut.
    """

    tries: int = 3
    first_pause: float = 0.5
    longest_pause: float = 2.0
    at_least: float = 0.0

    def pause(self, failures: int, chance: float) -> float:
        """Seconds to wait after the `failures`-th failure in a row; `chance` is uniform in [0, 1)."""
        ceiling = min(self.longest_pause, self.first_pause * 2.0 ** min(failures - 1, 16))
        return max(self.at_least, chance * ceiling)


@dataclass(frozen=True, slots=True)
class Errand:
    """A request on its lane: whether it `changes` something, and how many tries are left after this one."""

    changes: bool
    tries_left: int


@dataclass(frozen=True, slots=True)
class Down:
    """No connection and no errand."""


@dataclass(frozen=True, slots=True)
class LoggingIn:
    """A login begins at `not_before` for `errand`."""

    errand: Errand
    not_before: float


@dataclass(frozen=True, slots=True)
class Talking:
    """The request of `errand` is under way."""

    errand: Errand


@dataclass(frozen=True, slots=True)
class Up:
    """A connection that nobody uses."""


LaneState = Down | LoggingIn | Talking | Up


@dataclass(frozen=True, slots=True)
class Session:
    """All lanes; `failures` in a row since the last answer, and before which moment nobody logs in."""

    lanes: tuple[LaneState, ...]
    failures: int = 0
    not_before: float = 0.0


@dataclass(frozen=True, slots=True)
class Taken:
    """The lane was given to a request."""

    lane: int
    changes: bool
    now: float


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A connection was made."""

    lane: int


@dataclass(frozen=True, slots=True)
class LoginFailed:
    """No connection was made; `final`: trying again will not help."""

    lane: int
    now: float
    chance: float
    final: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """The whole reply was understood; `kept`: the connection may be used again."""

    lane: int
    kept: bool = True


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection ended, or was given up, without a reply that could be understood.

    `arrived`: the request may have reached the service. `final`: trying again will not help, or the caller has had a
    part of the reply.
    """

    lane: int
    now: float
    chance: float
    arrived: bool
    final: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """An idle connection is gone. No failure, sessions end; but `early`, soon after the login, it is one."""

    lane: int
    now: float
    chance: float
    early: bool = False


@dataclass(frozen=True, slots=True)
class Abandoned:
    """The caller of the errand does not wait any more."""

    lane: int


Event = Taken | LoggedIn | LoginFailed | Answered | Lost | Ended | Abandoned


@dataclass(frozen=True, slots=True)
class LogIn:
    """Make a connection for the lane, beginning at `at`."""

    at: float


@dataclass(frozen=True, slots=True)
class Send:
    """Send the request on the lane's connection."""


@dataclass(frozen=True, slots=True)
class FindOut:
    """The request may have been carried out: look, and never send it again."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Tell the caller that it failed; nothing was carried out, or nothing that matters."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing is left to do."""


Effect = LogIn | Send | FindOut | GiveUp | Nothing


class Impossible(Exception):
    """An event that cannot happen in the lane's state: a mistake of the caller, never of the service."""


def step(session: Session, event: Event, policy: Policy) -> tuple[Session, Effect]:
    """What the session becomes by `event`, and what to do for the event's lane. Raises Impossible."""
    lane = session.lanes[event.lane]
    match event, lane:
        case Taken(), Up():
            return _with(session, event.lane, Talking(Errand(event.changes, policy.tries - 1))), Send()
        case Taken(), Down():
            errand = Errand(event.changes, policy.tries - 1)
            return _log_in(session, event.lane, errand, event.now)
        case LoggedIn(), LoggingIn():
            return _with(session, event.lane, Talking(lane.errand)), Send()
        case LoginFailed(), LoggingIn():
            return _after_failed_login(_failed(session, event, policy), event, lane.errand)
        case Answered(), Talking():
            calm = replace(session, failures=0, not_before=0.0)
            return _with(calm, event.lane, Up() if event.kept else Down()), Nothing()
        case Lost(), Talking():
            return _after_loss(_failed(session, event, policy), event, lane.errand)
        case Ended(), Up():
            after = _failed(session, event, policy) if event.early else session
            return _with(after, event.lane, Down()), Nothing()
        case Abandoned(), Talking() | LoggingIn():
            return _with(session, event.lane, Down()), Nothing()
        case ((Taken() | LoggedIn() | LoginFailed() | Answered() | Lost() | Ended() | Abandoned()), _):
            raise Impossible(f"{type(event).__name__} cannot happen to a lane that is {type(lane).__name__}")
        case _:
            assert_never(event)


def _with(session: Session, number: int, state: LaneState) -> Session:
    lanes = (*session.lanes[:number], state, *session.lanes[number + 1 :])
    return replace(session, lanes=lanes)


def _failed(session: Session, event: LoginFailed | Lost | Ended, policy: Policy) -> Session:
    failures = session.failures + 1
    not_before = max(session.not_before, event.now + policy.pause(failures, event.chance))
    return replace(session, failures=failures, not_before=not_before)


def _log_in(session: Session, number: int, errand: Errand, now: float) -> tuple[Session, Effect]:
    at = max(now, session.not_before)
    return _with(session, number, LoggingIn(errand, at)), LogIn(at)


def _after_failed_login(session: Session, event: LoginFailed, errand: Errand) -> tuple[Session, Effect]:
    if event.final or not errand.tries_left:
        return _with(session, event.lane, Down()), GiveUp()
    again = replace(errand, tries_left=errand.tries_left - 1)
    return _log_in(session, event.lane, again, event.now)


def _after_loss(session: Session, event: Lost, errand: Errand) -> tuple[Session, Effect]:
    if event.arrived and errand.changes:
        return _with(session, event.lane, Down()), FindOut()
    if event.final or not errand.tries_left:
        return _with(session, event.lane, Down()), GiveUp()
    again = replace(errand, tries_left=errand.tries_left - 1)
    return _log_in(session, event.lane, again, event.now)
