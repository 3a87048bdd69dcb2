"""Files that wait on real servers: for unavailable storage, for disk space, for another job's copy."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from aliend.core.transfers.bandwidth import Rates
from aliend.core.transfers.job import JobSpec
from tests.integration.engine.conftest import Daemon, server
from tests.integration.engine.test_transfers import bytes_moving, ended

MIB = 1 << 20
SLOW = Rates(all=256 << 10)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 8 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


async def eventually(look: Callable[[], Awaitable[object]], expected: object) -> None:
    """Wait until a look finds what is expected."""
    async with asyncio.timeout(90):
        for _ in iter(int, 1):
            if await look() == expected:
                return
            await asyncio.sleep(0.05)


async def until(daemon: Daemon, job: int, state: str) -> None:
    async def look() -> str:
        return (await daemon.engine.job(job)).state

    await eventually(look, state)


async def why(daemon: Daemon, job: int) -> list[str]:
    return [one.reason.kind async for group in daemon.engine.wait_reasons(job) for one in group]


async def test_a_job_resumes_automatically_once_the_disk_has_space(daemon: Daemon, small_disk: Path) -> None:
    content = os.urandom(5 * MIB)
    daemon.grid.put("/a/f", content)
    (small_disk / "old").write_bytes(bytes(6 * MIB))
    job = await daemon.engine.submit(JobSpec("download", ("/a/f",), f"{small_disk}/f"), "down")
    await until(daemon, job.id, "paused")
    assert await why(daemon, job.id) == ["space"]
    (small_disk / "old").unlink()
    assert (await ended(daemon, job.id)).state == "done"
    assert (small_disk / "f").read_bytes() == content


async def test_a_stalled_storage_element_backs_off_and_others_continue(
    daemon: Daemon, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """T20: the breaker opens before a minute is over; a file with another replica comes from there at once."""
    with ExitStack() as stack:
        daemon.grid.servers["A::B::SE1"] = frozen = server("A::B::SE1", tmp_path_factory, stack)
        daemon.grid.put("/a/f", os.urandom(300 * MIB), ["A::B::SE1"])
        daemon.grid.put("/b/f", b"content", ["A::B::SE1", "A::B::SE2"])
        stalled = await daemon.engine.submit(JobSpec("download", ("/a/f",), f"{tmp_path}/f"), "stalled")
        await bytes_moving(daemon, stalled.id)
        with frozen.frozen():

            async def state() -> str:
                return daemon.engine.limits_in_use().elements["A::B::SE1"].state

            await eventually(state, "resting")
            other = await daemon.engine.submit(JobSpec("download", ("/b/f",), f"{tmp_path}/g"), "other")
            assert (await ended(daemon, other.id, 20)).state == "done"
            await daemon.engine.cancel(stalled.id)


async def test_two_jobs_share_one_copy_and_the_first_may_be_cancelled(daemon: Daemon, tmp_path: Path) -> None:
    content = os.urandom(60 * MIB)
    daemon.grid.put("/a/f", content)
    daemon.workers.bandwidth.set_rates(SLOW)
    first = await daemon.engine.submit(JobSpec("download", ("/a/f",), f"{tmp_path}/f"), "first")
    await bytes_moving(daemon, first.id)
    second = await daemon.engine.submit(JobSpec("download", ("/a/f",), f"{tmp_path}/f"), "second")
    await eventually(lambda: why(daemon, second.id), ["joined"])
    assert (await daemon.engine.cancel(first.id)).state == "cancelled"
    assert daemon.engine.progress(second.id)
    daemon.workers.bandwidth.set_rates(Rates())
    assert (await ended(daemon, second.id)).state == "done"
    assert (tmp_path / "f").read_bytes() == content


async def test_a_download_that_is_cancelled_while_it_waits_keeps_its_partial_file_until_it_is_cleaned(
    daemon: Daemon, tmp_path: Path
) -> None:
    daemon.grid.put("/a/f", os.urandom(60 * MIB))
    daemon.workers.bandwidth.set_rates(SLOW)
    job = await daemon.engine.submit(JobSpec("download", ("/a/f",), f"{tmp_path}/in/f"), "down")
    await bytes_moving(daemon, job.id)
    await daemon.engine.pause(job.id)

    async def queued() -> bool:
        return (await daemon.engine.transfers(job.id))[0].state == "queued"

    async def parts() -> bool:
        return any((tmp_path / "in").glob(".*.part"))

    await eventually(queued, True)
    assert await parts()
    await daemon.engine.cancel(job.id)
    kept = (await daemon.engine.kept_files([job.id])).get(job.id)
    assert bool(kept) == await parts()
    await daemon.engine.clean([job.id])
    assert not await parts()
