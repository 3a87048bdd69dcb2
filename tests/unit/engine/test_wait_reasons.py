"""The reasons why files wait, and limits that change in the meantime."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aliend.core.transfers.job import JobSpec
from aliend.core.transfers.scheduler import Limits
from aliend.engine import JobView, WaitingFile
from aliend.errors import CopyError, NotConnected
from aliend.storage.tasks import TaskOptions
from tests.unit.engine.conftest import House, eventually


async def waits(house: House, job: int = 0) -> list[WaitingFile]:
    return [one async for group in house.engine.wait_reasons(job) for one in group]


async def kinds(house: House, job: int = 0) -> list[str]:
    return [one.reason.kind for one in await waits(house, job)]


async def many(house: House, tmp_path: Path, count: int) -> JobView:
    """Submit a job of `count` downloads, of which as many as may run hang."""
    for number in range(count):
        house.grid.put(f"/a/{number}", b"data")
    house.workers.hold = asyncio.Event()
    return await house.submit(JobSpec("download", ("/a/",), f"{tmp_path}/in/"))


async def test_a_limit_applies_immediately_and_survives_a_restart(house: House, tmp_path: Path) -> None:
    await house.engine.change_limits({"down": 2})
    await many(house, tmp_path, 6)
    await eventually(lambda: house.workers.running == 2)
    await eventually_kinds(house, ["limit"] * 4)
    await house.engine.change_limits({"down": 3, "up": 5})
    await eventually(lambda: house.workers.running == 3)
    await house.restart()
    assert house.engine.limits_in_use().limits == Limits(down=3, up=5)
    await eventually(lambda: house.workers.running == 3)
    await house.engine.change_limits({"down": None, "up": None})
    await eventually(lambda: house.workers.running > 3)
    assert house.engine.limits_in_use().limits == Limits()


async def test_a_full_direction_does_not_delay_the_other(house: House, tmp_path: Path) -> None:
    await house.engine.change_limits({"down": 1})
    await many(house, tmp_path, 40)
    await eventually(lambda: house.workers.running == 1)
    (tmp_path / "f").write_bytes(b"x")
    up = await house.submit(JobSpec("upload", (f"{tmp_path}/f",), "/b/f"))
    await eventually(lambda: house.workers.running == 2)
    assert await kinds(house, up.id) == []


async def test_a_full_storage_element_is_reported(house: House, tmp_path: Path) -> None:
    await house.engine.change_limits({"A::B::SE1": 1})
    await many(house, tmp_path, 2)
    await eventually_kinds(house, ["se full"])


async def test_a_missing_credential_is_reported_with_the_time_of_the_next_check(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"x")
    house.catalogue.before["access"] = [NotConnected("there is no usable certificate")]
    job = await house.submit(JobSpec("download", ("/a/f",), f"{tmp_path}/g"))
    await house.until(job.id, "waiting")
    (found,) = await waits(house, job.id)
    assert (found.reason.kind, found.reason.text) == ("credential", "there is no usable certificate")
    assert found.reason.until > house.clock.now


async def test_a_paused_job_is_reported(house: House, tmp_path: Path) -> None:
    job = await many(house, tmp_path, 1)
    await eventually(lambda: house.workers.running == 1)
    await house.engine.pause(job.id)
    assert await kinds(house) == ["paused"]


async def eventually_kinds(house: House, expected: list[str]) -> None:
    async with asyncio.timeout(20):
        for _ in iter(int, 1):
            if await kinds(house) == expected:
                return
            await asyncio.sleep(0.001)


async def test_nothing_waits_longer_after_the_clock_was_set_back(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"hello")
    house.workers.faults = [CopyError("the server is busy", retry_after=1.0)]
    job = await house.submit(JobSpec("download", ("/a/f",), f"{tmp_path}/f"))
    await house.until(job.id, "waiting")
    house.clock.now -= 86400
    assert (await house.ended(job.id)).state == "done"


async def test_a_daemon_that_starts_with_an_older_clock_does_not_wait_for_it(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"hello")
    house.workers.faults = [CopyError("the server is busy", retry_after=30.0)]
    job = await house.submit(JobSpec("download", ("/a/f",), f"{tmp_path}/f"))
    await house.until(job.id, "waiting")
    house.clock.now -= 86400
    await house.restart()
    assert (await house.ended(job.id)).state == "done"


async def test_a_postponed_expansion_does_not_wait_after_the_clock_was_set_back(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"hello")
    house.catalogue.before["stat"] = [NotConnected("no network")]
    job = await house.submit(JobSpec("download", ("/a/f",), f"{tmp_path}/f"))
    await eventually(lambda: house.catalogue.calls["stat"] == 1 and not house.catalogue.before["stat"])
    house.clock.now -= 86400
    assert (await house.ended(job.id)).state == "done"


async def test_the_groups_of_a_large_job_count_all_files_and_look_at_few(house: House, tmp_path: Path) -> None:
    await house.engine.change_limits({"down": 2})
    job = await many(house, tmp_path, 400)
    async with asyncio.timeout(20):
        while (await house.engine.job(job.id)).state != "active" or house.workers.running < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    one_by_one = Counter(file.reason.kind for file in await waits(house, job.id))
    assert one_by_one["limit"] > 300
    groups = await house.engine.grouped_reasons(job.id)
    assert {group.reason.kind: group.files for group in groups} == one_by_one
    assert groups == await house.engine.grouped_reasons()
    house.engine._store.last_failures = _Forbidden()  # type: ignore[method-assign, assignment]
    assert await house.engine.grouped_reasons(job.id) == groups


class _Forbidden:
    """Fails when it is called: the files are not read one by one."""

    def __call__(self, *_: object) -> None:
        raise AssertionError


async def test_all_files_that_wait_for_a_worker_are_one_group(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def reserve_slot(_: TaskOptions, on_wait: Callable[[], None]) -> AsyncIterator[None]:
        on_wait()
        await asyncio.Event().wait()
        yield

    monkeypatch.setattr("aliend.engine.wait_reasons._LOOKED_AT", 5)
    monkeypatch.setattr(house.workers, "reserve_slot", reserve_slot)
    await house.engine.change_limits({"files": 4})
    job = await many(house, tmp_path, 20)
    found: list[tuple[int, str]] = []
    async with asyncio.timeout(20):
        while found != [(20, "limit")]:
            await asyncio.sleep(0.001)
            found = [(group.files, group.reason.kind) for group in await house.engine.grouped_reasons(job.id)]
