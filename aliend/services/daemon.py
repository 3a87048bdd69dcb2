"""`Daemon`: versions, status, stop."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import grpc.aio

from aliend import CONTRACT, VERSION
from aliend.runtime import Runtime
from aliend.services.grpc_errors import told
from aliend.services.status_message import central_messages
from aliend.v1 import daemon_pb2, daemon_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

MOST_JOBS = 10_000
"""Jobs that are counted at the most."""
CAPABILITIES = ("console", "session", "catalogue", "transfers", "session-watch", "limits", "selection")


class DaemonService(daemon_pb2_grpc.DaemonServicer):
    """About the daemon itself. `stop` is set when it shall end."""

    def __init__(self, parts: Runtime, stop: asyncio.Event) -> None:
        self._parts = parts
        self._stop = stop

    @told
    async def Hello(self, _request: daemon_pb2.HelloRequest, _context: Context) -> daemon_pb2.HelloResponse:
        """See the contract."""
        return daemon_pb2.HelloResponse(version=VERSION, contract=CONTRACT, capabilities=CAPABILITIES, pid=os.getpid())

    @told
    async def Status(self, _request: daemon_pb2.StatusRequest, _context: Context) -> daemon_pb2.StatusResponse:
        """See the contract."""
        settings, engine = self._parts.settings, self._parts.engine
        active = await engine.jobs(MOST_JOBS, active_only=True)
        return daemon_pb2.StatusResponse(
            version=VERSION,
            pid=os.getpid(),
            started_ms=int(self._parts.started * 1000),
            profile=settings.profile,
            socket=settings.socket,
            state_directory=settings.state_directory,
            log_file=settings.log_file,
            central=central_messages(self._parts),
            active_jobs=len(active),
            running_transfers=len(engine.progress()),
            warnings=[*filter(None, [settings.state_note]), *self._parts.tokens.warnings()],
        )

    @told
    async def Stop(self, _request: daemon_pb2.StopRequest, _context: Context) -> daemon_pb2.StopResponse:
        """See the contract."""
        self._stop.set()
        return daemon_pb2.StopResponse(pid=os.getpid())
