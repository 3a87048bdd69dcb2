"""The `Session` servicer: working directories, and the sessions with central services, for other programs."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc.aio

from aliend.core.connection.context import Context as CentralContext
from aliend.runtime import Runtime
from aliend.services.grpc_errors import errors_to_status
from aliend.services.messages.status import central_messages
from aliend.user_sessions import SessionState
from aliend.v1 import session_pb2, session_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

MIN_INTERVAL = 0.1
"""Minimum number of seconds between two messages to one watcher."""
REFRESH_INTERVAL = 5.0
"""Seconds after which a watcher is updated without an event: throttle points decrease without one."""


class SessionService(session_pb2_grpc.SessionServiceServicer):
    """Reads and changes sessions in the daemon's own context, with the role and site that they have chosen."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @errors_to_status
    async def GetSession(
        self, request: session_pb2.GetSessionRequest, _context: Context
    ) -> session_pb2.GetSessionResponse:
        """Return the state of a session."""
        name = request.session or "default"
        state = await self._runtime.sessions.state(name, await self._acting(name))
        return session_pb2.GetSessionResponse(session=_message(state))

    @errors_to_status
    async def ChangeDirectory(
        self, request: session_pb2.ChangeDirectoryRequest, _context: Context
    ) -> session_pb2.ChangeDirectoryResponse:
        """Change the working directory."""
        name = request.session or "default"
        acting = await self._acting(name)
        state = await self._runtime.sessions.change_directory(name, acting, request.directory)
        return session_pb2.ChangeDirectoryResponse(session=_message(state))

    async def _acting(self, name: str) -> CentralContext:
        """Return the daemon's own context with the role and site of the session."""
        return await self._runtime.sessions.context_of(name, self._runtime.context(None))

    @errors_to_status
    async def WatchConnections(self, _request: session_pb2.WatchConnectionsRequest, context: Context) -> None:
        """Stream the sessions with central services after each change."""
        sent = None
        while not self._runtime.stopping:
            now = central_messages(self._runtime)
            if now != sent:
                sent = now
                await context.write(session_pb2.WatchConnectionsResponse(central=now))
            await asyncio.sleep(MIN_INTERVAL)
            await self._runtime.central_sessions.changed(REFRESH_INTERVAL)


def _message(state: SessionState) -> session_pb2.Session:
    return session_pb2.Session(
        name=state.name, user=state.user, directory=state.directory, previous_directory=state.previous
    )
