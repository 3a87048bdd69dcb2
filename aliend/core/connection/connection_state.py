"""The state machine of a session with the central service: connections log in, send requests, are lost and reconnect.

A slot has at most one connection and carries at most one request. The states of a slot:

                     Assigned               LoggedIn (Send)
      Disconnected ----------> LoggingIn ------------------> Busy ---- Answered ----> Idle
       ^                        ^  |  ^                      |  |  ^                   |  |
       |           LoginFailed  |  |  |   Lost, to be sent   |  |  |  Assigned (Send)  |  |
       |           (tries left) +--+  +---- again (LogIn) ---+  |  +-------------------+  |
       |                           |                            |                         |
       +---- LoginFailed, ---------+--- Lost, Abandoned, -------+------- IdleClosed ------+
             Abandoned                  Answered, not reusable

`step` returns the next action: log in (not before a certain time), send, check the outcome of a request, give up, or
nothing. After every failure (including a connection that closes soon after its login), all slots delay the next login
for a random part of a pause that grows with each further failure ("full jitter", so that many clients never return at
the same time). A changing request that may have arrived is never sent again. The assignment of slots is decided by
`aliend.core.connection.pool_policy`; times are seconds of any one clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The number of attempts of one request, and the back-off between logins (seconds).

    The upper bound of the pause starts at `first_pause` and doubles up to `longest_pause`; the pause is at least
    `min_pause`.
    """

    tries: int = 3
    first_pause: float = 0.5
    longest_pause: float = 2.0
    min_pause: float = 0.0

    def pause(self, failures: int, chance: float) -> float:
        """Return the seconds to wait after `failures` consecutive failures; `chance` is uniform in [0, 1)."""
        ceiling = min(self.longest_pause, self.first_pause * 2.0 ** min(failures - 1, 16))
        return max(self.min_pause, chance * ceiling)


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A request in its slot: whether it `changes` something, and the attempts left after this one."""

    changes: bool
    tries_left: int


@dataclass(frozen=True, slots=True)
class Disconnected:
    """No connection and no request."""


@dataclass(frozen=True, slots=True)
class LoggingIn:
    """A login begins at `not_before` for `request`."""

    request: PendingRequest
    not_before: float


@dataclass(frozen=True, slots=True)
class Busy:
    """The request was sent and is not answered yet."""

    request: PendingRequest


@dataclass(frozen=True, slots=True)
class Idle:
    """A connection without a request."""


ConnectionState = Disconnected | LoggingIn | Busy | Idle


@dataclass(frozen=True, slots=True)
class Session:
    """All slots; the consecutive `failures` since the last answer, and the earliest time of the next login."""

    slots: tuple[ConnectionState, ...]
    failures: int = 0
    not_before: float = 0.0


@dataclass(frozen=True, slots=True)
class Assigned:
    """The slot was assigned to a request."""

    slot: int
    changes: bool
    now: float


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A login succeeded."""

    slot: int


@dataclass(frozen=True, slots=True)
class LoginFailed:
    """A login failed; `final`: a retry will not help."""

    slot: int
    now: float
    chance: float
    final: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """A valid reply is complete; `reusable`: the connection may be used again."""

    slot: int
    reusable: bool = True


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection closed or was dropped without a valid reply.

    `arrived`: the request may have reached the service. `final`: a retry will not help, or the caller has received a
    part of the reply.
    """

    slot: int
    now: float
    chance: float
    arrived: bool
    final: bool = False


@dataclass(frozen=True, slots=True)
class IdleClosed:
    """An idle connection closed. This is a failure only if `early`, soon after the login."""

    slot: int
    now: float
    chance: float
    early: bool = False


@dataclass(frozen=True, slots=True)
class Abandoned:
    """The caller no longer waits for the request."""

    slot: int


Event = Assigned | LoggedIn | LoginFailed | Answered | Lost | IdleClosed | Abandoned


@dataclass(frozen=True, slots=True)
class LogIn:
    """Log in for the slot, not before `at`."""

    at: float


@dataclass(frozen=True, slots=True)
class Send:
    """Send the request on the slot's connection."""


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """The request may have been executed: check the outcome, and never send it again."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Report the failure to the caller; nothing was executed, or nothing that changes something."""


@dataclass(frozen=True, slots=True)
class NoAction:
    """Do nothing."""


Effect = LogIn | Send | CheckOutcome | GiveUp | NoAction


class Impossible(Exception):
    """An event that is invalid in the slot's state: an error of the caller, never of the service."""


def step(session: Session, event: Event, policy: RetryPolicy) -> tuple[Session, Effect]:
    """Return the session after `event`, and the next action for its slot. Raises Impossible."""
    state = session.slots[event.slot]
    match event, state:
        case Assigned(), Idle():
            return _replace_slot(session, event.slot, Busy(PendingRequest(event.changes, policy.tries - 1))), Send()
        case Assigned(), Disconnected():
            request = PendingRequest(event.changes, policy.tries - 1)
            return _log_in(session, event.slot, request, event.now)
        case LoggedIn(), LoggingIn():
            return _replace_slot(session, event.slot, Busy(state.request)), Send()
        case LoginFailed(), LoggingIn():
            return _retry(_record_failure(session, event, policy), event, state.request)
        case Answered(), Busy():
            calm = replace(session, failures=0, not_before=0.0)
            return _replace_slot(calm, event.slot, Idle() if event.reusable else Disconnected()), NoAction()
        case Lost(), Busy():
            return _after_loss(_record_failure(session, event, policy), event, state.request)
        case IdleClosed(), Idle():
            after = _record_failure(session, event, policy) if event.early else session
            return _replace_slot(after, event.slot, Disconnected()), NoAction()
        case Abandoned(), Busy() | LoggingIn():
            return _replace_slot(session, event.slot, Disconnected()), NoAction()
        case ((Assigned() | LoggedIn() | LoginFailed() | Answered() | Lost() | IdleClosed() | Abandoned()), _):
            raise Impossible(f"{type(event).__name__} cannot happen to a slot that is {type(state).__name__}")
        case _:
            assert_never(event)


def _replace_slot(session: Session, number: int, state: ConnectionState) -> Session:
    slots = (*session.slots[:number], state, *session.slots[number + 1 :])
    return replace(session, slots=slots)


def _record_failure(session: Session, event: LoginFailed | Lost | IdleClosed, policy: RetryPolicy) -> Session:
    failures = session.failures + 1
    not_before = max(session.not_before, event.now + policy.pause(failures, event.chance))
    return replace(session, failures=failures, not_before=not_before)


def _log_in(session: Session, number: int, request: PendingRequest, now: float) -> tuple[Session, Effect]:
    at = max(now, session.not_before)
    return _replace_slot(session, number, LoggingIn(request, at)), LogIn(at)


def _after_loss(session: Session, event: Lost, request: PendingRequest) -> tuple[Session, Effect]:
    if event.arrived and request.changes:
        return _replace_slot(session, event.slot, Disconnected()), CheckOutcome()
    return _retry(session, event, request)


def _retry(session: Session, event: LoginFailed | Lost, request: PendingRequest) -> tuple[Session, Effect]:
    if event.final or not request.tries_left:
        return _replace_slot(session, event.slot, Disconnected()), GiveUp()
    again = replace(request, tries_left=request.tries_left - 1)
    return _log_in(session, event.slot, again, event.now)
