"""The stream of a job's changes: it ends as soon as the end of the job was streamed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aliend.core.transfers.job import JobSpec
from aliend.engine import Changes
from tests.unit.engine.conftest import DEADLINE, House

FILES = 5


async def stream(house: House, job: int, token: str = "") -> list[Changes]:
    async with asyncio.timeout(DEADLINE):
        return [one async for one in house.engine.changes(job, token)]


def spec(tmp_path: Path) -> JobSpec:
    return JobSpec("download", ("/a/d",), f"{tmp_path}/x")


async def test_the_stream_of_an_ended_job_ends_without_a_pause(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(FILES):
        house.grid.put(f"/a/d/{number}", b"x")
    job = await house.done(spec(tmp_path))
    monkeypatch.setattr("aliend.engine.change_stream._PAUSE", 2 * DEADLINE)
    (only,) = await stream(house, job.id)
    assert [one.state for one in only.transfers] == ["done"] * FILES
    assert [one.state for one in only.jobs] == ["done"]
    assert await stream(house, job.id, only.token) == []
