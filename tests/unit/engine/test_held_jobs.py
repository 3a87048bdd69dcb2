"""Jobs on hold because of an obstacle on this machine resume automatically; given-up transfers leave nothing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from aliend.core.transfers.job import Job, JobSpec, JobState
from aliend.engine.held_jobs import CHECK_INTERVAL, HeldJobs, is_resolved
from aliend.errors import CopyError, Obstacle
from aliend.storage.tasks import RemovePartial
from tests.unit.engine.conftest import Clock, House, eventually
from tests.unit.engine.test_wait_reasons import waits

HUGE = 1 << 62


def full(path: Path, need: int = HUGE) -> CopyError:
    return CopyError(f"{path}: make room", "local", obstacle=Obstacle("space", str(path), need))


async def later(house: House, seconds: float) -> None:
    house.clock.now += seconds
    house.engine._wake.set()


async def held(house: House, tmp_path: Path, *faults: CopyError) -> int:
    house.grid.put("/a/f", b"data")
    house.workers.faults = list(faults)
    job = await house.submit(JobSpec("download", ("/a/f",), f"{tmp_path}/in/f"))
    await house.until_job(job.id, "paused")
    return job.id


async def test_a_job_resumes_automatically_when_space_is_free(house: House, tmp_path: Path) -> None:
    job = await held(house, tmp_path, full(tmp_path / "in" / "f", need=1))
    await later(house, 6)
    await house.until(job, "done")


async def test_a_job_remains_on_hold_with_a_message_while_the_disk_is_full(house: House, tmp_path: Path) -> None:
    job = await held(house, tmp_path, full(tmp_path / "f"))
    for _ in range(5):
        await later(house, 30)
        await asyncio.sleep(0.05)
    assert [one.reason.kind for one in await waits(house, job)] == ["space"]
    assert len(house.workers.copies()) == 1


async def test_a_recurring_obstacle_is_retried_less_and_less_often(house: House, tmp_path: Path) -> None:
    job = await held(house, tmp_path, *(full(tmp_path, need=1) for _ in range(3)))
    await later(house, 6)
    await eventually(lambda: len(house.workers.copies()) == 2)
    await house.until_job(job, "paused")
    await later(house, 6)
    await asyncio.sleep(0.1)
    assert len(house.workers.copies()) == 2
    await later(house, 6)
    await eventually(lambda: len(house.workers.copies()) == 3)


async def test_a_held_job_resumes_after_a_restart(house: House, tmp_path: Path) -> None:
    job = await held(house, tmp_path, full(tmp_path, need=1))
    await house.restart()
    await house.until(job, "done")


async def test_a_users_pause_is_never_released(house: House, tmp_path: Path) -> None:
    job = await held(house, tmp_path, full(tmp_path, need=1))
    await house.engine.pause(job)
    await later(house, 60)
    await asyncio.sleep(0.1)
    assert (await house.engine.job(job)).state == "paused"


def test_free_space_and_invisible_obstacles_count_as_resolved(tmp_path: Path) -> None:
    assert is_resolved(Obstacle("space", f"{tmp_path}/new/deep/f", 1))
    assert not is_resolved(Obstacle("space", f"{tmp_path}/new/deep/f", HUGE))
    assert is_resolved(Obstacle("other", "/nonexistent"))


def test_restored_permissions_are_noticed() -> None:
    """Run as the user nobody, because root passes every permission check."""
    script = (
        "import os, sys, tempfile\n"
        "from aliend.engine.held_jobs import is_resolved\n"
        "from aliend.errors import Obstacle\n"
        "os.getuid() or os.setuid(65534)\n"
        "place = tempfile.mkdtemp()\n"
        "os.chmod(place, 0o500)\n"
        "assert not is_resolved(Obstacle('permission', place + '/deep/f'))\n"
        "os.chmod(place, 0o700)\n"
        "assert is_resolved(Obstacle('permission', place + '/deep/f'))\n"
        "file = place + '/f'\n"
        "open(file, 'w').close()\n"
        "for shut, mode in ((place, 0o700), (file, 0o600)):\n"
        "    os.chmod(shut, 0o200)\n"
        "    assert not is_resolved(Obstacle('reading', shut)), shut\n"
        "    os.chmod(shut, mode)\n"
        "    assert is_resolved(Obstacle('reading', shut)), shut\n"
        "os.remove(file)\n"
        "os.rmdir(place)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd="/tmp", env={"PYTHONPATH": ":".join(sys.path)})


async def test_a_waiting_download_that_is_cancelled_leaves_no_partial_file(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"data")
    house.workers.faults = [CopyError("busy", "transient", 60.0)]
    job = await house.submit(JobSpec("download", ("/a/f",), f"{tmp_path}/f"))
    await house.until(job.id, "waiting")
    await house.engine.cancel(job.id)
    await eventually(lambda: any(isinstance(task, RemovePartial) for task in house.workers.tasks))


async def test_a_download_that_was_never_started_needs_no_cleanup(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"data")
    await house.engine.change_limits({"down": 1})
    house.workers.hold = asyncio.Event()
    house.grid.put("/b/f", b"data")
    await house.submit(JobSpec("download", ("/b/f",), f"{tmp_path}/g"))
    await eventually(lambda: house.workers.running == 1)
    job = await house.submit(JobSpec("download", ("/a/f",), f"{tmp_path}/f"))
    await house.until(job.id, "queued")
    await house.engine.cancel(job.id)
    await house.until(job.id, "cancelled")
    assert not [task for task in house.workers.tasks if isinstance(task, RemovePartial)]


class _StoreOfOneHeldJob:
    def __init__(self, obstacle: Obstacle) -> None:
        self._jobs = [Job(1, JobSpec("download", ("/a/f",), "/in/f"), JobState.PAUSED, 0, obstacle=obstacle)]

    async def held_jobs(self) -> list[Job]:
        return self._jobs


async def _seconds_until_released(jobs: HeldJobs, clock: Clock) -> float:
    """Hold the job and return the seconds until it is released."""
    began = clock.now
    jobs.schedule_check()
    while not await jobs.releasable():
        clock.now += CHECK_INTERVAL
    return clock.now - began


async def test_the_release_backoff_grows_and_is_reset_when_a_file_has_arrived(tmp_path: Path) -> None:
    clock = Clock()
    jobs = HeldJobs(_StoreOfOneHeldJob(Obstacle("space", str(tmp_path))), clock)  # type: ignore[arg-type]
    pauses = [await _seconds_until_released(jobs, clock) for _ in range(9)]
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 600, 600]
    jobs.reset_backoff(1)
    assert await _seconds_until_released(jobs, clock) == 5


async def test_a_file_that_has_arrived_resets_the_release_backoff_of_its_job(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/d/1", b"data")
    house.grid.put("/a/d/2", b"data")
    house.workers.faults = [full(tmp_path, need=1)]
    job = await house.submit(JobSpec("download", ("/a/d/",), f"{tmp_path}/in/"))
    await house.until_job(job.id, "paused")
    await later(house, 11)
    await house.ended(job.id)
    assert house.engine._held_jobs._backoffs == {}
