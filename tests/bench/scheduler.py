"""The scheduler: its own cost for each file, how well bandwidth limits hold, and what a user notices meanwhile."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from aliend.core.job import JobSpec
from aliend.engine import Engine
from aliend.storage.tasks import Downloaded, Terms
from aliend.store import Store
from tests.bench.stage import Stage, percentile, setting, timed
from tests.unit.engine.fakes import FakeCatalogue, FakeWorkers, Grid

MIB = 1 << 20
WINDOW = 5.0
"""Seconds over which a limit has to hold."""


class NullWorkers(FakeWorkers):
    """Copies nothing, at once: what is left is the cost of the scheduler, the engine and the database."""

    def of(self, terms: Terms) -> NullWorkers:
        return self

    async def run(self, task: Any, on_progress: Callable[[int], None]) -> Any:  # noqa: ANN401 - as its base
        return Downloaded(task.size, task.md5, "", kept=True, warning="")


def measure(stage: Stage) -> Iterator[str]:
    """Null transfers, limits on bandwidth, and `ls` while files move."""
    count, files = setting("BENCH_NULL_FILES", 3000), setting("BENCH_NULL_SLOTS", 64)
    seconds = asyncio.run(null_transfers(stage.work, count, files))
    yield f"{count} transfers that copy nothing, {files} at a time, each claimed and finished durably"
    yield f"  {seconds:6.2f} s   {count / seconds:6.0f} files/s"
    home = stage.home()
    big = stage.work / "big"
    with big.open("wb") as file:
        file.truncate(256 * MIB)
    stage.must("cp", f"file:{big}", f"{home}limited@disk:1")
    yield from _bandwidth(stage, f"{home}limited")
    yield from _latency(stage, f"{home}limited")


async def null_transfers(work: Path, count: int, files: int) -> float:
    """Seconds from the first start to the end of `count` files of one job."""
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


def _bandwidth(stage: Stage, lfn: str) -> Iterator[str]:
    rate = setting("BENCH_RATE_MIB", 20)
    yield f"rate={rate}M, bytes in the worst and the best {WINDOW:.0f} s of 8 s"
    stage.must("transfers", "limit", f"rate={rate}M", "files=17", "se=17")
    try:
        for copies in (1, 4, 16):
            target = stage.work / f"limited-{copies}"
            target.mkdir()
            jobs = _started(stage, lfn, target, copies)
            time.sleep(1)
            low, high = _windows(target, 8.0)
            _cancel(stage, jobs)
            shutil.rmtree(target)
            limit = rate * MIB * WINDOW
            yield f"  {copies:2} files {100 * low / limit:6.1f} % to {100 * high / limit:6.1f} % of the limit"
    finally:
        stage.must("transfers", "limit", "rate=default", "files=default", "se=default")


def _latency(stage: Stage, lfn: str) -> Iterator[str]:
    yield "alienctl ls of the home directory, seconds of the whole command"
    idle = [timed(lambda: stage.must("ls")) for _ in range(50)]
    yield f"  idle                p50 {percentile(idle, 0.5):.3f}   p99 {percentile(idle, 0.99):.3f}"
    stage.must("transfers", "limit", "files=17", "se=17", "rate=100M")
    target = stage.work / "busy"
    target.mkdir()
    jobs = _started(stage, lfn, target, 16)
    busy = [timed(lambda: stage.must("ls")) for _ in range(50)]
    _cancel(stage, jobs)
    stage.must("transfers", "limit", "files=default", "se=default", "rate=default")
    yield f"  16 transfers        p50 {percentile(busy, 0.5):.3f}   p99 {percentile(busy, 0.99):.3f}"


def _started(stage: Stage, lfn: str, target: Path, copies: int) -> list[str]:
    """Jobs that bring the file so many times."""
    return [stage.must("cp", "--detach", lfn, f"file:{target}/{number}") for number in range(copies)]


def _cancel(stage: Stage, jobs: list[str]) -> None:
    for job in jobs:
        stage.must("transfers", "cancel", job.split()[0])


def _windows(target: Path, seconds: float) -> tuple[float, float]:
    """The least and the most bytes that came in any window, as the partial files grow."""
    seen: list[tuple[float, int]] = []
    until = time.perf_counter() + seconds
    while (now := time.perf_counter()) < until:
        seen.append((now, sum(path.stat().st_size for path in target.rglob(".*.part"))))
        time.sleep(0.1)
    sums = [
        (later - sooner) * WINDOW / (at - began)
        for number, (began, sooner) in enumerate(seen)
        for at, later in seen[number + 1 :]
        if WINDOW <= at - began < WINDOW + 0.2
    ]
    return min(sums), max(sums)
