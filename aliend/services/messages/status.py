"""Builds the messages with the status of the sessions with central services."""

from __future__ import annotations

from aliend.runtime import Runtime
from aliend.services.messages.times import timestamp
from aliend.v1 import daemon_pb2

_STATES = {
    "idle": daemon_pb2.CentralStatus.STATE_IDLE,
    "connecting": daemon_pb2.CentralStatus.STATE_CONNECTING,
    "connected": daemon_pb2.CentralStatus.STATE_CONNECTED,
    "failing": daemon_pb2.CentralStatus.STATE_FAILING,
}


def central_messages(runtime: Runtime) -> list[daemon_pb2.CentralStatus]:
    """Return the status of every session since the start."""
    return [
        daemon_pb2.CentralStatus(
            endpoint=status.endpoint,
            connections=status.connections,
            user=status.user,
            subject=status.subject,
            certificate_expire_time=timestamp(status.certificate_ends_ms),
            logins=status.logins,
            commands=status.commands,
            problem=status.problem,
            state=_STATES[status.state],
            connect_time=timestamp(status.since_ms),
            points=status.points,
            waiting=status.waiting,
            next_attempt_time=timestamp(status.next_attempt_ms),
        )
        for status in (central.status() for central in runtime.central_sessions.all())
    ]
