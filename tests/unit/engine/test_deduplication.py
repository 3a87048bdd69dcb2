"""The same file to the same target is copied once, for as many jobs as want it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aliend.core.transfers.job import JobSpec
from aliend.engine import JobView
from aliend.errors import CopyError
from tests.unit.engine.conftest import House, eventually
from tests.unit.engine.test_wait_reasons import kinds


def spec(tmp_path: Path, **more: object) -> JobSpec:
    return JobSpec("download", ("/a/f",), f"{tmp_path}/f", **more)  # type: ignore[arg-type]


async def two(house: House, tmp_path: Path) -> tuple[JobView, JobView]:
    """Two jobs that want one file, which is being copied."""
    house.grid.put("/a/f", b"hello")
    house.workers.hold = asyncio.Event()
    first = await house.submit(spec(tmp_path))
    await house.until(first.id, "running")
    second = await house.submit(spec(tmp_path))
    await house.until(second.id, "queued")
    return first, second


def go_on(house: House) -> None:
    assert house.workers.hold
    house.workers.hold.set()


async def test_two_jobs_share_one_copy_and_both_have_it(house: House, tmp_path: Path) -> None:
    first, second = await two(house, tmp_path)
    one, other = await house.only(first.id), await house.only(second.id)
    assert (one.joined, one.wanted, other.joined, other.wanted) == (0, 2, one.id, 2)
    assert await kinds(house, second.id) == ["joined"]
    go_on(house)
    done = [await house.ended(first.id), await house.ended(second.id)]
    assert [(job.state, job.files.done, job.bytes_done) for job in done] == [("done", 1, 5), ("done", 1, 5)]
    assert len(house.workers.copies()) == 1


async def test_cancelling_the_first_job_only_detaches_it(house: House, tmp_path: Path) -> None:
    first, second = await two(house, tmp_path)
    number = (await house.only(first.id)).id
    assert (await house.engine.cancel(first.id)).state == "cancelled"
    assert (await house.only(first.id)).state == "cancelled"
    assert ((await house.only(second.id)).id, (await house.only(second.id)).state) == (number, "running")
    assert house.workers.given == [(number, second.id, 0)]
    go_on(house)
    assert (await house.ended(second.id)).state == "done"
    assert (len(house.workers.copies()), house.workers.stopped) == (1, 0)


async def test_cancelling_the_second_job_only_detaches_it(house: House, tmp_path: Path) -> None:
    first, second = await two(house, tmp_path)
    assert (await house.engine.cancel(second.id)).state == "cancelled"
    assert (await house.only(first.id)).wanted == 1
    go_on(house)
    assert (await house.ended(first.id)).state == "done"


async def test_pausing_the_first_job_does_not_delay_the_second(house: House, tmp_path: Path) -> None:
    first, second = await two(house, tmp_path)
    await house.engine.pause(first.id)
    assert (await house.only(first.id)).joined == (await house.only(second.id)).id
    go_on(house)
    assert (await house.ended(second.id)).state == "done"
    assert (await house.ended(first.id)).state == "done"


async def test_a_failure_fails_all_joined_transfers(house: House, tmp_path: Path) -> None:
    first, second = await two(house, tmp_path)
    house.workers.faults = [CopyError("it is lost", "permanent")]
    go_on(house)
    assert {(await house.ended(job.id)).state for job in (first, second)} == {"failed"}
    assert {(await house.only(job.id)).message for job in (first, second)} == {"it is lost"}


async def test_a_copy_that_both_jobs_give_up_is_stopped(house: House, tmp_path: Path) -> None:
    first, second = await two(house, tmp_path)
    await house.engine.cancel(first.id)
    await house.engine.cancel(second.id)
    assert {(await house.ended(job.id)).state for job in (first, second)} == {"cancelled"}
    await eventually(lambda: house.workers.stopped == 1)


async def test_a_more_urgent_job_takes_over_waiting_transfers(house: House, tmp_path: Path) -> None:
    house.grid.put("/b/f", b"x")
    house.grid.put("/a/f", b"hello")
    house.workers.hold = asyncio.Event()
    await house.engine.change_limits({"down": 1})
    await house.submit(JobSpec("download", ("/b/f",), f"{tmp_path}/g"))
    await eventually(lambda: house.workers.running == 1)
    first = await house.submit(spec(tmp_path))
    await house.until(first.id, "queued")
    second = await house.submit(spec(tmp_path, interactive=True))
    await house.until(second.id, "queued")
    assert (await house.only(first.id)).joined == (await house.only(second.id)).id
    go_on(house)
    assert {(await house.ended(job.id)).state for job in (first, second)} == {"done"}
    assert len(house.workers.copies()) == 2


async def test_a_job_with_other_copy_settings_is_not_joined(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"hello")
    house.workers.hold = asyncio.Event()
    first = await house.submit(spec(tmp_path))
    await house.until(first.id, "running")
    second = await house.submit(spec(tmp_path, overwrite="always"))
    await house.until(second.id, "queued")
    assert (await house.only(second.id)).joined == 0
    assert await kinds(house, second.id) == ["target"]
    go_on(house)


async def test_joined_jobs_stay_joined_after_a_restart(house: House, tmp_path: Path) -> None:
    first, second = await two(house, tmp_path)
    await house.restart()
    await house.until(first.id, "running")
    assert (await house.only(second.id)).joined == (await house.only(first.id)).id
    go_on(house)
    assert {(await house.ended(job.id)).state for job in (first, second)} == {"done"}


async def test_a_file_that_fails_with_that_of_another_job_has_the_same_reason(house: House, tmp_path: Path) -> None:
    first, second = await two(house, tmp_path)
    house.workers.faults.append(CopyError("no such file", "permanent").with_errno(2))
    go_on(house)
    for job in (first, second):
        assert (await house.ended(job.id)).state == "failed"
        number = (await house.only(job.id)).id
        assert (await house.engine.last_failures([number]))[number].error_number == 2
    assert await house.engine.attempts([(await house.only(second.id)).id]) == []
