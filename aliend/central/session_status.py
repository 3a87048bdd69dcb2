"""A session as people and programs want to see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aliend.core.connection.connection_state import Busy, Idle, LoggingIn, Session

State = Literal["idle", "connecting", "connected", "failing"]
"""Nothing was asked yet or the session was let go; a login is made; there is a connection; the last attempt failed."""


@dataclass(frozen=True, slots=True)
class CentralStatus:
    """Connected to whom, as whom, since when. Moments in POSIX milliseconds, 0: none.

    `points` are those that this daemon has cost the certificate, `delay_ms` by how much the service delays each
    command because of them; `problem` is the last error while it lasts; nobody logs in before `next_attempt_ms`.
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
    """The session in a word."""
    if any(isinstance(lane, Idle | Busy) for lane in session.slots):
        return "connected"
    if session.failures:
        return "failing"
    return "connecting" if any(isinstance(lane, LoggingIn) for lane in session.slots) else "idle"
