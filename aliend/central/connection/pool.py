"""The connection pool of one context: callers wait for a connection slot, and release it.

Which slot a caller gets is decided by `aliend.core.connection.pool_policy`; the use of the connection is left to
`aliend.central.session`.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aliend.central.connection.connection import Connection
from aliend.core.connection.pool_policy import (
    MAX_CONNECTIONS,
    NEW_LOGIN_AFTER,
    BulkLimits,
    Work,
    bulk_limits,
    choose_slot,
)
from aliend.core.metrics.families import Durations

_PAUSE_OF_BULK = 30.0
"""Seconds without bulk work after which the next request begins new work."""
_OWN_LOOKUPS = 2.0
"""Seconds in which requests of a command belong to the work that it begins."""


@dataclass(slots=True, eq=False)
class Slot:
    """A slot for one connection; `connection` is set while it has a usable one.

    A `successor` replaces the connection as soon as the slot is idle.
    """

    number: int
    connection: Connection | None = None
    work: Work | None = None
    successor: Connection | None = None

    @property
    def connected(self) -> bool:
        """Return whether it has a usable connection."""
        return self.connection is not None and (self.work is not None or self.connection.is_open)

    def drop(self) -> None:
        """Abort the connection; the next request opens another one."""
        for connection in (self.connection, self.successor):
            if connection is not None:
                connection.abort()
        self.connection = self.successor = None

    def use_successor(self) -> None:
        """Replace the connection with the successor, if it has one."""
        if self.successor is not None and self.work is None:
            if self.connection is not None:
                self.connection.abort()
            self.connection, self.successor = self.successor, None


@dataclass(slots=True, eq=False)
class _Queue:
    """The waiters, and since when the queue has not been empty (or since the last login for it)."""

    waiters: deque[asyncio.Future[Slot]] = field(default_factory=deque)
    since: float = 0.0


class ConnectionPool:
    """The slots and the queues for them.

    `new_login_after` returns the seconds that a queue must have waited before another login.
    """

    def __init__(self, new_login_after: Callable[[], float] = lambda: NEW_LOGIN_AFTER) -> None:
        self.slots = tuple(Slot(number) for number in range(MAX_CONNECTIONS))
        self._new_login_after = new_login_after
        self._queues: dict[Work, _Queue] = {"interactive": _Queue(), "bulk": _Queue()}
        self._timer: asyncio.TimerHandle | None = None
        self.waits = Durations()
        """The waits for a slot, by kind of work."""
        self.expected = 0
        """Commands of bulk work that will probably follow."""
        self._last_use: dict[Work, float] = {"interactive": -math.inf, "bulk": -math.inf}
        self._bulk_since = 0.0

    @property
    def waiting(self) -> int:
        """Return how many requests wait for a slot."""
        return sum(len(queue.waiters) for queue in self._queues.values())

    @asynccontextmanager
    async def acquire(self, work: Work) -> AsyncGenerator[Slot, None]:
        """Wait for a slot and hold it; its connection may be missing or closed."""
        now = asyncio.get_running_loop().time()
        if work == "bulk" and now - self._last_use[work] > _PAUSE_OF_BULK:
            self._bulk_since = now
        self._last_use[work] = now
        slot = await self._wait_for_slot(work)
        self.waits.add(asyncio.get_running_loop().time() - now, work)
        try:
            yield slot
        finally:
            self._release(slot)

    async def acquire_idle(self) -> AsyncGenerator[Slot, None]:
        """Hold each idle slot with a connection, one after the other."""
        for slot in self.slots:
            if slot.work is None and slot.connection is not None:
                slot.work = "interactive"
                try:
                    yield slot
                finally:
                    self._release(slot)

    def fail_waiters(self, error: Exception) -> None:
        """Fail all waiters with `error`, so that none of them repeats the failed login."""
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
        """Assign a slot to the first waiter of a queue. Return False if none is free for it."""
        now = asyncio.get_running_loop().time()
        number = choose_slot(self.slots, work, now - queue.since, self._new_login_after(), self._bulk_limits(now))
        if number is None:
            return False
        waiter, slot = queue.waiters.popleft(), self.slots[number]
        if not waiter.done():
            if not slot.connected:
                queue.since = now
            slot.work = work
            waiter.set_result(slot)
        return True

    def _bulk_limits(self, now: float) -> BulkLimits:
        by_user = self._last_use["interactive"]
        return bulk_limits(self.expected, now - by_user if by_user > self._bulk_since + _OWN_LOOKUPS else math.inf)

    def _on_timer(self) -> None:
        """Dispatch again: a queue may have waited long enough for another login."""
        self._timer = None
        self._dispatch()
