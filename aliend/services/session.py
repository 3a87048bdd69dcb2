"""The `SessionService` servicer: working directories, and the sessions with central services, for other programs."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc.aio

from aliend.errors import UsageError
from aliend.services.caller import Caller, context_of
from aliend.services.grpc_errors import Servicer
from aliend.services.messages.status import central_messages
from aliend.user_sessions import SessionState
from aliend.v1 import session_pb2, session_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

MAX_STACK = 100
"""The most directories of a stack."""
MIN_INTERVAL = 0.1
"""Minimum number of seconds between two messages to one watcher."""
REFRESH_INTERVAL = 5.0
"""Seconds after which a watcher is updated without an event: throttle points decrease without one."""


class SessionService(Servicer, session_pb2_grpc.SessionServiceServicer):
    """Reads and changes sessions in the daemon's own context, with the role and site that they have chosen."""

    async def GetSession(
        self, request: session_pb2.GetSessionRequest, _context: Context
    ) -> session_pb2.GetSessionResponse:
        """Return the state of a session."""
        name = request.session or "default"
        acting = await context_of(self._runtime, name)
        state = await self._runtime.sessions.state(name, acting)
        return session_pb2.GetSessionResponse(session=_message(state, acting.site))

    async def ChangeDirectory(
        self, request: session_pb2.ChangeDirectoryRequest, _context: Context
    ) -> session_pb2.ChangeDirectoryResponse:
        """Change the working directory."""
        name = request.session or "default"
        acting = await context_of(self._runtime, name)
        state = await self._runtime.sessions.change_directory(name, acting, request.directory)
        return session_pb2.ChangeDirectoryResponse(session=_message(state, acting.site))

    async def SetRole(self, request: session_pb2.SetRoleRequest, _context: Context) -> session_pb2.SetRoleResponse:
        """Act as another account."""
        if not request.role or request.role.startswith("-"):
            raise UsageError(f"{request.role!r} is not an account name")
        name = request.session or "default"
        state = await self._runtime.sessions.switch_account(name, await context_of(self._runtime, name), request.role)
        return session_pb2.SetRoleResponse(session=_message(state, (await context_of(self._runtime, name)).site))

    async def SetSite(self, request: session_pb2.SetSiteRequest, _context: Context) -> session_pb2.SetSiteResponse:
        """Choose the close site."""
        if not request.site or request.site.startswith("-"):
            raise UsageError(f"{request.site!r} is not a site name")
        name = request.session or "default"
        await self._runtime.sessions.choose_site(name, await context_of(self._runtime, name), request.site)
        acting = await context_of(self._runtime, name)
        return session_pb2.SetSiteResponse(
            session=_message(await self._runtime.sessions.state(name, acting), acting.site)
        )

    async def GetIdentity(
        self, request: session_pb2.GetIdentityRequest, _context: Context
    ) -> session_pb2.GetIdentityResponse:
        """Return the account."""
        caller = await Caller.of(self._runtime, request.session)
        results = (await caller.ask("whoami", "-nomsg")).results
        facts = {key: str(value) for key, value in (results[0] if results else {}).items()}
        return session_pb2.GetIdentityResponse(
            user=facts.get("username", ""),
            role=facts.get("role", ""),
            roles=[role.strip() for role in facts.get("roles", "").split(",") if role.strip()],
            full_name=facts.get("fullname", ""),
            email=facts.get("email", ""),
            home=facts.get("homedir", ""),
            subject=facts.get("certificate_dn", ""),
        )

    async def SetDirectoryStack(
        self, request: session_pb2.SetDirectoryStackRequest, _context: Context
    ) -> session_pb2.SetDirectoryStackResponse:
        """Replace the directory stack."""
        if not 0 < len(request.directories) <= MAX_STACK:
            raise UsageError(f"directories must have 1 to {MAX_STACK} names, not {len(request.directories)}")
        caller = await Caller.of(self._runtime, request.session)
        stack = [
            await self._runtime.sessions.directory(caller.context, await caller.lfn(one)) for one in request.directories
        ]
        state = await self._runtime.sessions.save_stack(await caller.state(), caller.context, tuple(stack))
        return session_pb2.SetDirectoryStackResponse(session=_message(state, caller.context.site))

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


def _message(state: SessionState, site: str) -> session_pb2.Session:
    return session_pb2.Session(
        name=state.name,
        user=state.user,
        directory=state.directory,
        previous_directory=state.previous,
        site=site,
        stack=state.stack,
    )
