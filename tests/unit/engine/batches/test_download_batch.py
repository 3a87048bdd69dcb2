"""Batches of downloads: which files start together, and what happens when one of them is unusual."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aliend.core.transfers.job import JobSpec
from aliend.engine.admission.throughput_monitor import STALLED_AFTER
from aliend.errors import CopyError, NotConnected, Obstacle, ServiceError
from aliend.storage.tasks import Download, LeftBatch
from tests.unit.engine.conftest import House, eventually

FILES = 40


def down(tmp_path: Path, **more: object) -> JobSpec:
    return JobSpec("download", ("/a/d",), f"{tmp_path}/in/", **more)  # type: ignore[arg-type]


def put(house: House, files: int = FILES, ses: tuple[str, ...] = ("A::B::SE1",)) -> None:
    house.catalogue.page = 1000
    for number in range(files):
        house.grid.put(f"/a/d/{number:02}", f"file {number}".encode(), ses)


def arrived(tmp_path: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (tmp_path / "in").rglob("*") if path.is_file()}


def expected(files: int = FILES) -> dict[str, bytes]:
    return {f"{number:02}": f"file {number}".encode() for number in range(files)}


async def test_small_files_of_a_job_start_together(house: House, tmp_path: Path) -> None:
    put(house)
    job = await house.done(down(tmp_path))
    assert (job.state, job.files.done, job.bytes_done) == ("done", FILES, sum(map(len, expected().values())))
    assert arrived(tmp_path) == expected()
    assert sorted(house.workers.batches) == [8, 32]
    assert house.catalogue.calls["access"] == FILES


@pytest.mark.parametrize("more", [{"parallel": 4}, {"timeout": 9.0}, {"rate": 1 << 20}, {"verify": True}])
async def test_settings_that_apply_to_each_copy_prevent_batches(
    house: House, tmp_path: Path, more: dict[str, object]
) -> None:
    put(house, 5)
    assert (await house.done(down(tmp_path, **more))).state == "done"
    assert house.workers.batches == []


@pytest.mark.parametrize("limits", [{"files": 4}, {"down": 8}, {"se": 2}, {"rate": "1M"}])
async def test_limits_of_the_user_prevent_batches(house: House, tmp_path: Path, limits: dict[str, int | str]) -> None:
    await house.engine.change_limits(limits)
    put(house, 5)
    assert (await house.done(down(tmp_path))).state == "done"
    assert house.workers.batches == []


async def test_a_file_that_leaves_its_batch_is_copied_by_itself(house: House, tmp_path: Path) -> None:
    """A wrong target exists: the batch leaves it to the usual copy, with the same ticket."""
    put(house)
    house.workers.faults = [LeftBatch()]
    assert (await house.done(down(tmp_path))).state == "done"
    assert arrived(tmp_path) == expected()
    assert len([task for task in house.workers.tasks if isinstance(task, Download)]) == FILES + 1
    assert house.catalogue.calls["access"] == FILES


async def test_one_file_without_a_ticket_fails_alone(house: House, tmp_path: Path) -> None:
    put(house)
    house.catalogue.before["access"] = [ServiceError("access", 13, "permission denied")]
    job = await house.done(down(tmp_path))
    assert (job.state, job.files.done, job.files.failed) == ("partial", FILES - 1, 1)


async def test_a_lost_central_service_is_not_asked_for_each_file(house: House, tmp_path: Path) -> None:
    put(house, 5)
    house.catalogue.before["access"] = [NotConnected("the service does not answer")]
    job = await house.submit(down(tmp_path))
    await eventually(lambda: house.catalogue.calls["access"] == 1 and not house.engine.progress())
    for transfer in await house.engine.transfers(job.id):
        assert transfer.state == "waiting"


async def test_a_full_disk_holds_the_job_once(house: House, tmp_path: Path) -> None:
    put(house, 5)
    full = CopyError("the disk is full", "local", 30.0, obstacle=Obstacle("other", str(tmp_path)))
    house.workers.faults = [full] * 5
    job = await house.until_job((await house.submit(down(tmp_path))).id, "paused")
    assert "the disk is full" in job.message
    assert job.files.queued == 5
    await house.engine.resume(job.id)
    assert (await house.ended(job.id)).state == "done"
    assert arrived(tmp_path) == expected(5)


@pytest.mark.parametrize("what", ["cancel", "pause"])
async def test_stopping_a_job_stops_all_copies_of_its_batch(house: House, tmp_path: Path, what: str) -> None:
    put(house, 5)
    house.workers.hold = asyncio.Event()
    job = await house.submit(down(tmp_path))
    await eventually(lambda: house.workers.running == 5)
    view = await (house.engine.cancel(job.id) if what == "cancel" else house.engine.pause(job.id))
    assert (view.files.cancelled, view.files.queued) == ((5, 0) if what == "cancel" else (0, 5))
    await eventually(lambda: house.workers.stopped == 5 and not house.workers.running)
    house.workers.hold = None
    await (house.engine.retry(job.id, "again") if what == "cancel" else house.engine.resume(job.id))
    assert (await house.ended(job.id)).state == "done"
    assert arrived(tmp_path) == expected(5)


async def test_a_copy_that_does_not_move_leaves_the_batch(house: House, tmp_path: Path) -> None:
    put(house, 6, ("A::B::SE2",))
    house.workers.held = {f"{tmp_path}/in/d/03"}
    job = await house.submit(down(tmp_path))
    await eventually(lambda: house.engine.progress(job.id) != [] and len(arrived(tmp_path)) == 5)
    await house.until_done(job.id, 5)
    house.workers.held = set()
    assert (await house.ended(job.id)).state == "done"
    assert arrived(tmp_path) == expected(6)


async def test_a_batch_continues_without_the_files_of_a_stalled_element(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch waits for all of its elements; one of them, full with copies that do not move, is then given up."""
    monkeypatch.setattr("aliend.engine.batches.batch._STALLED_AFTER", 3600.0)  # the first batch stays one
    put(house, 32, ("A::B::SE1",))
    house.workers.held = {f"{tmp_path}/in/d/{number:02}" for number in range(32)}
    await house.submit(down(tmp_path))
    await eventually(lambda: house.workers.running == 16)  # four times four on one element
    for number in range(8):
        house.grid.put(f"/a/e/{number}", b"x", ("A::B::SE1",) if number < 2 else ("A::B::SE2",))
    job = await house.submit(JobSpec("download", ("/a/e",), f"{tmp_path}/in/"))
    await eventually(lambda: house.catalogue.calls["access"] == 40)
    house.clock.now += STALLED_AFTER
    await house.until_states(job.id, ["waiting"] * 2 + ["done"] * 6)
    assert house.workers.batches == [32, 6]
    house.workers.held = set()


