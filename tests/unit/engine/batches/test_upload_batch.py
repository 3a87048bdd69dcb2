"""Batches of uploads: what is booked, registered and verified together, and what happens when one file is unusual."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aliend.core.transfers.job import JobSpec
from aliend.core.transfers.transfer import ReplicasBooked
from aliend.errors import CopyError, NotConnected, ServiceError
from aliend.storage.tasks import LeftBatch
from tests.unit.engine.conftest import House, eventually
from tests.unit.engine.fakes import LOST

FILES = 40


def up(tmp_path: Path, **more: object) -> JobSpec:
    return JobSpec("upload", (f"{tmp_path}/out/",), "/b/", storage="disk:2", **more)  # type: ignore[arg-type]


def make(tmp_path: Path, files: int = FILES) -> None:
    (tmp_path / "out").mkdir()
    for number in range(files):
        (tmp_path / f"out/{number:02}").write_bytes(f"file {number}".encode())


def assert_registered(house: House, files: int = FILES) -> None:
    """Every file is in the catalogue with two replicas of the right content, and no other one is stored."""
    assert sorted(house.grid.files) == [f"/b/{number:02}" for number in range(files)]
    urls = set()
    for number in range(files):
        replicas = house.grid.replicas[house.grid.files[f"/b/{number:02}"].guid]
        assert len(replicas) == 2
        assert {house.grid.content(url) for url in replicas.values()} == {f"file {number}".encode()}
        urls |= set(replicas.values())
    assert urls == house.grid.stored.keys()


async def test_small_files_are_sent_together(house: House, tmp_path: Path) -> None:
    make(tmp_path)
    job = await house.done(up(tmp_path))
    assert (job.state, job.files.done) == ("done", FILES)
    assert_registered(house)
    assert sorted(house.workers.batches) == [8, 32]
    assert (house.catalogue.calls["access"], house.catalogue.calls["commit"]) == (FILES, 2 * FILES)
    assert house.catalogue.calls["stat"] <= 3


async def test_bookings_are_stored_before_the_first_byte_is_sent(house: House, tmp_path: Path) -> None:
    make(tmp_path, 5)
    house.workers.hold = asyncio.Event()
    job = await house.submit(up(tmp_path))
    await eventually(lambda: house.workers.running == 5)
    for transfer in await house.store.transfers(job.id, 10, 0):
        assert isinstance(transfer.intent, ReplicasBooked)
        assert len(transfer.intent.tickets) == 2
    house.workers.hold.set()
    assert (await house.ended(job.id)).state == "done"


async def test_a_name_that_exists_leaves_the_batch(house: House, tmp_path: Path) -> None:
    make(tmp_path)
    house.grid.put("/b/03", b"other")
    job = await house.done(up(tmp_path))
    assert (job.state, job.files.done, job.files.failed) == ("partial", FILES - 1, 1)
    assert house.grid.files["/b/03"].size == 5


async def test_a_replica_that_fails_is_replaced(house: House, tmp_path: Path) -> None:
    make(tmp_path, 5)
    house.workers.bad_ses = {"A::B::SE1"}
    assert (await house.done(up(tmp_path))).state == "done"
    assert_registered(house, 5)


async def test_files_that_leave_while_they_wait_are_sent_with_the_same_tickets(house: House, tmp_path: Path) -> None:
    make(tmp_path)
    house.workers.faults = [LeftBatch(), LeftBatch()]
    assert (await house.done(up(tmp_path))).state == "done"
    assert_registered(house)
    assert house.catalogue.calls["access"] == FILES


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_commit_without_a_reply_concerns_one_file(
    house: House, tmp_path: Path, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aliend.engine.attempts.replica_registration._CHECK_INTERVAL", 0.0)
    make(tmp_path)
    getattr(house.catalogue, when)["commit"] = [LOST]
    assert (await house.done(up(tmp_path))).state == "done"
    assert_registered(house)


async def test_a_refused_ticket_concerns_one_file(house: House, tmp_path: Path) -> None:
    make(tmp_path)
    house.catalogue.before["access"] = [ServiceError("access", 13, "permission denied")]
    job = await house.done(up(tmp_path))
    assert (job.state, job.files.done, job.files.failed) == ("partial", FILES - 1, 1)


async def test_a_lost_central_service_is_not_asked_for_each_file(house: House, tmp_path: Path) -> None:
    make(tmp_path, 20)
    house.catalogue.before["commit"] = [NotConnected("the service does not answer")] * 8  # as many as are in flight
    job = await house.submit(up(tmp_path))
    await eventually(lambda: house.catalogue.calls["commit"] == 8 and not house.engine.progress())
    assert {one.state for one in await house.engine.transfers(job.id)} == {"waiting"}
    house.clock.now += 100
    await house.engine.pause(job.id)
    await house.engine.resume(job.id)
    assert (await house.ended(job.id)).state == "done"
    assert_registered(house, 20)  # the replicas that were written are registered, not sent again


async def test_a_worker_that_dies_concerns_no_file(house: House, tmp_path: Path) -> None:
    make(tmp_path, 5)
    house.workers.faults = [CopyError("the worker process was killed by SIGKILL", "storage", 1.0)] * 5
    job = await house.submit(up(tmp_path))
    await eventually(lambda: not house.workers.faults and not house.engine.progress())
    house.clock.now += 100
    await house.engine.pause(job.id)
    await house.engine.resume(job.id)
    assert (await house.ended(job.id)).state == "done"
    assert_registered(house, 5)


@pytest.mark.parametrize("what", ["cancel", "pause"])
async def test_stopping_a_job_stops_its_batch(house: House, tmp_path: Path, what: str) -> None:
    make(tmp_path, 5)
    house.workers.hold = asyncio.Event()
    job = await house.submit(up(tmp_path))
    await eventually(lambda: house.workers.running == 5)
    await (house.engine.cancel(job.id) if what == "cancel" else house.engine.pause(job.id))
    await eventually(lambda: house.workers.stopped == 5)
    house.workers.hold = None
    await (house.engine.retry(job.id, "again") if what == "cancel" else house.engine.resume(job.id))
    assert (await house.ended(job.id)).state == "done"
    assert_registered(house, 5)


async def test_a_cancelled_file_keeps_all_replicas_or_none(house: House, tmp_path: Path) -> None:
    make(tmp_path, 12)
    house.catalogue.hold_commits_after = 3
    job = await house.submit(up(tmp_path))
    await eventually(lambda: house.catalogue.calls["commit"] >= 4)
    await house.engine.cancel(job.id)
    house.catalogue.hold_commits_after = 1000
    await eventually(lambda: not house.engine._running.by_transfer)
    counts = {len(house.grid.replicas[entry.guid]) for entry in house.grid.files.values()}
    assert counts == {2}


async def test_a_new_daemon_registers_what_the_last_one_had_sent(house: House, tmp_path: Path) -> None:
    """The daemon dies between two commits of a batch."""
    make(tmp_path, 5)
    house.catalogue.hold_commits_after = 3
    job = await house.submit(up(tmp_path))
    await eventually(lambda: house.catalogue.calls["commit"] >= 4)
    house.catalogue.hold_commits_after = 1000
    await house.restart()
    assert (await house.ended(job.id)).state == "done"
    assert_registered(house, 5)
