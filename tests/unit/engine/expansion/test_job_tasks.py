"""Background work of many jobs while the service fails."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aliend.core.transfers.error_mapping import final_reason
from aliend.core.transfers.job import JobSpec
from aliend.core.transfers.transfer import MAX_FAILURES
from aliend.errors import AliendError, BadReply, CopyError, NotConnected, ServiceError
from tests.unit.engine.conftest import DEADLINE, House, eventually

JOBS = 100


async def test_a_failing_service_is_not_asked_for_each_job_of_a_long_queue(house: House, tmp_path: Path) -> None:
    for number in range(JOBS):
        house.grid.put(f"/a/{number}", b"data")
    house.catalogue.before["stat"] = [CopyError("the service is busy", "transient") for _ in range(JOBS)]
    jobs = [await house.submit(JobSpec("download", (f"/a/{n}",), f"{tmp_path}/in/{n}")) for n in range(JOBS)]
    expansions = house.engine._needed_runners().expansions
    await eventually(lambda: not expansions.free_slots and not expansions._running)
    assert house.catalogue.calls["stat"] < JOBS
    house.catalogue.before["stat"] = []
    house.clock.now += 120
    house.engine._wake.set()
    assert [(await house.ended(job.id)).state for job in jobs] == ["done"] * JOBS


@pytest.mark.parametrize(
    "error",
    [BadReply("stat: invalid reply of the central service: metadata is missing", 42), ServiceError("stat", 5, "")],
)
async def test_a_job_is_given_up_after_some_bad_replies(house: House, tmp_path: Path, error: AliendError) -> None:
    house.grid.put("/a/1", b"data")
    house.catalogue.before["stat"] = [error] * 100
    job = await house.submit(JobSpec("download", ("/a/1",), f"{tmp_path}/1"))

    async with asyncio.timeout(DEADLINE):
        while not (await house.engine.job(job.id)).ended_ms:
            house.clock.now += 600
            house.engine._wake.set()
            await asyncio.sleep(0.001)
    (file,) = await house.engine.transfers(job.id, 10)
    assert (file.state, file.message) == ("failed", f"gave up after {MAX_FAILURES} attempts: {error}")


def test_a_wait_for_the_service_has_no_limit() -> None:
    assert not final_reason(NotConnected("no network"), 1000)
