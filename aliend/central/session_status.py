"""The status of a session with a central service, for users and programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aliend.core.connection.connection_state import Busy, Idle, LoggingIn, Session

State = Literal["idle", "connecting", "connected", "failing"]
"""No request yet or closed for disuse; a login is in progress; connected; the last attempt failed."""


@dataclass(frozen=True, slots=True)
class CentralStatus:
    """The endpoint, the identity and the counters of a session. Times in POSIX milliseconds, 0: none.

    `points` are the throttle points that this daemon caused, `delay_ms` the delay of each command because of them;
    `problem` is the last error until the next success; no login starts before `next_attempt_ms`.
    """

    state: State
    endpoint: str
    connections: int
    user: str
    subject: str
    certificate_ends_ms: int
    since_ms: int
    logins: int
    commands: int
    points: int
    delay_ms: int
    waiting: int
    problem: str
    next_attempt_ms: int


def state_of(session: Session) -> State:
    """Return the state of the session."""
    if any(isinstance(slot, Idle | Busy) for slot in session.slots):
        return "connected"
    if session.failures:
        return "failing"
    return "connecting" if any(isinstance(slot, LoggingIn) for slot in session.slots) else "idle"
