"""One client of the bridge: its directory, role and site, and its requests, which share the daemon's connections.

Each request carries the client's directory (`-pwd=`), so that any connection can execute it. A request that changes
more than the directory (`user`, `setSite`, `timing`) is sent on a connection that is closed after it; the later
requests of the client then use connections with that role, site or timing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Protocol

from aliend.core.connection.context import Context
from aliend.core.protocol import messages
from aliend.core.protocol.messages import InvalidMessage
from aliend.core.protocol.replies import Reply, Result
from aliend.core.protocol.requests import HELP_OPTIONS, Request, session_change
from aliend.errors import AliendError, ServiceError

_STREAMED = frozenset({"find"})
"""Commands whose replies can be hundreds of megabytes."""


class Central(Protocol):
    """What a conversation needs of the session with the service, see `aliend.central.session`."""

    async def request(self, request: Request, *, directory: str = "", may_change: bool = False) -> Reply:
        """Execute a request and return the reply."""

    def stream(
        self, request: Request, *, directory: str = "", bulk: bool, on_end: Callable[[Reply], None]
    ) -> AsyncIterator[list[Result]]:
        """Execute a request and yield the results in groups; `on_end` gets the reply without them."""


class Conversation:
    """One client. `answer` takes one message at a time."""

    def __init__(
        self,
        context: Context,
        central_of: Callable[[Context], Central],
        account_of: Callable[[Context], Awaitable[tuple[str, str]]],
        slots: asyncio.Semaphore,
    ) -> None:
        """Begin in the home; `account_of` returns user and home. `slots` limits the requests of all clients."""
        self._context = context
        self._central_of = central_of
        self._account_of = account_of
        self._slots = slots
        self._user = self._directory = ""

    async def answer(self, text: str) -> AsyncGenerator[str, None]:
        """Yield the reply to a message in pieces.

        An error of ours becomes a reply too: a client that loses its connection would send the request again. Raises
        UnusableMessage for a message that has no reply.
        """
        try:
            request = messages.read_request(text)
        except InvalidMessage as error:
            yield messages.invalid_text(error, self._user, self._directory)
            return
        async with self._slots:
            begun = False
            try:
                if not self._directory:
                    self._user, self._directory = await self._account_of(self._context)
                async with aclosing(self._pieces(request)) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
            except AliendError as error:
                if begun:
                    raise
                yield messages.error_text(error.exit_code, str(error), self._user, self._directory)

    async def _pieces(self, request: Request) -> AsyncGenerator[str, None]:
        is_streamed = request.command in _STREAMED and not session_change(request)
        if is_streamed and not HELP_OPTIONS.intersection(request.options):
            async with aclosing(self._streamed(request)) as pieces:
                async for piece in pieces:
                    yield piece
            return
        central = self._central_of(self._context)
        reply = await central.request(request, directory=self._directory, may_change=True)
        self._user, self._directory = reply.user or self._user, reply.directory or self._directory
        if not reply.exit_code and request.options:
            self._context = changed(self._context, request)
        yield messages.reply_text(reply)

    async def _streamed(self, request: Request) -> AsyncGenerator[str, None]:
        """Yield the results as they arrive."""
        ends: list[Reply] = []
        is_first = True
        central = self._central_of(self._context)
        with suppress(ServiceError):  # it is in the reply, too
            async for group in central.stream(request, directory=self._directory, bulk=False, on_end=ends.append):
                yield messages.results_text(group, is_first=is_first)
                is_first = False
        if is_first:
            yield messages.results_text((), is_first=True)
        yield messages.end_text(ends[0])


def changed(context: Context, request: Request) -> Context:
    """Return the context of a client after a request that succeeded."""
    match request.command, _operands(request.options):
        case "user", [role, *_]:
            return replace(context, role=role)
        case "setSite", [site, *_]:
            return replace(context, site=site)
        case "timing", [switch, *_]:
            return replace(context, timing=switch == "on")
    return context


def _operands(options: Sequence[str]) -> list[str]:
    return [option for option in options if not option.startswith("-")]
