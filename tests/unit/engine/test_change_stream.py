"""The stream of a job's changes: it ends with the job, and reports the end of each file once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aliend.core.transfers.job import JobSpec
from aliend.engine import Changes
from aliend.engine.change_stream import ChangeStream
from aliend.engine.views import ActiveCopy, view_of_job
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


async def test_a_file_that_ends_while_its_progress_is_read_is_reported_as_done_only_once(
    house: House, tmp_path: Path
) -> None:
    """The attempt at a file that is done counts as a running copy until the database has answered."""
    house.engine.set_limits(files=4)  # each file is copied alone
    for name in ("done", "slow"):
        house.grid.put(f"/a/d/{name}", b"x")
    target = f"{tmp_path}/x/d/slow"
    house.workers.held.add(target)
    job = (await house.submit(spec(tmp_path))).id
    await house.until_done(job, 1)
    (done,) = [one.id for one in await house.engine.transfers(job, states=("done",))]
    active: list[ActiveCopy] = []
    messages = ChangeStream(house.store, job, lambda _: active, view_of_job).changes("")
    reported: list[int] = []
    async with asyncio.timeout(DEADLINE):
        while done not in reported:
            reported += [one.id for one in (await anext(messages)).transfers if one.state == "done"]
        active.append(ActiveCopy(done, "done", 1, 1))
        progress = await anext(messages)
    assert (progress.transfers, progress.events) == ((), ())
    house.workers.held.discard(target)
