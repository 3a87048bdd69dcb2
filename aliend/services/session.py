"""`Session`: the working directories, for other programs."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc.aio

from aliend.parts import Parts
from aliend.services.state import central_messages
from aliend.services.status import told
from aliend.sessions import SessionState
from aliend.v1 import session_pb2, session_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

PAUSE = 0.1
"""Seconds between two messages to one watcher at least."""
LOOK_AGAIN = 5.0
"""Seconds after which a watcher looks by itself: points grow less without an event."""


class SessionService(session_pb2_grpc.SessionServicer):
    """Reads and changes sessions under the daemon's own context."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @told
    async def Get(self, request: session_pb2.GetSessionRequest, _context: Context) -> session_pb2.SessionState:
        """See the contract."""
        state = await self._parts.sessions.state(request.session or "default", self._parts.context(None))
        return _message(state)

    @told
    async def ChangeDirectory(
        self, request: session_pb2.ChangeDirectoryRequest, _context: Context
    ) -> session_pb2.SessionState:
        """See the contract."""
        state = await self._parts.sessions.change(
            request.session or "default", self._parts.context(None), request.directory
        )
        return _message(state)

    @told
    async def Watch(self, _request: session_pb2.WatchSessionRequest, context: Context) -> None:
        """See the contract."""
        said = None
        while not self._parts.stopping:
            now = central_messages(self._parts.centrals)
            if now != said:
                said = now
                await context.write(session_pb2.WatchSessionResponse(central=now))
            await asyncio.sleep(PAUSE)
            await self._parts.centrals.changed(LOOK_AGAIN)


def _message(state: SessionState) -> session_pb2.SessionState:
    return session_pb2.SessionState(
        session=state.name, user=state.user, directory=state.directory, previous_directory=state.previous
    )
