"""The `Session` servicer: working directories, and the sessions with central services, for other programs."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc.aio

from aliend.core.connection.context import Context as CentralContext
from aliend.runtime import Runtime
from aliend.services.grpc_errors import errors_to_status
from aliend.services.status_message import central_messages
from aliend.user_sessions import SessionState
from aliend.v1 import session_pb2, session_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

MIN_INTERVAL = 0.1
"""Minimum number of seconds between two messages to one watcher."""
REFRESH_INTERVAL = 5.0
"""Seconds after which a watcher is updated without an event: throttle points decrease without one."""


class SessionService(session_pb2_grpc.SessionServicer):
    """Reads and changes sessions in the daemon's own context, with the role and site that they have chosen."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @errors_to_status
    async def Get(self, request: session_pb2.GetSessionRequest, _context: Context) -> session_pb2.SessionState:
        """Return the state of a session."""
        name = request.session or "default"
        return _message(await self._runtime.sessions.state(name, await self._acting(name)))

    @errors_to_status
    async def ChangeDirectory(
        self, request: session_pb2.ChangeDirectoryRequest, _context: Context
    ) -> session_pb2.SessionState:
        """Change the working directory."""
        name = request.session or "default"
        return _message(
            await self._runtime.sessions.change_directory(name, await self._acting(name), request.directory)
        )

    async def _acting(self, name: str) -> CentralContext:
        """Return the daemon's own context with the role and site of the session."""
        return await self._runtime.sessions.context_of(name, self._runtime.context(None))

    @errors_to_status
    async def Watch(self, _request: session_pb2.WatchSessionRequest, context: Context) -> None:
        """Stream the sessions with central services after each change."""
        sent = None
        while not self._runtime.stopping:
            now = central_messages(self._runtime)
            if now != sent:
                sent = now
                await context.write(session_pb2.WatchSessionResponse(central=now))
            await asyncio.sleep(MIN_INTERVAL)
            await self._runtime.central_sessions.changed(REFRESH_INTERVAL)


def _message(state: SessionState) -> session_pb2.SessionState:
    return session_pb2.SessionState(
        session=state.name, user=state.user, directory=state.directory, previous_directory=state.previous
    )
