"""`Session`: the working directories, for other programs."""

from __future__ import annotations

from typing import Any

import grpc.aio

from aliend.parts import Parts
from aliend.services.status import told
from aliend.sessions import SessionState
from aliend.v1 import session_pb2, session_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


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


def _message(state: SessionState) -> session_pb2.SessionState:
    return session_pb2.SessionState(
        session=state.name, user=state.user, directory=state.directory, previous_directory=state.previous
    )
