"""The session with the central service for one context: sends requests over pooled connections and retries them.

Each request is answered once or fails with a reason; the rules are those of `aliend.core.connection.connection_state`.
The maintenance of idle connections is in `aliend.central.connection.keepalive`, the operations of the catalogue are in
`aliend.central.catalogue`.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager, suppress

from aliend.central import request_trace
from aliend.central.connection.connection import Connection, ReplyLost, Unreachable, user_agent
from aliend.central.connection.keepalive import Keepalive
from aliend.central.connection.login import Limits, Login, ThrottleLedger
from aliend.central.connection.pool import ConnectionPool, Slot
from aliend.central.credentials.certificates import stamp_of
from aliend.central.freed_memory import FreedMemory
from aliend.central.lost_replies import SentRequest, outcome_unknown, resolve_lost_reply
from aliend.central.reply_buffer import SPILL_AFTER, buffer_reply
from aliend.central.session_counters import SessionCounters
from aliend.central.session_status import CentralStatus, state_of
from aliend.core.connection.connection_state import (
    Abandoned,
    Answered,
    Assigned,
    Busy,
    CheckOutcome,
    Disconnected,
    Effect,
    Event,
    GiveUp,
    Idle,
    IdleClosed,
    LoggedIn,
    LoggingIn,
    LogIn,
    LoginFailed,
    Lost,
    RetryPolicy,
    Session,
    step,
)
from aliend.core.connection.context import Context
from aliend.core.connection.pool_policy import MAX_CONNECTIONS, NEW_LOGIN_AFTER, NEW_LOGIN_AFTER_THROTTLED
from aliend.core.connection.throttle import COMMAND
from aliend.core.metrics.families import Family
from aliend.core.protocol.replies import NO_DIRECTORY, Reply, Result, parse
from aliend.core.protocol.reply_stream import ReplyReader
from aliend.core.protocol.requests import Request, changes_connection, changes_state, encode, refuse_change
from aliend.errors import AliendError, BadReply, NotConnected

OnEnd = Callable[[Reply], None]
GROUP_SIZE = 500
"""The approximate number of results in a group of a stream."""
_NO_CHANGE = Request("pwd")
"""A placeholder for work that changes nothing and sends no request."""
_CREDENTIAL_CHECK = 1.0
"""Seconds for which bulk work believes that the credential files have not changed."""
_EARLY_CLOSE = 30.0
"""Seconds; a connection that the service closes sooner after its login counts as a failure, followed by a pause."""
_PARSE_IN_THREAD_FROM = 1 << 20
"""Characters; parsing more would block the event loop for more than some 10 ms."""


class CentralSession:
    """The session of one context. Connects with the first request; `close` ends it."""

    def __init__(
        self,
        context: Context,
        *,
        agent: str = "",
        chance: Callable[[], float] = random.random,
        limits: Limits | None = None,
        on_status_change: Callable[[], None] = lambda: None,
        ledger: ThrottleLedger | None = None,
    ) -> None:
        """Create a session; `chance` returns uniform numbers in [0, 1).

        `on_status_change` is called when the status may have changed. Sessions with the same certificate share a
        `ledger`.
        """
        self.context = context
        self._limits = limits or Limits()
        self._chance = chance
        self._policy = RetryPolicy(
            context.finding.tries, self._limits.first_pause, self._limits.longest_pause, context.finding.interval
        )
        self._session = Session(tuple(Disconnected() for _ in range(MAX_CONNECTIONS)))
        self._pool = ConnectionPool(self._new_login_after)
        name = agent or user_agent(context.job, context.master_job)
        self._login = Login(context, name, self._limits, ledger or ThrottleLedger())
        self._keepalive = Keepalive(self._pool, self._login, self._limits, self._record_idle_closed)
        self._keepalive_task: asyncio.Task[None] | None = None
        self._on_status_change = on_status_change
        self._connected_since = 0.0
        self._commands = 0
        self._counters = SessionCounters()
        self._user = ""
        self._closed = False
        self._freed_memory = FreedMemory()
        self._stamp: tuple[float, tuple[int, ...]] = (0.0, ())
        """When the token's file was last checked (monotonic seconds), and its identity then."""
        self.serial = itertools.count(time.time_ns() // 1_000_000)
        """Numbers that this session has not used, and probably no earlier one."""

    async def __aenter__(self) -> CentralSession:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def request(
        self,
        request: Request,
        *,
        directory: str = "",
        bulk: bool = False,
        timeout: float | None = None,
        may_change: bool = False,
    ) -> Reply:
        """Execute `request`, in `directory` if given, and return the reply, which may report a failure.

        `timeout` limits the answer (seconds, default: the context's), not the wait for a connection. With `may_change`
        the request may change its connection, which is then closed if that matters to others. Raises NotConnected,
        OutcomeUnknown (the reply to a changing request is lost, and the catalogue does not show the outcome), BadReply,
        UsageError (a request that would change the session), ConfigurationError (credential or CA files to correct).
        """
        if not may_change:
            refuse_change(request)
        text, patience = encode(request, directory), timeout or self.context.finding.reply
        with request_trace.awaiting_answer(request):
            return await self._request(request, directory, text, patience, bulk=bulk)

    async def _request(self, request: Request, directory: str, text: str, patience: float, *, bulk: bool) -> Reply:
        sent_ms = time.time_ns() // 1_000_000
        async with self._pooled_request(request, bulk=bulk) as (slot, effect):
            while True:
                connection = await self._connect(slot, effect)
                try:
                    return await self._send(slot, connection, request, text, patience)
                except (ReplyLost, BadReply) as error:
                    effect, lost = self._record_loss(slot, error), error
                if isinstance(effect, CheckOutcome):
                    break
                if isinstance(effect, GiveUp):
                    raise lost
        sent = SentRequest(request, directory, sent_ms)
        return await resolve_lost_reply(sent, lost, self.request, self._limits.lost_reply_check_interval)

    async def stream(
        self,
        request: Request,
        *,
        directory: str = "",
        bulk: bool = True,
        timeout: float | None = None,
        on_end: OnEnd = lambda _: None,
    ) -> AsyncGenerator[list[Result], None]:
        """Execute `request` and yield its results in groups as they arrive; for long replies.

        A failure that the service reports is raised (ServiceError) after the results. A reply that ends early after
        some results is not requested again: only the caller knows whether it can start again. Close the iterator to
        stop early. The consumer may pause: a file buffers what arrives meanwhile. `on_end` gets the end of the reply.
        """
        refuse_change(request)
        text, patience = encode(request, directory), timeout or self.context.finding.reply
        async with self._pooled_request(request, bulk=bulk) as (slot, effect):
            while True:
                with request_trace.awaiting_answer(request):
                    connection = await self._connect(slot, effect)
                begun = False
                try:
                    pieces = connection.stream(text, patience)
                    async with aclosing(self._stream_once(slot, connection, request, pieces, on_end)) as groups:
                        async for group in groups:
                            begun = True
                            yield group
                    return
                except (ReplyLost, BadReply) as error:
                    effect, lost = self._record_loss(slot, error, begun=begun), error
                if isinstance(effect, CheckOutcome):
                    raise outcome_unknown(request, lost) from lost
                if isinstance(effect, GiveUp):
                    raise lost

    def expect_bulk(self, commands: int) -> None:
        """Announce the probable number of further commands of bulk work."""
        self._pool.expected = commands

    async def ping(self) -> tuple[float, str]:
        """Ping the service. Return the seconds it took, and the address that answered."""
        async with self._pooled_request(_NO_CHANGE, bulk=False) as (slot, effect):
            connection = await self._connect(slot, effect)
            begun = time.perf_counter()
            answered = await connection.responds_to_ping(self.context.finding.ping)
            seconds = time.perf_counter() - begun
            if answered:
                self._apply(Answered(slot.number, connection.is_open))
        if not answered:
            raise NotConnected(f"{self._login.endpoint} did not answer a ping")
        return seconds, connection.address

    async def connect_once(self) -> tuple[float, str]:
        """Log in on a separate connection and close it. Return the seconds it took, and the address."""
        begun = time.perf_counter()
        connection = await self._login.connect()
        seconds, address = time.perf_counter() - begun, connection.address
        await connection.close()
        return seconds, address

    def status(self) -> CentralStatus:
        """Return the status for `daemon status`."""
        credential, now = self._login.credential, time.monotonic()
        facts = credential.facts if credential else None
        waits = max(0.0, self._session.not_before - now)
        points = self._login.points
        return CentralStatus(
            state=state_of(self._session),
            endpoint=str(self._login.endpoint),
            connections=sum(slot.connected for slot in self._pool.slots),
            user=self._user,
            subject=facts.subject if facts else "",
            certificate_ends_ms=facts.ends_ms if facts else 0,
            since_ms=int(self._connected_since * 1000),
            logins=self._login.logins,
            commands=self._commands,
            points=int(points.count),
            waiting=self._pool.waiting,
            problem=self._login.problem,
            next_attempt_ms=int((time.time() + waits) * 1000) if waits else 0,
        )

    def metrics(self) -> list[Family]:
        """Return the figures for monitoring."""
        return self._counters.families(self._pool.waits.values, self._login.logins, self._login.points.count)

    async def close(self) -> None:
        """End the session: fail waiting requests, close idle connections, abort busy ones."""
        self._closed = True
        self._pool.fail_waiters(NotConnected("the session with the central service is closing"))
        if self._keepalive_task is not None:
            self._keepalive_task.cancel()
            with suppress(asyncio.CancelledError):
                await self._keepalive_task
        idle = [slot for slot in self._pool.slots if slot.connection is not None and slot.work is None]
        await asyncio.gather(*(slot.connection.close() for slot in idle if slot.connection is not None))
        for slot in idle:
            self._record_idle_closed(slot)
        for slot in self._pool.slots:
            slot.drop()

    def _new_login_after(self) -> float:
        return NEW_LOGIN_AFTER if self._login.points.allow_login else NEW_LOGIN_AFTER_THROTTLED

    @asynccontextmanager
    async def _pooled_request(self, request: Request, *, bulk: bool) -> AsyncGenerator[tuple[Slot, Effect], None]:
        """Hold a slot for `request` and yield the first step. Leaving early drops the connection."""
        if self._closed:
            raise NotConnected("the session with the central service is closed")
        self._keepalive.last_use = time.monotonic()
        async with self._pool.acquire("bulk" if bulk else "interactive") as slot:
            if isinstance(self._session.slots[slot.number], Idle) and not await self._is_usable(slot, bulk=bulk):
                self._record_idle_closed(slot)
            try:
                yield slot, self._apply(Assigned(slot.number, changes_state(request), time.monotonic()))
            finally:
                if isinstance(self._session.slots[slot.number], Busy | LoggingIn):
                    self._freed_memory.record_lost()
                    self._apply(Abandoned(slot.number))

    async def _is_usable(self, slot: Slot, *, bulk: bool) -> bool:
        """Return whether the slot's connection is usable; ping it first if it was idle for long."""
        connection = slot.connection
        if connection is None or not connection.is_open or not self._is_current(connection, bulk=bulk):
            return False
        if time.monotonic() - connection.used <= self._limits.idle_before_ping:
            return True
        return await connection.responds_to_ping(self._limits.ping_deadline) and connection.is_open

    def _is_current(self, connection: Connection, *, bulk: bool) -> bool:
        """Return whether the connection's credential was chosen with the token that is there now."""
        now = time.monotonic()
        if not bulk or now - self._stamp[0] > _CREDENTIAL_CHECK:
            self._stamp = now, stamp_of(self.context)
        return connection.credential.stamp == self._stamp[1]

    async def _connect(self, slot: Slot, effect: Effect) -> Connection:
        """Return the slot's connection, logging in as often as the policy allows. A failure also fails all waiters."""
        while isinstance(effect, LogIn):
            await asyncio.sleep(effect.at - time.monotonic())
            if self._closed:
                raise NotConnected("the session with the central service is closed")
            try:
                slot.connection = await self._login.connect()
            except AliendError as error:
                self._login.problem = str(error)
                final = not isinstance(error, Unreachable | ReplyLost)
                effect = self._apply(LoginFailed(slot.number, time.monotonic(), self._chance(), final))
                if isinstance(effect, GiveUp):
                    self._pool.fail_waiters(error)
                    raise
            else:
                effect = self._apply(LoggedIn(slot.number))
                if self._keepalive_task is None:
                    self._keepalive_task = asyncio.create_task(
                        self._keepalive.run(), name=f"keepalive {self.context.endpoint}"
                    )
        if slot.connection is None:
            raise AssertionError("a slot that may send has a connection")
        return slot.connection

    async def _send(self, slot: Slot, connection: Connection, request: Request, text: str, timeout: float) -> Reply:
        """Send one request on one connection and return its reply."""
        self._count_command()
        begun = time.monotonic()
        try:
            raw = await connection.request(text, timeout)
        except AliendError as error:
            request_trace.trace(request, str(error), time.monotonic() - begun)
            self._counters.record_failure(error)
            raise
        self._counters.record_answer(request.command, time.monotonic() - begun, self._login.points.count)
        self._freed_memory.record(len(raw))
        is_long = len(raw) > _PARSE_IN_THREAD_FROM
        reply = await asyncio.to_thread(parse, raw, request) if is_long else parse(raw, request)
        outcome = f"exit code {reply.exit_code}, {len(reply.results)} results"
        request_trace.trace(request, outcome, time.monotonic() - begun)
        # The connection has lost its directory with that of the request: it would resolve names wrongly.
        lost_directory = reply.directory == NO_DIRECTORY and connection.had_directory
        connection.had_directory = reply.directory not in ("", NO_DIRECTORY)
        self._record_answer(slot, connection, reply, reusable=not (lost_directory or changes_connection(request)))
        return reply

    async def _stream_once(
        self, slot: Slot, connection: Connection, request: Request, arriving: AsyncGenerator[str, None], on_end: OnEnd
    ) -> AsyncGenerator[list[Result], None]:
        """Yield the groups of one streamed reply. Raises ServiceError at its end if the service reports a failure."""
        self._count_command()
        begun = time.monotonic()
        reader, group = ReplyReader(request), list[Result]()
        grace = min(SPILL_AFTER, self.context.finding.ping / 4)  # a connection that is not read does not answer pings
        async with aclosing(buffer_reply(arriving, grace=grace)) as pieces:
            async for piece in request_trace.reported(request, pieces):
                group += reader.feed(piece)
                if len(group) >= GROUP_SIZE:
                    yield group
                    group = []
        rest, reply = reader.finish()
        seconds = time.monotonic() - begun
        request_trace.trace(request, f"exit code {reply.exit_code}, streamed", seconds)
        self._counters.record_answer(request.command, seconds, self._login.points.count)
        if group or rest:
            yield group + rest
        self._record_answer(slot, connection, reply)
        on_end(reply)
        reply.checked(request)

    def _count_command(self) -> None:
        self._commands += 1
        self._login.add_points(COMMAND)

    def _record_answer(self, slot: Slot, connection: Connection, reply: Reply, *, reusable: bool = True) -> None:
        """Record a success, and drop a connection that is not reusable."""
        self._login.problem = ""
        self._user = reply.user or self._user
        self._apply(Answered(slot.number, reusable and connection.is_open))

    def _record_loss(self, slot: Slot, error: ReplyLost | BadReply, *, begun: bool = False) -> Effect:
        """Record that no valid reply will arrive. Return the next step."""
        self._freed_memory.record_lost()
        self._login.problem = str(error)
        arrived, final = True, True
        if isinstance(error, ReplyLost):
            arrived, final = error.may_have_arrived, error.timed_out or begun
        return self._apply(Lost(slot.number, time.monotonic(), self._chance(), arrived, final))

    def _record_idle_closed(self, slot: Slot) -> None:
        """Record that an idle connection has closed."""
        if isinstance(self._session.slots[slot.number], Idle):
            now, connection = time.monotonic(), slot.connection
            early = connection is not None and connection.closed_by_peer and now - connection.opened < _EARLY_CLOSE
            self._apply(IdleClosed(slot.number, now, self._chance(), early))

    def _apply(self, event: Event) -> Effect:
        """Apply an event to the session's state (the only place that does) and drop a disconnected slot."""
        self._session, effect = step(self._session, event, self._policy)
        if not isinstance(self._session.slots[event.slot], Idle | Busy):
            self._pool.slots[event.slot].drop()
        connected = any(isinstance(state, Idle | Busy) for state in self._session.slots)
        if connected != bool(self._connected_since):
            self._connected_since = time.time() if connected else 0.0
        self._on_status_change()
        return effect
