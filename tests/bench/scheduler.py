"""The scheduler's cost per file, without copying."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from aliend.core.transfers.job import JobSpec
from aliend.engine import Engine
from aliend.storage.tasks import Downloaded, TaskOptions
from aliend.store import Store
from tests.bench.measurement import Stage, setting
from tests.unit.engine.fakes import FakeCatalogue, FakeWorkers, Grid


class NullWorkers(FakeWorkers):
    """Workers that copy nothing, so only the scheduler, the engine and the database cost time."""

    def of(self, terms: TaskOptions) -> NullWorkers:
        return self

    async def run(self, task: Any, on_progress: Callable[[int], None]) -> Any:  # noqa: ANN401 - as its base
        return Downloaded(task.size, task.md5, "", kept=True, warning="")


def measure(stage: Stage) -> Iterator[str]:
    """Measure null transfers."""
    count, files = setting("BENCH_NULL_FILES", 3000), setting("BENCH_NULL_SLOTS", 64)
    seconds = asyncio.run(null_transfers(stage.work, count, files))
    yield f"{count} transfers that copy nothing, {files} at a time, each claimed and finished durably"
    yield f"  {seconds:6.2f} s   {count / seconds:6.0f} files/s   (goal: 2000 files/s)"


async def null_transfers(work: Path, count: int, files: int) -> float:
    """Return the seconds from the first start to the end of `count` files of one job."""
    grid = Grid()
    for number in range(count):
        grid.put(f"/a/{number}", b"x")
    catalogue = FakeCatalogue(grid)
    async with Store(work / "null.db") as store:
        engine = Engine(store, NullWorkers(grid), lambda _: catalogue, time.time, lambda: 0.5)
        engine.set_limits(files=files, files_per_se=files)
        async with engine:
            (work / "null").mkdir()
            job = await engine.submit(JobSpec("download", ("/a/",), f"{work}/null/", interactive=True), "null")
            begin = time.perf_counter()
            await engine.wait(job.id)
            return time.perf_counter() - begin
