"""The sessions with central services as messages."""

from __future__ import annotations

from aliend.runtime import Runtime
from aliend.v1 import daemon_pb2

_STATES = {
    "idle": daemon_pb2.CentralStatus.IDLE,
    "connecting": daemon_pb2.CentralStatus.CONNECTING,
    "connected": daemon_pb2.CentralStatus.CONNECTED,
    "failing": daemon_pb2.CentralStatus.FAILING,
}


def central_messages(runtime: Runtime) -> list[daemon_pb2.CentralStatus]:
    """Every session that was asked for since the start."""
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
            delay_ms=status.delay_ms,
            waiting=status.waiting,
            next_attempt_ms=status.next_attempt_ms,
        )
        for status in (central.status() for central in runtime.central_sessions.all())
    ]
