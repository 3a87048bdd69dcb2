"""The session with the central service for one context: logins, who goes first, what is sent again and what is not.

Each request is answered once or fails with a reason. A request whose reply was lost is sent again only if it changes
nothing. The catalogue's operations are in `aliend.central.catalogue`.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass

from aliend.central.connection import Connection, ReplyLost, user_agent
from aliend.central.credentials import is_current
from aliend.central.login import Limits, Login
from aliend.central.pool import Pool, Slot
from aliend.core.context import Context
from aliend.core.replies import NO_DIRECTORY, Reply, Result, parse
from aliend.core.reply_stream import ReplyReader
from aliend.core.requests import Request, changes_something, encode, session_change
from aliend.errors import AliendError, BadReply, NotConnected, OutcomeUnknown, UsageError

log = logging.getLogger(__name__)

REQUEST_TIMEOUT = 120.0
"""Seconds; the service may delay or run a command for long, but its idle limit of 15 minutes cuts the reply off."""
STREAM_TIMEOUT = 120.0
"""Seconds between two pieces of a streamed reply."""
BATCH = 500
"""Results of a stream are handed on in groups of about this many."""
_KEEP_ALIVE = Request("version", ("-nomsg",))
_PARSED_IN_A_THREAD = 1 << 20
"""Characters; decoding more would stop the loop for more than some 10 ms."""


@dataclass(frozen=True, slots=True)
class CentralStatus:
    """The session as people and programs want to see it; `problem` is the last error while it lasts."""

    endpoint: str
    connections: int
    user: str
    subject: str
    certificate_ends_ms: int
    logins: int
    commands: int
    waiting: int
    problem: str


class Central:
    """One context's session. Nothing is connected before the first request; `close` ends everything."""

    def __init__(
        self,
        context: Context,
        *,
        agent: str = "",
        chance: Callable[[], float] = random.random,
        limits: Limits | None = None,
    ) -> None:
        self.context = context
        self._limits = limits or Limits()
        self._pool = Pool()
        self._login = Login(context, agent or user_agent(), chance, self._limits)
        self._commands = 0
        self._user = ""
        self._last_use = 0.0
        self._keeper: asyncio.Task[None] | None = None
        self._closed = False

    async def __aenter__(self) -> Central:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def request(
        self, request: Request, *, directory: str = "", bulk: bool = False, timeout: float = REQUEST_TIMEOUT
    ) -> Reply:
        """Have `request` carried out, in `directory` where one is given; the reply may report a failure.

        `timeout` is for the answer (seconds), without waiting for a connection. Raises NotConnected, OutcomeUnknown (a
        changing request whose reply was lost or not understood), BadReply, UsageError (a request that would change the
        session), ConfigurationError (credential or CA files that must be mended).
        """
        text = self._text(request, directory)
        for attempt in range(self._limits.tries):
            async with self._lane(bulk=bulk) as slot:
                connection = await self._connected(slot)
                try:
                    return await self._ask(slot, connection, request, text, timeout)
                except ReplyLost as lost:
                    self._after_loss(slot, lost, request, last=attempt + 1 == self._limits.tries)
        raise AssertionError("the last attempt returns or raises")

    async def stream(
        self, request: Request, *, directory: str = "", bulk: bool = True, timeout: float = STREAM_TIMEOUT
    ) -> AsyncGenerator[list[Result], None]:
        """Have `request` carried out and yield its results in groups while they arrive; for long replies.

        A failure that the service reports is raised (ServiceError) after the results. A reply that breaks off after
        some results is not asked for again: the caller knows whether it can begin anew. Who stops early must
        close the iterator. A consumer that takes nothing for more than 20 s loses the connection.
        """
        text = self._text(request, directory)
        for attempt in range(self._limits.tries):
            async with self._lane(bulk=bulk) as slot:
                connection = await self._connected(slot)
                begun = False
                try:
                    async with aclosing(self._results(connection, request, text, timeout)) as groups:
                        async for group in groups:
                            begun = True
                            yield group
                    self._answered(slot, connection)
                    return
                except ReplyLost as lost:
                    last = begun or attempt + 1 == self._limits.tries
                    self._after_loss(slot, lost, request, last=last)
                except BadReply:
                    slot.drop()
                    raise

    def status(self) -> CentralStatus:
        """A value for `daemon status`."""
        credential = self._login.credential
        facts = credential.facts if credential else None
        return CentralStatus(
            endpoint=str(self.context.endpoint),
            connections=sum(slot.lane.warm for slot in self._pool.slots),
            user=self._user,
            subject=facts.subject if facts else "",
            certificate_ends_ms=facts.ends_ms if facts else 0,
            logins=self._login.logins,
            commands=self._commands,
            waiting=self._pool.waiting,
            problem=self._login.problem,
        )

    async def close(self) -> None:
        """End the session: waiting requests fail, idle connections say good-bye, busy ones are cut."""
        self._closed = True
        self._pool.fail_waiting(NotConnected("the session with the central service is being closed"))
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        idle = [slot.connection for slot in self._pool.slots if slot.connection is not None and slot.work is None]
        await asyncio.gather(*(connection.close() for connection in idle))
        for slot in self._pool.slots:
            slot.drop()

    def _text(self, request: Request, directory: str) -> str:
        if word := session_change(request):
            raise UsageError(f"`{word}` would change the session for everybody, so it is not sent as it is")
        return encode(request, directory)

    @asynccontextmanager
    async def _lane(self, *, bulk: bool) -> AsyncGenerator[Slot, None]:
        if self._closed:
            raise NotConnected("the session with the central service is closed")
        self._last_use = time.monotonic()
        async with self._pool.lane("bulk" if bulk else "interactive") as slot:
            yield slot

    async def _connected(self, slot: Slot) -> Connection:
        """The lane's connection, or a new one. Who waits for a lane meanwhile shares the failure."""
        if slot.connection is not None and await self._is_fit(slot.connection):
            return slot.connection
        slot.drop()
        try:
            slot.connection = await self._login.connection()
        except AliendError as error:
            self._pool.fail_waiting(error)
            raise
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name=f"keep-alive {self.context.endpoint}")
        return slot.connection

    async def _is_fit(self, connection: Connection) -> bool:
        """Whether a request may be sent on `connection`; one that was idle for long is pinged first."""
        if not connection.is_open or not is_current(self.context, connection.credential):
            return False
        if time.monotonic() - connection.used <= self._limits.idle_before_ping:
            return True
        return await connection.answers(self._limits.ping_deadline) and connection.is_open

    async def _ask(self, slot: Slot, connection: Connection, request: Request, text: str, timeout: float) -> Reply:
        """One request on one connection, which is dropped unless the reply was understood."""
        self._commands += 1
        raw = await connection.request(text, timeout)
        try:
            if len(raw) > _PARSED_IN_A_THREAD:
                reply = await asyncio.to_thread(parse, raw, request)
            else:
                reply = parse(raw, request)
        except BadReply as error:
            slot.drop()
            if changes_something(request):
                raise _unknown(request, error) from error
            raise
        self._answered(slot, connection, reply)
        return reply

    async def _results(
        self, connection: Connection, request: Request, text: str, timeout: float
    ) -> AsyncGenerator[list[Result], None]:
        """The groups of one streamed reply; ServiceError at its end where the service reports a failure."""
        self._commands += 1
        reader, group = ReplyReader(request), list[Result]()
        async with aclosing(connection.stream(text, timeout)) as pieces:
            async for piece in pieces:
                group += reader.feed(piece)
                if len(group) >= BATCH:
                    yield group
                    group = []
        rest, reply = reader.finish()
        if group or rest:
            yield group + rest
        reply.checked(request)

    def _answered(self, slot: Slot, connection: Connection, reply: Reply | None = None) -> None:
        """Note a success, and drop a connection that has done its last service."""
        self._login.succeeded()
        if reply is not None:
            self._user = reply.user or self._user
            if reply.directory == NO_DIRECTORY and connection.had_directory:
                # The directory of the request is gone, and with it the connection's: names would be resolved wrongly.
                slot.drop()
            connection.had_directory = reply.directory not in ("", NO_DIRECTORY)
        if not connection.is_open:
            slot.drop()

    def _after_loss(self, slot: Slot, lost: ReplyLost, request: Request, *, last: bool) -> None:
        """Return where the request may be sent again, else raise what the caller must know."""
        slot.drop()
        self._login.failed(lost)
        if lost.may_have_arrived and changes_something(request):
            raise _unknown(request, lost) from lost
        if last or lost.timed_out:
            raise lost

    async def _keep(self) -> None:
        """Look after idle connections until the session is closed."""
        while True:
            await asyncio.sleep(self._limits.look_after)
            async with aclosing(self._pool.idle()) as idle:
                async for connection in idle:
                    await self._look_after(connection)

    async def _look_after(self, connection: Connection) -> None:
        now = time.monotonic()
        unused = now - self._last_use > self._limits.kept_after_use
        if unused or not connection.is_open or self._limits.is_old(connection, now):
            await connection.close()
        elif now - connection.used > self._limits.idle_before_keep_alive:
            try:
                self._commands += 1
                await connection.request(encode(_KEEP_ALIVE), REQUEST_TIMEOUT)
            except ReplyLost as error:
                log.info("idle connection lost: %s", error)


def _unknown(request: Request, error: Exception) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{error}, so it is unknown whether `{request.command}` was carried out; look before you repeat it"
    )
