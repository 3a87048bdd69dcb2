"""Pruning: jobs that ended long ago are deleted in small steps; everything else is kept."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aliend.core.transfers.attempt_record import AttemptRecord, Stage
from aliend.core.transfers.job import Checkpoint, ExpansionAdvanced, JobSpec
from aliend.core.transfers.replacement import Replacing
from aliend.core.transfers.transfer import (
    AttemptFailed,
    Intent,
    IntentSaved,
    ReplicasBooked,
    Started,
    Succeeded,
)
from aliend.errors import NoSuchJob, UsageError
from aliend.store import NewTransfer, Store

DAY = 86400.0


class Clock:
    now = 1000.0 * DAY

    def __call__(self) -> float:
        return self.now


async def ended(store: Store, request: str, files: int) -> int:
    job = await store.submit(JobSpec("download", ("/a/",), "/tmp/x/"), request)
    found = [NewTransfer(f"/a/{number}", f"/tmp/x/{number}", 10) for number in range(files)]
    await store.add(job.id, found, ExpansionAdvanced(Checkpoint(1, "directory")))
    for one in await store.transfers(job.id, files, 0):
        await store.change(one.id, Started())
        record = AttemptRecord(one.id, 1, "A::B::C", Stage.DONE, "", "", 5, 1, 0.5)
        await store.change(one.id, Succeeded(10, "abc"), [record])
    await store.partial_files.record_created_directories(job.id, ["/tmp/x"])
    await store.record_request(f"again {request}", job.id)
    return job.id


async def forget_all(store: Store, before: float) -> list[int]:
    """The rows of each transaction."""
    rows = []
    while gone := await store.history.prune(int(before * 1000)):
        rows.append(gone)
    return rows


async def counts(store: Store) -> dict[str, int]:
    tables = ("job", "transfer", "attempt", "event", "made", "request")
    return await store._database.read(
        lambda at: {table: at.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}
    )


async def test_old_jobs_are_pruned_in_small_batches_with_all_their_rows(tmp_path: Path) -> None:
    clock = Clock()
    async with Store(tmp_path / "aliend.db", clock) as store:
        old = await ended(store, "old", 1100)
        clock.now += 10 * DAY
        new = await ended(store, "new", 2)
        kept = {"job": 1, "transfer": 2, "attempt": 2, "event": 2 * 3 + 3, "made": 1, "request": 1}
        assert max(await forget_all(store, clock.now - DAY)) <= 501
        assert await counts(store) == kept
        with pytest.raises(NoSuchJob):
            await store.job(old)
        assert (await store.job(new)).files.done == 2
        assert await forget_all(store, clock.now - DAY) == []


async def test_unfinished_jobs_and_those_with_entries_in_the_catalogue_are_kept(tmp_path: Path) -> None:
    clock = Clock()
    async with Store(tmp_path / "aliend.db", clock) as store:
        waiting = await store.submit(JobSpec("download", ("/a",), "/tmp/x"), "waiting")
        intents: tuple[Intent, ...] = (
            Replacing("/b/t", "/b/o", "g", "h"),
            ReplicasBooked("/b/.f.t", ("g",), 2),
            ReplicasBooked("/b/f", ("g",), 2),
        )
        jobs = []
        for number, intent in enumerate(intents):
            job = await store.submit(JobSpec("upload", ("/tmp/f",), "/b/f"), f"up {number}")
            await store.add(job.id, [NewTransfer("/tmp/f", "/b/f", 10)], ExpansionAdvanced(Checkpoint(1, "file")))
            (one,) = await store.transfers(job.id, 1, 0)
            await store.change(one.id, Started())
            await store.change(one.id, IntentSaved(intent))
            await store.change(one.id, AttemptFailed("permanent", "why", 0.0, 0.0))
            jobs.append(job.id)
        clock.now += 100 * DAY
        await forget_all(store, clock.now)
        assert [job.id for job in await store.jobs(10, 0, active_only=False)] == [jobs[1], jobs[0], waiting.id]


async def test_asking_for_pruned_events_is_an_error(tmp_path: Path) -> None:
    clock = Clock()
    async with Store(tmp_path / "aliend.db", clock) as store:
        old = await ended(store, "old", 2)
        seen = (await store.changes_since(old, 0)).events[3].number
        clock.now += 10 * DAY
        new = await ended(store, "new", 1)
        await forget_all(store, clock.now - DAY)
        with pytest.raises(UsageError, match="no longer kept"):
            await store.changes_since(0, seen)
        everything = (await store.changes_since(0, 0)).events
        assert {one.job for one in everything} == {new}
        assert (await store.changes_since(0, everything[0].number)).events == everything[1:]


async def test_numbers_are_not_reused_after_everything_was_pruned(tmp_path: Path) -> None:
    clock = Clock()
    async with Store(tmp_path / "aliend.db", clock) as store:
        old = await ended(store, "old", 1)
        last = (await store.changes_since(0, 0)).events[-1].number
        await forget_all(store, clock.now + DAY)
        new = await ended(store, "new", 1)
        assert new > old
        assert (await store.changes_since(0, last)).events[0].number > last
        await asyncio.sleep(0)
