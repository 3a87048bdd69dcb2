"""The `DaemonService` servicer: versions, status, stop, reload, metrics."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from aliend import CONTRACT, VERSION, metrics
from aliend.errors import StoreError
from aliend.lifecycle.reload import Reloaded
from aliend.runtime import Runtime
from aliend.services.grpc_errors import Servicer
from aliend.services.messages.status import central_messages
from aliend.services.messages.times import timestamp
from aliend.v1 import daemon_pb2, daemon_pb2_grpc

_PATIENCE = 1.0
"""Seconds to wait for another daemon's answer."""


def state_directory_of(path: str) -> str:
    """Ask the daemon that listens on a socket for its state directory; empty: it does not answer. Blocks."""
    with grpc.insecure_channel(f"unix:{path}") as channel:
        try:
            answer = daemon_pb2_grpc.DaemonServiceStub(channel).Status(daemon_pb2.StatusRequest(), timeout=_PATIENCE)
        except grpc.RpcError:
            return ""
    return str(answer.state_directory)


Context = grpc.aio.ServicerContext[Any, Any]

MAX_COUNTED_JOBS = 10_000
"""Maximum number of jobs that `Status` counts."""
DATABASE_LIMIT = 2.0
"""Seconds that `Status` waits for a database that another program holds; a client waits 5 s for the answer."""
CAPABILITIES = (
    "console",
    "session",
    "catalogue",
    "contents",
    "storage",
    "grid-jobs",
    "credentials",
    "network",
    "raw",
    "transfers",
    "session-watch",
    "limits",
    "selection",
    "stop-if-idle",
    "reload",
    "metrics",
    "bridge",
    "deletions",
    "failures",
    "set-quota",
)


class DaemonService(Servicer, daemon_pb2_grpc.DaemonServiceServicer):
    """Reports on the daemon. Sets `stop` to end it."""

    def __init__(self, runtime: Runtime, stop: asyncio.Event, reload: Callable[[], Reloaded]) -> None:
        super().__init__(runtime)
        self._stop = stop
        self._reload = reload

    async def Hello(self, _request: daemon_pb2.HelloRequest, _context: Context) -> daemon_pb2.HelloResponse:
        """Return versions and capabilities."""
        return daemon_pb2.HelloResponse(version=VERSION, contract=CONTRACT, capabilities=CAPABILITIES, pid=os.getpid())

    async def Status(self, _request: daemon_pb2.StatusRequest, _context: Context) -> daemon_pb2.StatusResponse:
        """Return the daemon's state, connections, jobs and warnings."""
        settings, engine = self._runtime.settings, self._runtime.engine
        try:
            async with asyncio.timeout(DATABASE_LIMIT):
                active = await engine.jobs(MAX_COUNTED_JOBS, active_only=True)
        except (StoreError, TimeoutError):
            active = []  # the warnings say why
        return daemon_pb2.StatusResponse(
            version=VERSION,
            pid=os.getpid(),
            start_time=timestamp(int(self._runtime.started * 1000)),
            profile=settings.profile,
            socket=self._runtime.socket,
            state_directory=settings.state_directory,
            log_file=settings.log_file,
            central=central_messages(self._runtime),
            active_jobs=len(active),
            running_transfers=len(engine.progress()),
            warnings=self._runtime.warnings(),
            running_calls=self._runtime.activity.calls,
        )

    async def Stop(self, request: daemon_pb2.StopRequest, _context: Context) -> daemon_pb2.StopResponse:
        """Stop the daemon, unless the request is conditional and work is in progress."""
        calls, transfers = self._runtime.activity.calls, len(self._runtime.engine.progress())
        if request.only_if_idle and (calls or transfers):
            return daemon_pb2.StopResponse(
                pid=os.getpid(), needed=True, running_calls=calls, running_transfers=transfers
            )
        self._stop.set()
        return daemon_pb2.StopResponse(pid=os.getpid())

    async def Reload(self, _request: daemon_pb2.ReloadRequest, _context: Context) -> daemon_pb2.ReloadResponse:
        """Apply the configuration; return the settings that apply now and those that need a restart."""
        outcome = self._reload()
        return daemon_pb2.ReloadResponse(applied=outcome.applied, after_restart=outcome.after_restart)

    async def GetBridge(self, _request: daemon_pb2.GetBridgeRequest, _context: Context) -> daemon_pb2.GetBridgeResponse:
        """Return the state of the bridge."""
        from aliend.commands.grid import bridge

        return daemon_pb2.GetBridgeResponse(bridge=_bridge(await bridge.status(self._runtime)))

    async def SetBridge(self, request: daemon_pb2.SetBridgeRequest, _context: Context) -> daemon_pb2.SetBridgeResponse:
        """Turn the bridge on or off."""
        from aliend.commands.grid import bridge

        return daemon_pb2.SetBridgeResponse(bridge=_bridge(await bridge.switch(self._runtime, on=request.running)))

    async def Metrics(self, _request: daemon_pb2.MetricsRequest, _context: Context) -> daemon_pb2.MetricsResponse:
        """Return the figures for monitoring."""
        return daemon_pb2.MetricsResponse(text=await metrics.open_metrics(self._runtime))


def _bridge(document: dict[str, Any]) -> daemon_pb2.Bridge:
    return daemon_pb2.Bridge(**{name: value for name, value in document.items() if name != "host"})
