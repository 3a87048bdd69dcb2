"""Builds the messages with the status of the sessions with central services."""

from __future__ import annotations

from aliend.runtime import CentralSessions
from aliend.v1 import daemon_pb2

_STATES = {
    "idle": daemon_pb2.CentralStatus.IDLE,
    "connecting": daemon_pb2.CentralStatus.CONNECTING,
    "connected": daemon_pb2.CentralStatus.CONNECTED,
    "failing": daemon_pb2.CentralStatus.FAILING,
}


def central_messages(centrals: CentralSessions) -> list[daemon_pb2.CentralStatus]:
    """Return the status of every session since the start."""
    return [
        daemon_pb2.CentralStatus(
            endpoint=status.endpoint,
            connections=status.connections,
            user=status.user,
            subject=status.subject,
            certificate_ends_ms=status.certificate_ends_ms,
            logins=status.logins,
            commands=status.commands,
            problem=status.problem,
            state=_STATES[status.state],
            since_ms=status.since_ms,
            points=status.points,
            waiting=status.waiting,
            next_attempt_ms=status.next_attempt_ms,
        )
        for status in (central.status() for central in centrals.all())
    ]
