"""The lanes of one context: callers wait here for a connection of their own, and give it back.

Which lane a caller gets is decided by `aliend.core.lanes`; what is done with the connection is left to
`aliend.central.central`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aliend.central.connection import Connection
from aliend.core.lanes import PATIENCE, Lane, Work, choose

LANES = 4


@dataclass(slots=True, eq=False)
class Slot:
    """A lane and its connection, where it has one that is fit for use.

    A `successor` takes the connection's place as soon as nobody uses it.
    """

    number: int
    connection: Connection | None = None
    work: Work | None = None
    successor: Connection | None = None

    @property
    def lane(self) -> Lane:
        """The lane as `aliend.core.lanes` sees it."""
        alive = self.connection is not None and (self.work is not None or self.connection.is_open)
        return Lane(alive, self.work or "")

    def drop(self) -> None:
        """Cut the connection; the next request makes another one."""
        for connection in (self.connection, self.successor):
            if connection is not None:
                connection.abort()
        self.connection = self.successor = None

    def renew(self) -> None:
        """Put the successor, if there is one, into the place of the connection."""
        if self.successor is not None and self.work is None:
            if self.connection is not None:
                self.connection.abort()
            self.connection, self.successor = self.successor, None


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    granted: asyncio.Future[Slot]
    since: float


class Pool:
    """The lanes and the queues before them. `patience` tells how long work waits before one more login (seconds)."""

    def __init__(self, patience: Callable[[], float] = lambda: PATIENCE) -> None:
        self.slots = tuple(Slot(number) for number in range(LANES))
        self._patience = patience
        self._queues: dict[Work, deque[_Waiter]] = {"interactive": deque(), "bulk": deque()}
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many requests wait for a lane."""
        return sum(len(queue) for queue in self._queues.values())

    @asynccontextmanager
    async def lane(self, work: Work) -> AsyncGenerator[Slot, None]:
        """Wait for a lane and hold it; its connection may be missing or closed."""
        slot = await self._take(work)
        try:
            yield slot
        finally:
            self._give_back(slot)

    async def idle(self) -> AsyncGenerator[Slot, None]:
        """Hold each lane that nobody uses and that has a connection, one after the other."""
        for slot in self.slots:
            if slot.work is None and slot.connection is not None:
                slot.work = "interactive"
                try:
                    yield slot
                finally:
                    self._give_back(slot)

    def fail_waiting(self, error: Exception) -> None:
        """Let everybody who waits for a lane fail with `error`: nobody needs to find out again by himself."""
        for queue in self._queues.values():
            for waiter in queue:
                if not waiter.granted.done():
                    waiter.granted.set_exception(error)
            queue.clear()
        self._disarm()

    async def _take(self, work: Work) -> Slot:
        loop = asyncio.get_running_loop()
        waiter = _Waiter(loop.create_future(), loop.time())
        self._queues[work].append(waiter)
        self._dispatch()
        try:
            return await waiter.granted
        except asyncio.CancelledError:
            if waiter in self._queues[work]:
                self._queues[work].remove(waiter)
            elif waiter.granted.done() and not waiter.granted.cancelled() and waiter.granted.exception() is None:
                self._give_back(waiter.granted.result())
            raise

    def _give_back(self, slot: Slot) -> None:
        slot.work = None
        slot.renew()
        self._dispatch()

    def _dispatch(self) -> None:
        now = asyncio.get_running_loop().time()
        for work in ("interactive", "bulk"):
            queue = self._queues[work]
            while queue:
                number = choose([slot.lane for slot in self.slots], work, now - queue[0].since, self._patience())
                if number is None:
                    break
                waiter = queue.popleft()
                if not waiter.granted.done():
                    self.slots[number].work = work
                    waiter.granted.set_result(self.slots[number])
        self._arm()

    def _arm(self) -> None:
        """Look again when the first waiter runs out of patience, if there is a lane to hope for."""
        self._disarm()
        if self.waiting and any(slot.work is None for slot in self.slots):
            self._alarm = asyncio.get_running_loop().call_later(self._patience(), self._dispatch)

    def _disarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
