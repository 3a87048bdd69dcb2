"""Who calls: the context and the session of a typed call, absolute names, and requests to the central service."""

from __future__ import annotations

import errno
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from aliend.commands.grid.namespace_checks import check_names
from aliend.core.catalogue import paths
from aliend.core.catalogue.entries import Entry
from aliend.core.connection.context import Context as CentralContext
from aliend.core.protocol.replies import Reply
from aliend.core.protocol.requests import Request
from aliend.errors import ServiceError, UsageError
from aliend.runtime import Runtime
from aliend.user_sessions import SessionState

MAX_NAMES = 1000
"""The most names in one request."""


async def context_of(runtime: Runtime, session: str) -> CentralContext:
    """Return the daemon's own context with the role and site of a session; get a token first if it is missing."""
    own = runtime.context(None)
    if not runtime.central_sessions.is_connected(own):
        await runtime.tokens.ensure(own)
    return await runtime.sessions.context_of(session, own)


class Caller:
    """The session of one call, with its role and site, in the daemon's own context."""

    def __init__(self, runtime: Runtime, session: str, context: CentralContext) -> None:
        self.session = session
        self.context = context
        self._runtime = runtime
        self.central = runtime.central_sessions.of(context)
        self.catalogue = runtime.central_sessions.catalogue_of(context)

    @classmethod
    async def of(cls, runtime: Runtime, session: str) -> Caller:
        """Return the caller of a session (empty: `default`)."""
        name = session or "default"
        return cls(runtime, name, await context_of(runtime, name))

    async def state(self) -> SessionState:
        """Return the state of the session; asks the service only the first time."""
        return await self._runtime.sessions.state(self.session, self.context)

    async def lfn(self, name: str) -> str:
        """Return the absolute LFN of a name; empty is the directory of the session. Raises UsageError for `file:`."""
        if name.startswith("file:"):
            raise UsageError(f"{name} is a local file; this call takes an LFN")
        text = name.removeprefix("alien:") or "."
        if text.startswith("/"):
            return paths.resolve(text, "/", "/")
        state = await self.state()
        return paths.resolve(text, state.directory, state.home)

    async def required_lfn(self, name: str, field: str = "lfn") -> str:
        """Return the absolute LFN of a name. Raises UsageError for an empty one; `field` names it in the message."""
        if not name:
            raise UsageError(f"{field} must not be empty")
        return await self.lfn(name)

    async def lfns(self, names: Sequence[str]) -> list[str]:
        """Return the absolute LFNs of 1 to 1000 names. Raises UsageError."""
        if not 0 < len(names) <= MAX_NAMES:
            raise UsageError(f"lfns must have 1 to {MAX_NAMES} names, not {len(names)}")
        return [await self.required_lfn(name) for name in names]

    async def require_entries(self, command: str, lfns: Sequence[str]) -> list[Entry]:
        """Return the entries of names. Raises ServiceError if one does not exist; `command` names it in the error."""
        entries, missing = await self.catalogue.stat(list(lfns))
        if missing:
            raise ServiceError(command, errno.ENOENT, f"{missing[0]} does not exist in the catalogue")
        return entries

    @asynccontextmanager
    async def about(self, lfn: str, *, is_file: bool = True) -> AsyncGenerator[None]:
        """Explain a failed request: raise ServiceError if `lfn` is missing or a directory; the service's codes vary."""
        try:
            yield
        except ServiceError as error:
            entries, missing = await self.catalogue.stat([lfn])
            if missing:
                raise ServiceError(error.command, errno.ENOENT, f"{lfn} does not exist in the catalogue") from error
            if is_file and entries[0].is_directory:
                raise ServiceError(error.command, errno.EISDIR, f"{lfn} is a directory, not a file") from error
            raise

    async def ask(self, command: str, *options: str, directory: str = "") -> Reply:
        """Return the reply to a request. Raises ServiceError if it reports a failure."""
        request = Request(command, options)
        return (await self.central.request(request, directory=directory)).checked(request)

    async def change(self, command: str, *options: str, directory: str = "") -> Reply:
        """Return the reply to a request that creates or moves names, which are checked first."""
        await check_names(self.catalogue, Request(command, options))
        return await self.ask(command, *options, directory=directory)
