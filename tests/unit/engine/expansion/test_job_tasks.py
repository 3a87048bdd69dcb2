"""Background work of many jobs while the service fails."""

from __future__ import annotations

from pathlib import Path

from aliend.core.transfers.job import JobSpec
from aliend.errors import CopyError
from tests.unit.engine.conftest import House, eventually

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
