"""The records of attempts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aliend.core.transfers.attempt_record import AttemptRecord, Stage
from aliend.core.transfers.job import JobSpec
from aliend.engine.attempts import replica_registration
from aliend.errors import CopyError
from aliend.storage.tasks import RemovePartial
from tests.unit.engine.conftest import House, eventually


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica_registration, "_CHECK_INTERVAL", 0.0)


async def history(house: House, job: int) -> list[AttemptRecord]:
    return await house.engine.attempts([one.id for one in await house.engine.transfers(job)])


async def test_each_replica_of_an_upload_is_recorded(house: House, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"data")
    house.workers.bad_ses = {"A::B::SE1"}
    job = await house.done(JobSpec("upload", (f"{tmp_path}/f",), "/a/f"))
    assert [(one.se, one.stage, one.error, one.bytes) for one in await history(house, job.id)] == [
        ("A::B::SE1", Stage.COPY, "the disk is full", 4),
        ("A::B::SE2", Stage.DONE, "", 4),
        ("A::B::SE3", Stage.DONE, "", 4),
    ]


async def test_a_failed_attempt_records_the_element_and_error_kind(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"data")
    house.workers.faults = [
        CopyError("A::B::SE1: it is frozen", "transient", 7.0, (("A::B::SE1", "it is frozen", 110),))
    ]
    job = await house.submit(JobSpec("download", ("/a/f",), str(tmp_path / "g")))
    await house.until(job.id, "waiting")
    house.clock.now += 3600
    house.engine.set_limits()
    await house.ended(job.id)
    assert [
        (one.number, one.se, one.stage, one.error, one.kind, one.error_number) for one in await history(house, job.id)
    ] == [
        (1, "A::B::SE1", Stage.COPY, "it is frozen", "transient", 110),
        (2, "A::B::SE1", Stage.DONE, "", "", 0),
    ]


async def test_a_stopped_attempt_is_recorded(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"data")
    house.workers.hold = asyncio.Event()
    job = await house.submit(JobSpec("download", ("/a/f",), str(tmp_path / "g")))
    await house.until(job.id, "running")
    await eventually(lambda: house.workers.running == 1)
    await house.engine.cancel(job.id)
    await eventually(lambda: any(isinstance(task, RemovePartial) for task in house.workers.tasks))
    assert [(one.stage, one.error) for one in await history(house, job.id)] == [(Stage.COPY, "stopped")]


async def test_a_wait_for_a_resting_storage_element_is_not_recorded(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"data", ["A::B::SE1"])
    house.workers.faults = [CopyError("A::B::SE1 is backing off: no answer", "resting", 7.0)]
    job = await house.submit(JobSpec("download", ("/a/f",), str(tmp_path / "g")))
    await house.until(job.id, "waiting")
    assert (await house.only(job.id)).attempts == 0
    assert await history(house, job.id) == []


async def test_a_file_that_fails_before_its_first_attempt_has_a_reason_and_no_attempt(
    house: House, tmp_path: Path
) -> None:
    job = await house.done(JobSpec("download", ("/a/none",), f"{tmp_path}/x"))
    file = await house.only(job.id)
    assert await house.engine.attempts([file.id]) == []
    failure = (await house.engine.last_failures([file.id]))[file.id]
    assert (failure.kind, failure.error_number, failure.error) == ("permanent", 2, file.message)


async def test_an_unreadable_local_source_has_its_errno(house: House, tmp_path: Path) -> None:
    job = await house.done(JobSpec("upload", (f"{tmp_path}/none",), "/a/x"))
    file = await house.only(job.id)
    assert (await house.engine.last_failures([file.id]))[file.id].error_number == 2


async def test_a_listing_that_is_refused_has_the_number_of_the_service(house: House, tmp_path: Path) -> None:
    job = await house.done(JobSpec("copy", ("/a/none",), "/b", purpose="sync"))
    file = await house.only(job.id)
    assert (await house.engine.last_failures([file.id]))[file.id].error_number == 2
