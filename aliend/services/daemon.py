"""The `Daemon` servicer: versions, status, stop."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import grpc.aio

from aliend import CONTRACT, VERSION
from aliend.runtime import Runtime
from aliend.services.grpc_errors import errors_to_status
from aliend.services.status_message import central_messages
from aliend.v1 import daemon_pb2, daemon_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

MAX_COUNTED_JOBS = 10_000
"""The most jobs that `Status` counts."""
CAPABILITIES = ("console", "session", "catalogue", "transfers", "session-watch", "limits", "selection")


class DaemonService(daemon_pb2_grpc.DaemonServicer):
    """Reports on the daemon. Sets `stop` to end it."""

    def __init__(self, runtime: Runtime, stop: asyncio.Event) -> None:
        self._runtime = runtime
        self._stop = stop

    @errors_to_status
    async def Hello(self, _request: daemon_pb2.HelloRequest, _context: Context) -> daemon_pb2.HelloResponse:
        """Return versions and capabilities."""
        return daemon_pb2.HelloResponse(version=VERSION, contract=CONTRACT, capabilities=CAPABILITIES, pid=os.getpid())

    @errors_to_status
    async def Status(self, _request: daemon_pb2.StatusRequest, _context: Context) -> daemon_pb2.StatusResponse:
        """Return the state of the daemon."""
        settings, engine = self._runtime.settings, self._runtime.engine
        active = await engine.jobs(MAX_COUNTED_JOBS, active_only=True)
        return daemon_pb2.StatusResponse(
            version=VERSION,
            pid=os.getpid(),
            started_ms=int(self._runtime.started * 1000),
            profile=settings.profile,
            socket=settings.socket,
            state_directory=settings.state_directory,
            log_file=settings.log_file,
            central=central_messages(self._runtime),
            active_jobs=len(active),
            running_transfers=len(engine.progress()),
            warnings=[*filter(None, [settings.state_note]), *self._runtime.tokens.warnings()],
        )

    @errors_to_status
    async def Stop(self, _request: daemon_pb2.StopRequest, _context: Context) -> daemon_pb2.StopResponse:
        """Request the end of the daemon."""
        self._stop.set()
        return daemon_pb2.StopResponse(pid=os.getpid())