async def test_batches_go_on_without_the_files_of_a_full_element(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its copies outlast their batch and use no slots; further files of it wait alone, or in the queue."""
    monkeypatch.setattr("aliend.engine.batches.batch._STALLED_AFTER", 0.2)
    monkeypatch.setattr("aliend.engine.batches.batch._STALLED_BESIDE_OTHERS", 0.2)
    house.catalogue.page = 1000
    for number in range(160):
        house.grid.put(f"/a/d/{number:03}", b"x", ("A::B::SE1",) if number % 5 else ("A::B::SE2",))
    house.workers.held = {f"{tmp_path}/in/d/{number:03}" for number in range(0, 160, 5)}
    job = await house.submit(down(tmp_path))
    await house.until_done(job.id, 128)
    await eventually(lambda: not house.engine.limits_in_use().by_direction.get("download"))
    house.workers.held = set()
    assert (await house.ended(job.id)).files.done == 160


async def test_a_new_daemon_downloads_what_the_last_one_had_begun(house: House, tmp_path: Path) -> None:
    put(house)
    house.workers.hold = asyncio.Event()
    job = await house.submit(down(tmp_path))
    await eventually(lambda: house.workers.running == 16)  # four times four on one element
    await house.restart()
    house.workers.hold = None
    await house.restart()
    assert (await house.ended(job.id)).state == "done"
    assert arrived(tmp_path) == expected()
