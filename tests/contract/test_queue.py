"""The scheduler's queries: the order of jobs, and a cost that does not grow with the queue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from aliend.core.transfers.job import Checkpoint, Direction, ExpansionAdvanced, Hold, JobSpec, Release, SetMessage
from aliend.core.transfers.scheduler import RoundRobin
from aliend.core.transfers.transfer import AttemptFailed, Started
from aliend.store import NewTransfer, SchedulingQuery, SchedulingResult, Store
from aliend.store.database import Transaction
from aliend.store.scheduling_queries import schedulable

NOW = 1000.0
ALL = ExpansionAdvanced(Checkpoint(1, "directory"))

_BUSY = "dask:tls://b:1"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store(tmp_path / "aliend.db", lambda: NOW) as store:
        yield store


async def submitted(
    store: Store,
    files: int = 1,
    direction: Direction = "download",
    priority: int = 0,
    *,
    interactive: bool = False,
    executor: str = "",
) -> int:
    """Store a job of some files and return its number."""
    spec = JobSpec(direction, ("/a/",), "/x/", priority=priority, interactive=interactive, executor=executor)
    number = (await store.submit(spec, str(uuid4()))).id
    found = [NewTransfer(f"/a/{number}/{file}", f"/x/{number}/{file}", 10) for file in range(files)]
    await store.add(number, found, ALL)
    return number


async def query(store: Store, asked: SchedulingQuery) -> SchedulingResult:
    return (await store.start(asked, lambda _: ((), RoundRobin())))[0]


async def jobs(store: Store, asked: SchedulingQuery) -> list[int]:
    """Return the jobs that may start something, in the order of the candidates."""
    return list(dict.fromkeys(one.job for one in (await query(store, asked)).candidates))


async def fail(store: Store, job: int, pause: float) -> None:
    """Let the first attempt at each file of a job fail."""
    for transfer in await store.transfers(job, 100, 0):
        await store.change(transfer.id, Started())
        await store.change(transfer.id, AttemptFailed("transient", "busy", pause, 0.0))


async def test_the_next_jobs_come_class_by_class_and_in_turn(store: Store) -> None:
    low = [await submitted(store, priority=-1) for _ in range(2)]
    normal = [await submitted(store) for _ in range(40)]
    waited_for = await submitted(store, interactive=True)
    urgent = await submitted(store, priority=5)
    every = await jobs(store, SchedulingQuery(NOW, limit=100))
    assert every == [urgent, waited_for, *normal, *low]
    in_turn = await jobs(store, SchedulingQuery(NOW, last_job=normal[29], limit=100))
    assert in_turn == [urgent, waited_for, *normal[30:], *normal[:30], *low]
    assert await jobs(store, SchedulingQuery(NOW, full=[urgent, normal[0]], limit=3)) == [waited_for, *normal[1:3]]


async def test_a_closed_direction_does_not_hide_the_others(store: Store) -> None:
    for _ in range(40):
        await submitted(store)
    up = await submitted(store, direction="upload")
    assert await jobs(store, SchedulingQuery(NOW, closed=["download"], limit=2)) == [up]
    assert up in await jobs(store, SchedulingQuery(NOW, limit=2))


async def test_a_busy_executor_does_not_hide_the_others(store: Store) -> None:
    on_clusters = [
        await submitted(store, executor=f"dask:tls://{host}:1") for host in ("b", "a", "b") for _ in range(9)
    ]
    here, configured = await submitted(store, executor="local"), await submitted(store)
    within_grid = await submitted(store, direction="copy", executor=_BUSY)
    every = [configured, *sorted(on_clusters[9:18]), *on_clusters[:9], *on_clusters[18:], here, within_grid]
    assert await jobs(store, SchedulingQuery(NOW, limit=100)) == every
    busy = SchedulingQuery(NOW, busy=[_BUSY], limit=2)
    assert await jobs(store, busy) == [configured, *on_clusters[9:11], here, within_grid]
    assert await jobs(store, SchedulingQuery(NOW, busy=["", "local", "dask:tls://a:1"], limit=1)) == [
        on_clusters[0],
        within_grid,
    ]


async def test_a_waiting_file_is_a_candidate_after_its_pause_and_behind_fresh_ones(store: Store) -> None:
    job = await submitted(store, files=2)
    first, second = [one.id for one in await store.transfers(job, 10, 0)]
    await store.change(first, Started())
    await store.change(first, AttemptFailed("transient", "busy", 50.0, 0.0))
    assert (await query(store, SchedulingQuery(NOW, limit=9))).next_ready == NOW + 50
    later = await query(store, SchedulingQuery(NOW + 50, limit=9))
    assert [one.transfer for one in later.candidates] == [second, first]
    assert later.next_ready is None


async def test_more_files_than_one_query_takes_all_become_due(store: Store) -> None:
    number = await submitted(store, files=1500)
    await store._database.write(
        lambda at: at.connection.execute("UPDATE transfer SET state = 'waiting', ready = ?", (NOW + 1,)) and None
    )
    await query(store, SchedulingQuery(NOW, limit=9))
    first = await query(store, SchedulingQuery(NOW + 1, limit=2000))
    assert first.next_ready == NOW + 1
    second = await query(store, SchedulingQuery(NOW + 1, limit=2000))
    assert (len(second.candidates), second.next_ready) == (1500, None)
    assert {one.job for one in second.candidates} == {number}


async def test_a_job_without_ready_files_is_found_again_when_it_has_some(store: Store) -> None:
    job = await submitted(store)
    await fail(store, job, 50.0)
    assert await jobs(store, SchedulingQuery(NOW, limit=9)) == []
    await store.change_job(job, Hold())
    assert await jobs(store, SchedulingQuery(NOW + 50, limit=9)) == []
    await store.change_job(job, Release())
    assert await jobs(store, SchedulingQuery(NOW + 50, limit=9)) == [job]


async def test_a_start_claims_files_of_several_jobs_in_one_transaction(store: Store) -> None:
    first, second = await submitted(store, files=3), await submitted(store, files=2)
    _, before = await store.position()
    _, started, _ = await store.start(SchedulingQuery(NOW, limit=9), lambda found: (found, RoundRobin()))
    assert [one.job for one, _ in started] == [first] * 3 + [second] * 2
    assert all(result.transfers[0].id == one.transfer for one, result in started)
    assert [(await store.job(job)).files.running for job in (first, second)] == [3, 2]
    saved = [one for one in (await store.changes_since(0, before)).jobs if one.revision > before]
    assert {one.id for one in saved} == {first, second}


async def steps(store: Store) -> int:
    """Return the steps of SQLite's machine (in tens) for one query of the scheduler."""
    count = 0

    def counted() -> int:
        nonlocal count
        count += 1
        return 0

    def write(transaction: Transaction) -> None:
        transaction.connection.set_progress_handler(counted, 10)
        schedulable(transaction.connection, store._rows, SchedulingQuery(NOW, busy=[_BUSY], limit=4, expansions=4))
        transaction.connection.set_progress_handler(None, 0)

    await store._database.write(write)
    return count


async def enlarge(store: Store, count: int) -> None:
    """Add jobs of each kind: startable, on a busy executor, waiting, paused, being listed, and ended."""

    async def one_of_each() -> None:
        await submitted(store)
        await submitted(store, direction="upload", priority=1)
        await submitted(store, executor=_BUSY)
        await fail(store, await submitted(store), 50.0)
        await store.change_job(await submitted(store), Hold())
        unlisted = await store.submit(JobSpec("download", ("/a/",), "/x/"), str(uuid4()))
        await store.change_job(unlisted.id, SetMessage("busy"))
        await submitted(store, files=0)

    await asyncio.gather(*(one_of_each() for _ in range(count)))


async def test_the_cost_of_a_query_does_not_grow_with_the_queue(store: Store) -> None:
    await enlarge(store, 8)
    await query(store, SchedulingQuery(NOW, limit=200))  # notes which jobs have nothing to start
    few = await steps(store)
    await enlarge(store, 40)
    await query(store, SchedulingQuery(NOW, limit=2000))
    assert await steps(store) < 1.3 * few
