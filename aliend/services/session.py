"""`Session`: the working directories, for other programs."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc.aio

from aliend.core.connection.context import Context as CentralContext
from aliend.runtime import Runtime
from aliend.services.grpc_errors import told
from aliend.services.status_message import central_messages
from aliend.user_sessions import SessionState
from aliend.v1 import session_pb2, session_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

PAUSE = 0.1
"""Seconds between two messages to one watcher at least."""
LOOK_AGAIN = 5.0
"""Seconds after which a watcher looks by itself: points grow less without an event."""


class SessionService(session_pb2_grpc.SessionServicer):
    """Reads and changes sessions under the daemon's own context and what they have chosen."""

    def __init__(self, parts: Runtime) -> None:
        self._parts = parts

    @told
    async def Get(self, request: session_pb2.GetSessionRequest, _context: Context) -> session_pb2.SessionState:
        """See the contract."""
        name = request.session or "default"
        return _message(await self._parts.sessions.state(name, await self._acting(name)))

    @told
    async def ChangeDirectory(
        self, request: session_pb2.ChangeDirectoryRequest, _context: Context
    ) -> session_pb2.SessionState:
        """See the contract."""
        name = request.session or "default"
        return _message(await self._parts.sessions.change_directory(name, await self._acting(name), request.directory))

    async def _acting(self, name: str) -> CentralContext:
        """The daemon's own context, as whom and from where the session has chosen to act."""
        return await self._parts.sessions.context_of(name, self._parts.context(None))

    @told
    async def Watch(self, _request: session_pb2.WatchSessionRequest, context: Context) -> None:
        """See the contract."""
        said = None
        while not self._parts.stopping:
            now = central_messages(self._parts)
            if now != said:
                said = now
                await context.write(session_pb2.WatchSessionResponse(central=now))
            await asyncio.sleep(PAUSE)
            await self._parts.central_sessions.changed(LOOK_AGAIN)


def _message(state: SessionState) -> session_pb2.SessionState:
    return session_pb2.SessionState(
        session=state.name, user=state.user, directory=state.directory, previous_directory=state.previous
    )
