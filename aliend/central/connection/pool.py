"""The lanes of one context: callers wait here for a connection of their own, and give it back.

Which lane a caller gets is decided by `aliend.core.connection.pool_policy`; what is done with the connection is left to
`aliend.central.session`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aliend.central.connection.connection import Connection
from aliend.core.connection.pool_policy import NEW_LOGIN_AFTER, SlotState, Work, choose_slot

MAX_CONNECTIONS = 4


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
    def state(self) -> SlotState:
        """The lane as `aliend.core.connection.pool_policy` sees it."""
        alive = self.connection is not None and (self.work is not None or self.connection.is_open)
        return SlotState(alive, self.work or "")

    def drop(self) -> None:
        """Cut the connection; the next request makes another one."""
        for connection in (self.connection, self.successor):
            if connection is not None:
                connection.abort()
        self.connection = self.successor = None

    def use_successor(self) -> None:
        """Put the successor, if there is one, into the place of the connection."""
        if self.successor is not None and self.work is None:
            if self.connection is not None:
                self.connection.abort()
            self.connection, self.successor = self.successor, None


@dataclass(slots=True, eq=False)
class _Queue:
    """Who waits, and since when there has always been somebody, or since the last lane that was added for them."""

    waiters: deque[asyncio.Future[Slot]] = field(default_factory=deque)
    since: float = 0.0


class ConnectionPool:
    """The lanes and the queues before them.

    `patience` tells for how long somebody must have waited before one more login (seconds).
    """

    def __init__(self, new_login_after: Callable[[], float] = lambda: NEW_LOGIN_AFTER) -> None:
        self.slots = tuple(Slot(number) for number in range(MAX_CONNECTIONS))
        self._new_login_after = new_login_after
        self._queues: dict[Work, _Queue] = {"interactive": _Queue(), "bulk": _Queue()}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many requests wait for a lane."""
        return sum(len(queue.waiters) for queue in self._queues.values())

    @asynccontextmanager
    async def acquire(self, work: Work) -> AsyncGenerator[Slot, None]:
        """Wait for a lane and hold it; its connection may be missing or closed."""
        slot = await self._wait_for_slot(work)
        try:
            yield slot
        finally:
            self._release(slot)

    async def acquire_idle(self) -> AsyncGenerator[Slot, None]:
        """Hold each lane that nobody uses and that has a connection, one after the other."""
        for slot in self.slots:
            if slot.work is None and slot.connection is not None:
                slot.work = "interactive"
                try:
                    yield slot
                finally:
                    self._release(slot)

    def fail_waiters(self, error: Exception) -> None:
        """Let everybody who waits for a lane fail with `error`: nobody needs to find out again by himself."""
        for queue in self._queues.values():
            for waiter in queue.waiters:
                if not waiter.done():
                    waiter.set_exception(error)
            queue.waiters.clear()

    async def _wait_for_slot(self, work: Work) -> Slot:
        loop, queue = asyncio.get_running_loop(), self._queues[work]
        waiter: asyncio.Future[Slot] = loop.create_future()
        if not queue.waiters:
            queue.since = loop.time()
        queue.waiters.append(waiter)
        self._dispatch()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter in queue.waiters:
                queue.waiters.remove(waiter)
            elif waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._release(waiter.result())
            raise

    def _release(self, slot: Slot) -> None:
        slot.work = None
        slot.use_successor()
        self._dispatch()

    def _dispatch(self) -> None:
        for work, queue in self._queues.items():
            while queue.waiters and self._assign_first(work, queue):
                continue
        if self._timer is None and self.waiting and any(slot.work is None for slot in self.slots):
            self._timer = asyncio.get_running_loop().call_later(self._new_login_after(), self._on_timer)

    def _assign_first(self, work: Work, queue: _Queue) -> bool:
        """Give the first of a queue a lane, if there is one for him."""
        now = asyncio.get_running_loop().time()
        number = choose_slot([slot.state for slot in self.slots], work, now - queue.since, self._new_login_after())
        if number is None:
            return False
        waiter, slot = queue.waiters.popleft(), self.slots[number]
        if not waiter.done():
            if not slot.state.connected:
                queue.since = now
            slot.work = work
            waiter.set_result(slot)
        return True

    def _on_timer(self) -> None:
        """Somebody's patience may have ended."""
        self._timer = None
        self._dispatch()
