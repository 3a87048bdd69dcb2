"""The session with the central service for one context: who goes first, what is sent again and what is not.

Each request is answered once or fails with a reason; the rules are those of `aliend.core.connection.connection_state`.
Looking after idle connections is in `aliend.central.connection.keepalive`, the catalogue's operations are in
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
from aliend.central.connection.keepalive import Keeper
from aliend.central.connection.login import Ledger, Limits, Login
from aliend.central.connection.pool import LANES, Pool, Slot
from aliend.central.credentials.certificates import is_current
from aliend.central.lost_replies import Asked, found_out, unknown
from aliend.central.reply_buffer import GRACE, spooled
from aliend.central.session_status import CentralStatus, state_of
from aliend.core.connection.connection_state import (
    Abandoned,
    Answered,
    Down,
    Effect,
    Ended,
    Event,
    FindOut,
    GiveUp,
    LoggedIn,
    LoggingIn,
    LogIn,
    LoginFailed,
    Lost,
    Policy,
    Session,
    Taken,
    Talking,
    Up,
    step,
)
from aliend.core.connection.context import Context
from aliend.core.connection.pool_policy import LONG_PATIENCE, PATIENCE
from aliend.core.connection.throttle import COMMAND
from aliend.core.protocol.replies import NO_DIRECTORY, Reply, Result, parse
from aliend.core.protocol.reply_stream import ReplyReader
from aliend.core.protocol.requests import Request, changes_something, encode, session_change
from aliend.errors import AliendError, BadReply, NotConnected, UsageError

BATCH = 500
"""Results of a stream are handed on in groups of about this many."""
_NOTHING = Request("pwd")
"""Stands for a request that changes nothing and is not sent."""
_EARLY = 30.0
"""Seconds; a service that ends connections sooner after the login is not logged in to again without a pause."""
_PARSED_IN_A_THREAD = 1 << 20
"""Characters; decoding more would stop the loop for more than some 10 ms."""


class Central:
    """One context's session. Nothing is connected before the first request; `close` ends everything."""

    def __init__(
        self,
        context: Context,
        *,
        agent: str = "",
        chance: Callable[[], float] = random.random,
        limits: Limits | None = None,
        tell: Callable[[], None] = lambda: None,
        ledger: Ledger | None = None,
    ) -> None:
        """`chance` gives a uniform number in [0, 1); `tell` is called when the status may have changed.

        Sessions that may use one certificate share a `ledger`.
        """
        self.context = context
        self._limits = limits or Limits()
        self._chance = chance
        self._policy = Policy(
            context.finding.tries, self._limits.first_pause, self._limits.longest_pause, context.finding.interval
        )
        self._session = Session(tuple(Down() for _ in range(LANES)))
        self._pool = Pool(self._patience)
        name = agent or user_agent(context.job, context.master_job)
        self._login = Login(context, name, self._limits, ledger or Ledger())
        self._keeper = Keeper(self._pool, self._login, self._limits, self._ended)
        self._keeping: asyncio.Task[None] | None = None
        self._tell = tell
        self._since = 0.0
        self._commands = 0
        self._user = ""
        self._closed = False
        self.serial = itertools.count(time.time_ns() // 1_000_000)
        """Numbers that are new to this session, and mostly to the ones before it."""

    async def __aenter__(self) -> Central:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def request(
        self, request: Request, *, directory: str = "", bulk: bool = False, timeout: float | None = None
    ) -> Reply:
        """Have `request` carried out, in `directory` where one is given; the reply may report a failure.

        `timeout` is for the answer (seconds, the context's where not given), without waiting for a connection. Raises
        NotConnected, OutcomeUnknown (a changing request whose reply was lost or not understood, and the catalogue does
        not tell what became of it), BadReply, UsageError (a request that would change the session),
        ConfigurationError (credential or CA files that must be mended).
        """
        text, patience = self._text(request, directory), timeout or self.context.finding.reply
        sent_ms = time.time_ns() // 1_000_000
        async with self._errand(request, bulk=bulk) as (slot, effect):
            while True:
                connection = await self._ready(slot, effect)
                try:
                    return await self._ask(slot, connection, request, text, patience)
                except (ReplyLost, BadReply) as error:
                    effect, lost = self._lost(slot, error), error
                if isinstance(effect, FindOut):
                    break
                if isinstance(effect, GiveUp):
                    raise lost
        asked = Asked(request, directory, sent_ms)
        return await found_out(asked, lost, self.request, self._limits.second_look)

    async def stream(
        self, request: Request, *, directory: str = "", bulk: bool = True, timeout: float | None = None
    ) -> AsyncGenerator[list[Result], None]:
        """Have `request` carried out and yield its results in groups while they arrive; for long replies.

        A failure that the service reports is raised (ServiceError) after the results. A reply that breaks off after
        some results is not asked for again: the caller knows whether it can begin anew. Who stops early must
        close the iterator. A consumer may rest: what arrives meanwhile goes to a file.
        """
        text, patience = self._text(request, directory), timeout or self.context.finding.reply
        async with self._errand(request, bulk=bulk) as (slot, effect):
            while True:
                connection = await self._ready(slot, effect)
                begun = False
                try:
                    async with aclosing(self._results(slot, connection, request, text, patience)) as groups:
                        async for group in groups:
                            begun = True
                            yield group
                    return
                except (ReplyLost, BadReply) as error:
                    effect, lost = self._lost(slot, error, begun=begun), error
                if isinstance(effect, FindOut):
                    raise unknown(request, lost) from lost
                if isinstance(effect, GiveUp):
                    raise lost

    async def ping(self) -> tuple[float, str]:
        """How long (seconds) a ping on a connection for requests takes, and the address that answered."""
        async with self._errand(_NOTHING, bulk=False) as (slot, effect):
            connection = await self._ready(slot, effect)
            begun = time.perf_counter()
            answered = await connection.answers(self.context.finding.ping)
            seconds = time.perf_counter() - begun
            if answered:
                self._advance(Answered(slot.number, connection.is_open))
        if not answered:
            raise NotConnected(f"{self._login.endpoint} does not answer a ping")
        return seconds, connection.address

    async def connect_once(self) -> tuple[float, str]:
        """How long (seconds) a login on a connection of its own takes, and the address; it is closed again."""
        begun = time.perf_counter()
        connection = await self._login.connection()
        seconds, address = time.perf_counter() - begun, connection.address
        await connection.close()
        return seconds, address

    def status(self) -> CentralStatus:
        """A value for `daemon status`."""
        credential, now = self._login.credential, time.monotonic()
        facts = credential.facts if credential else None
        waits = max(0.0, self._session.not_before - now)
        points = self._login.points
        return CentralStatus(
            state=state_of(self._session),
            endpoint=str(self._login.endpoint),
            connections=sum(slot.lane.warm for slot in self._pool.slots),
            user=self._user,
            subject=facts.subject if facts else "",
            certificate_ends_ms=facts.ends_ms if facts else 0,
            since_ms=int(self._since * 1000),
            logins=self._login.logins,
            commands=self._commands,
            points=int(points.count),
            waiting=self._pool.waiting,
            problem=self._login.problem,
            next_attempt_ms=int((time.time() + waits) * 1000) if waits else 0,
        )

    async def close(self) -> None:
        """End the session: waiting requests fail, idle connections say good-bye, busy ones are cut."""
        self._closed = True
        self._pool.fail_waiting(NotConnected("the session with the central service is being closed"))
        if self._keeping is not None:
            self._keeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeping
        idle = [slot for slot in self._pool.slots if slot.connection is not None and slot.work is None]
        await asyncio.gather(*(slot.connection.close() for slot in idle if slot.connection is not None))
        for slot in idle:
            self._ended(slot)
        for slot in self._pool.slots:
            slot.drop()

    def _text(self, request: Request, directory: str) -> str:
        if word := session_change(request):
            raise UsageError(f"`{word}` would change the session for everybody, so it is not sent as it is")
        return encode(request, directory)

    def _patience(self) -> float:
        return PATIENCE if self._login.points.allow_login else LONG_PATIENCE

    @asynccontextmanager
    async def _errand(self, request: Request, *, bulk: bool) -> AsyncGenerator[tuple[Slot, Effect], None]:
        """A lane for `request` and what to do first; who leaves before the end takes the connection along."""
        if self._closed:
            raise NotConnected("the session with the central service is closed")
        self._keeper.last_use = time.monotonic()
        async with self._pool.lane("bulk" if bulk else "interactive") as slot:
            if isinstance(self._session.lanes[slot.number], Up) and not await self._is_fit(slot):
                self._ended(slot)
            try:
                yield slot, self._advance(Taken(slot.number, changes_something(request), time.monotonic()))
            finally:
                if isinstance(self._session.lanes[slot.number], Talking | LoggingIn):
                    self._advance(Abandoned(slot.number))

    async def _is_fit(self, slot: Slot) -> bool:
        """Whether a request may be sent on the slot's connection; one that was idle for long is pinged first."""
        connection = slot.connection
        if connection is None or not connection.is_open or not is_current(self.context, connection.credential):
            return False
        if time.monotonic() - connection.used <= self._limits.idle_before_ping:
            return True
        return await connection.answers(self._limits.ping_deadline) and connection.is_open

    async def _ready(self, slot: Slot, effect: Effect) -> Connection:
        """The slot's connection, after as many logins as the rules allow. Who waits meanwhile shares a failure."""
        while isinstance(effect, LogIn):
            await asyncio.sleep(effect.at - time.monotonic())
            if self._closed:
                raise NotConnected("the session with the central service is closed")
            try:
                slot.connection = await self._login.connection()
            except AliendError as error:
                self._login.problem = str(error)
                final = not isinstance(error, Unreachable | ReplyLost)
                effect = self._advance(LoginFailed(slot.number, time.monotonic(), self._chance(), final))
                if isinstance(effect, GiveUp):
                    self._pool.fail_waiting(error)
                    raise
            else:
                effect = self._advance(LoggedIn(slot.number))
                if self._keeping is None:
                    self._keeping = asyncio.create_task(self._keeper.run(), name=f"keeper {self.context.endpoint}")
        if slot.connection is None:
            raise AssertionError("a lane that may send has a connection")
        return slot.connection

    async def _ask(self, slot: Slot, connection: Connection, request: Request, text: str, timeout: float) -> Reply:
        """One request on one connection."""
        self._count()
        begun = time.monotonic()
        try:
            raw = await connection.request(text, timeout)
        except AliendError as error:
            request_trace.tell(request, str(error), time.monotonic() - begun)
            raise
        if len(raw) > _PARSED_IN_A_THREAD:
            reply = await asyncio.to_thread(parse, raw, request)
        else:
            reply = parse(raw, request)
        outcome = f"exit code {reply.exit_code}, {len(reply.results)} results"
        request_trace.tell(request, outcome, time.monotonic() - begun)
        # The directory of the request is gone, and with it the connection's: names would be resolved wrongly.
        lost_directory = reply.directory == NO_DIRECTORY and connection.had_directory
        connection.had_directory = reply.directory not in ("", NO_DIRECTORY)
        self._answered(slot, connection, reply, kept=not lost_directory)
        return reply

    async def _results(
        self, slot: Slot, connection: Connection, request: Request, text: str, timeout: float
    ) -> AsyncGenerator[list[Result], None]:
        """The groups of one streamed reply; ServiceError at its end where the service reports a failure."""
        self._count()
        begun = time.monotonic()
        reader, group = ReplyReader(request), list[Result]()
        grace = min(GRACE, self.context.finding.ping / 4)  # a connection that is not read answers no pings
        async with aclosing(spooled(connection.stream(text, timeout), grace=grace)) as pieces:
            async for piece in pieces:
                group += reader.feed(piece)
                if len(group) >= BATCH:
                    yield group
                    group = []
        rest, reply = reader.finish()
        request_trace.tell(request, f"exit code {reply.exit_code}, streamed", time.monotonic() - begun)
        if group or rest:
            yield group + rest
        self._answered(slot, connection, reply)
        reply.checked(request)

    def _count(self) -> None:
        self._commands += 1
        self._login.spend(COMMAND)

    def _answered(self, slot: Slot, connection: Connection, reply: Reply, *, kept: bool = True) -> None:
        """Note a success, and drop a connection that has done its last service."""
        self._login.problem = ""
        self._user = reply.user or self._user
        self._advance(Answered(slot.number, kept and connection.is_open))

    def _lost(self, slot: Slot, error: ReplyLost | BadReply, *, begun: bool = False) -> Effect:
        """Note that no reply that can be understood will come; what to do now."""
        self._login.problem = str(error)
        arrived, final = True, True
        if isinstance(error, ReplyLost):
            arrived, final = error.may_have_arrived, error.timed_out or begun
        return self._advance(Lost(slot.number, time.monotonic(), self._chance(), arrived, final))

    def _ended(self, slot: Slot) -> None:
        """Note that an idle connection is gone."""
        if isinstance(self._session.lanes[slot.number], Up):
            now, connection = time.monotonic(), slot.connection
            early = connection is not None and connection.was_ended and now - connection.opened < _EARLY
            self._advance(Ended(slot.number, now, self._chance(), early))

    def _advance(self, event: Event) -> Effect:
        """The only place where the session's state changes; connections that it does not know any more are cut."""
        self._session, effect = step(self._session, event, self._policy)
        if not isinstance(self._session.lanes[event.lane], Up | Talking):
            self._pool.slots[event.lane].drop()
        connected = any(isinstance(lane, Up | Talking) for lane in self._session.lanes)
        if connected != bool(self._since):
            self._since = time.time() if connected else 0.0
        self._tell()
        return effect
