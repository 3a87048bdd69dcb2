"""Jobs of a foreground command that ends while it submits them."""

from __future__ import annotations

import asyncio
from functools import partial
from types import SimpleNamespace
from typing import cast

import pytest

from aliend.commands.following.foreground import Submission, submit_in_foreground
from aliend.engine.views import JobView
from aliend.errors import StoreError
from aliend.runtime import Runtime


class FakeEngine:
    """Stores jobs, which takes until `stored` is set; job 3 cannot be stored."""

    def __init__(self) -> None:
        self.asked, self.stored = asyncio.Event(), asyncio.Event()
        self.cancelled: list[int] = []

    async def submit(self, job: int) -> JobView:
        self.asked.set()
        await self.stored.wait()
        if job == 3:
            raise StoreError("the disk is full")
        return cast(JobView, SimpleNamespace(id=job))

    async def cancel(self, job: int) -> None:
        self.cancelled.append(job)


def command(engine: FakeEngine, *jobs: int, stopping: bool = False) -> asyncio.Task[list[JobView]]:
    runtime = cast(Runtime, SimpleNamespace(engine=engine, stopping=stopping))
    submissions: list[Submission] = [partial(engine.submit, job) for job in jobs]
    return asyncio.create_task(submit_in_foreground(runtime, *submissions))


async def end(engine: FakeEngine, running: asyncio.Task[list[JobView]]) -> list[int]:
    """Cancel a command that is storing its first job; return the jobs that it cancelled."""
    await engine.asked.wait()
    running.cancel()
    await asyncio.sleep(0)
    engine.stored.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    return engine.cancelled


async def test_all_jobs_are_returned_in_order() -> None:
    engine = FakeEngine()
    engine.stored.set()
    assert [job.id for job in await command(engine, 1, 2)] == [1, 2]
    assert engine.cancelled == []


async def test_a_job_that_is_being_stored_is_cancelled_with_its_command() -> None:
    engine = FakeEngine()
    assert await end(engine, command(engine, 1, 2)) == [1]


async def test_a_job_continues_if_the_daemon_stops() -> None:
    engine = FakeEngine()
    assert await end(engine, command(engine, 1, stopping=True)) == []


async def test_a_job_is_cancelled_if_a_later_one_cannot_be_stored() -> None:
    engine = FakeEngine()
    engine.stored.set()
    with pytest.raises(StoreError):
        await command(engine, 1, 3, 4)
    assert engine.cancelled == [1]
