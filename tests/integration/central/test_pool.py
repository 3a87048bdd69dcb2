"""The connection pool: waiting, cancelling and releasing."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from aliend.central.connection.connection import Connection
from aliend.central.connection.pool import ConnectionPool
from aliend.errors import NotConnected
from tests.integration.central.service import eventually


async def hold(pool: ConnectionPool, held: asyncio.Event, done: asyncio.Event) -> None:
    async with pool.acquire("interactive"):
        held.set()
        await done.wait()


async def test_a_cancelled_waiter_is_removed() -> None:
    pool, held, done = ConnectionPool(), asyncio.Event(), asyncio.Event()
    holder = asyncio.create_task(hold(pool, held, done))
    await held.wait()
    waiter = asyncio.create_task(hold(pool, asyncio.Event(), done))
    await eventually(lambda: pool.waiting == 1)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert pool.waiting == 0
    done.set()
    await holder
    assert all(slot.work is None for slot in pool.slots)


async def test_a_slot_assigned_to_a_cancelled_waiter_is_released() -> None:
    pool, held, done = ConnectionPool(), asyncio.Event(), asyncio.Event()
    holder = asyncio.create_task(hold(pool, held, done))
    await held.wait()
    waiter = asyncio.create_task(hold(pool, asyncio.Event(), done))
    await eventually(lambda: pool.waiting == 1)
    done.set()
    await holder  # in the same iteration of the event loop, the slot was assigned to the waiter
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    async with asyncio.timeout(60), pool.acquire("bulk"):
        pass
    assert all(slot.work is None for slot in pool.slots)


async def test_all_waiters_fail_with_the_same_error() -> None:
    pool, held, done = ConnectionPool(), asyncio.Event(), asyncio.Event()
    holder = asyncio.create_task(hold(pool, held, done))
    await held.wait()
    waiters = [asyncio.create_task(hold(pool, asyncio.Event(), done)) for _ in range(3)]
    await eventually(lambda: pool.waiting == 3)
    pool.fail_waiters(NotConnected("no network"))
    outcomes = await asyncio.gather(*waiters, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["no network"] * 3
    done.set()
    await holder


class Open:
    """A fake of a usable connection."""

    is_open = True


async def test_a_permanent_queue_gets_another_connection() -> None:
    pool, used = ConnectionPool(lambda: 0.3), set[int]()

    async def work() -> None:
        while len(used) < 2:
            async with pool.acquire("bulk") as slot:
                slot.connection = slot.connection or cast(Connection, Open())
                used.add(slot.number)
                await asyncio.sleep(0.01)

    async with asyncio.timeout(60):
        await asyncio.gather(*(work() for _ in range(3)))
    assert used == {0, 1}


async def _used_by_bulk(pool: ConnectionPool, workers: int, enough: int) -> set[int]:
    """Return the slots that so many workers have used together once `enough` were used."""
    used = set[int]()

    async def work() -> None:
        while len(used) < enough:
            async with pool.acquire("bulk") as slot:
                slot.connection = slot.connection or cast(Connection, Open())
                used.add(slot.number)
                await asyncio.sleep(0.01)

    async with asyncio.timeout(60):
        await asyncio.gather(*(work() for _ in range(workers)))
    return used


async def test_much_bulk_work_gets_eight_connections_without_waiting() -> None:
    pool = ConnectionPool(lambda: 60.0)
    pool.expected = 604
    assert await _used_by_bulk(pool, 12, 8) == set(range(8))


async def test_a_user_who_works_beside_it_limits_bulk_work_to_four_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("aliend.central.connection.pool._OWN_LOOKUPS", 0.0)
    pool = ConnectionPool(lambda: 60.0)
    pool.expected = 604
    async with pool.acquire("bulk") as slot:
        slot.connection = cast(Connection, Open())
        await asyncio.sleep(0.01)
        async with pool.acquire("interactive") as other:
            other.connection = cast(Connection, Open())
    assert await _used_by_bulk(pool, 12, 4) <= set(range(5))
    assert sum(slot.connection is not None for slot in pool.slots) <= 5
