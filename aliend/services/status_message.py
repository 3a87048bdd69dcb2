"""Builds the messages with the status of the sessions with central services."""

from __future__ import annotations

from dataclasses import asdict

from aliend.runtime import Runtime
from aliend.v1 import daemon_pb2

_STATES = {
    "idle": daemon_pb2.CentralStatus.IDLE,
    "connecting": daemon_pb2.CentralStatus.CONNECTING,
    "connected": daemon_pb2.CentralStatus.CONNECTED,
    "failing": daemon_pb2.CentralStatus.FAILING,
}


def central_messages(runtime: Runtime) -> list[daemon_pb2.CentralStatus]:
    """Return the status of every session since the start."""
    statuses = [asdict(central.status()) for central in runtime.central_sessions.all()]
    return [daemon_pb2.CentralStatus(**{**status, "state": _STATES[status["state"]]}) for status in statuses]
