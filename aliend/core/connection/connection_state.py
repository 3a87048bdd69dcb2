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
class RetryPolicy:
    """How often one errand tries, and how long to wait between logins (seconds).

    The ceiling of the pause starts at `first_pause` and doubles up to `longest_pause`; `at_least` is never undercut.
    """

    tries: int = 3
    first_pause: float = 0.5
    longest_pause: float = 2.0
    min_pause: float = 0.0

    def pause(self, failures: int, chance: float) -> float:
        """Seconds to wait after the `failures`-th failure in a row; `chance` is uniform in [0, 1)."""
        ceiling = min(self.longest_pause, self.first_pause * 2.0 ** min(failures - 1, 16))
        return max(self.min_pause, chance * ceiling)


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A request on its lane: whether it `changes` something, and how many tries are left after this one."""

    changes: bool
    tries_left: int


@dataclass(frozen=True, slots=True)
class Disconnected:
    """No connection and no errand."""


@dataclass(frozen=True, slots=True)
class LoggingIn:
    """A login begins at `not_before` for `errand`."""

    request: PendingRequest
    not_before: float


@dataclass(frozen=True, slots=True)
class Busy:
    """The request of `errand` is under way."""

    request: PendingRequest


@dataclass(frozen=True, slots=True)
class Idle:
    """A connection that nobody uses."""


ConnectionState = Disconnected | LoggingIn | Busy | Idle


@dataclass(frozen=True, slots=True)
class Session:
    """All lanes; `failures` in a row since the last answer, and before which moment nobody logs in."""

    slots: tuple[ConnectionState, ...]
    failures: int = 0
    not_before: float = 0.0


@dataclass(frozen=True, slots=True)
class Assigned:
    """The lane was given to a request."""

    slot: int
    changes: bool
    now: float


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A connection was made."""

    slot: int


@dataclass(frozen=True, slots=True)
class LoginFailed:
    """No connection was made; `final`: trying again will not help."""

    slot: int
    now: float
    chance: float
    final: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """The whole reply was understood; `kept`: the connection may be used again."""

    slot: int
    reusable: bool = True


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection ended, or was given up, without a reply that could be understood.

    `arrived`: the request may have reached the service. `final`: trying again will not help, or the caller has had a
    part of the reply.
    """

    slot: int
    now: float
    chance: float
    arrived: bool
    final: bool = False


@dataclass(frozen=True, slots=True)
class IdleClosed:
    """An idle connection is gone. No failure, sessions end; but `early`, soon after the login, it is one."""

    slot: int
    now: float
    chance: float
    early: bool = False


@dataclass(frozen=True, slots=True)
class Abandoned:
    """The caller of the errand does not wait any more."""

    slot: int


Event = Assigned | LoggedIn | LoginFailed | Answered | Lost | IdleClosed | Abandoned


@dataclass(frozen=True, slots=True)
class LogIn:
    """Make a connection for the lane, beginning at `at`."""

    at: float


@dataclass(frozen=True, slots=True)
class Send:
    """Send the request on the lane's connection."""


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """The request may have been carried out: look, and never send it again."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Tell the caller that it failed; nothing was carried out, or nothing that matters."""


@dataclass(frozen=True, slots=True)
class NoAction:
    """Nothing is left to do."""


Effect = LogIn | Send | CheckOutcome | GiveUp | NoAction


class Impossible(Exception):
    """An event that cannot happen in the lane's state: a mistake of the caller, never of the service."""


def step(session: Session, event: Event, policy: RetryPolicy) -> tuple[Session, Effect]:
    """What the session becomes by `event`, and what to do for the event's lane. Raises Impossible."""
    lane = session.slots[event.slot]
    match event, lane:
        case Assigned(), Idle():
            return _replace_slot(session, event.slot, Busy(PendingRequest(event.changes, policy.tries - 1))), Send()
        case Assigned(), Disconnected():
            errand = PendingRequest(event.changes, policy.tries - 1)
            return _log_in(session, event.slot, errand, event.now)
        case LoggedIn(), LoggingIn():
            return _replace_slot(session, event.slot, Busy(lane.request)), Send()
        case LoginFailed(), LoggingIn():
            return _after_failed_login(_record_failure(session, event, policy), event, lane.request)
        case Answered(), Busy():
            calm = replace(session, failures=0, not_before=0.0)
            return _replace_slot(calm, event.slot, Idle() if event.reusable else Disconnected()), NoAction()
        case Lost(), Busy():
            return _after_loss(_record_failure(session, event, policy), event, lane.request)
        case IdleClosed(), Idle():
            after = _record_failure(session, event, policy) if event.early else session
            return _replace_slot(after, event.slot, Disconnected()), NoAction()
        case Abandoned(), Busy() | LoggingIn():
            return _replace_slot(session, event.slot, Disconnected()), NoAction()
        case ((Assigned() | LoggedIn() | LoginFailed() | Answered() | Lost() | IdleClosed() | Abandoned()), _):
            raise Impossible(f"{type(event).__name__} cannot happen to a lane that is {type(lane).__name__}")
        case _:
            assert_never(event)


def _replace_slot(session: Session, number: int, state: ConnectionState) -> Session:
    slots = (*session.slots[:number], state, *session.slots[number + 1 :])
    return replace(session, slots=slots)


def _record_failure(session: Session, event: LoginFailed | Lost | IdleClosed, policy: RetryPolicy) -> Session:
    failures = session.failures + 1
    not_before = max(session.not_before, event.now + policy.pause(failures, event.chance))
    return replace(session, failures=failures, not_before=not_before)


def _log_in(session: Session, number: int, errand: PendingRequest, now: float) -> tuple[Session, Effect]:
    at = max(now, session.not_before)
    return _replace_slot(session, number, LoggingIn(errand, at)), LogIn(at)


def _after_failed_login(session: Session, event: LoginFailed, errand: PendingRequest) -> tuple[Session, Effect]:
    if event.final or not errand.tries_left:
        return _replace_slot(session, event.slot, Disconnected()), GiveUp()
    again = replace(errand, tries_left=errand.tries_left - 1)
    return _log_in(session, event.slot, again, event.now)


def _after_loss(session: Session, event: Lost, errand: PendingRequest) -> tuple[Session, Effect]:
    if event.arrived and errand.changes:
        return _replace_slot(session, event.slot, Disconnected()), CheckOutcome()
    if event.final or not errand.tries_left:
        return _replace_slot(session, event.slot, Disconnected()), GiveUp()
    again = replace(errand, tries_left=errand.tries_left - 1)
    return _log_in(session, event.slot, again, event.now)
