"""A job that is stored starts, whatever happens to its caller meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aliend.core.transfers.job import Job, JobSpec
from aliend.core.transfers.limits import MAX_LIMIT
from tests.unit.engine.conftest import DEADLINE, House, eventually


async def test_a_job_starts_whose_caller_is_cancelled_while_it_is_stored(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").write_bytes(b"hello")
    stored, go_on, submit = asyncio.Event(), asyncio.Event(), house.store.submit

    async def slow_submit(spec: JobSpec, request_id: str) -> Job:
        job = await submit(spec, request_id)
        stored.set()
        await go_on.wait()
        return job

    monkeypatch.setattr(house.store, "submit", slow_submit)
    await eventually(lambda: bool(vars(house.engine._wake)["_waiters"]))  # the engine has nothing to do and sleeps
    submitting = asyncio.create_task(house.engine.submit(JobSpec("upload", (f"{tmp_path}/f",), "/a/f"), "request"))
    await asyncio.wait_for(stored.wait(), DEADLINE)
    submitting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await submitting
    go_on.set()
    monkeypatch.undo()
    job = await house.store.job_of_request("request")
    assert job
    assert (await house.ended(job.id)).state == "done"


async def test_a_configured_limit_has_a_bound(house: House) -> None:
    house.engine.set_limits(files=5000)
    assert house.engine.limits_in_use().limits.files == MAX_LIMIT
