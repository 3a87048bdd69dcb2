"""A long queue of jobs of one file each, without copying: rates at its start and its end, and its cost while it waits.

`BENCH_JOBS` (30000).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aliend.core.transfers.job import JobSpec
from aliend.engine import Engine
from aliend.store import Store
from tests.bench.measurement import Stage, setting
from tests.bench.scheduler import NullWorkers, null_transfers
from tests.unit.engine.fakes import FakeCatalogue, Grid

PART = 1000
"""Jobs over which a rate is measured."""
SLOTS = 64
INTERVAL = 0.5
"""Seconds between two looks at the queue."""
WAITING = 10.0
"""Seconds for which the waiting queue is watched."""


def measure(stage: Stage) -> Iterator[str]:
    """Measure the submission, the waiting and the execution of the jobs, and one job of as many files as a part."""
    count = setting("BENCH_JOBS", 30_000)
    alone = 3 * PART / asyncio.run(null_transfers(stage.work, 3 * PART, SLOTS))
    yield f"{count} jobs of one file each that copy nothing, {SLOTS} at a time"
    yield from asyncio.run(_queue(stage.work, count))
    yield f"  files of one large job    {alone:6.0f} a second"


async def _queue(work: Path, count: int) -> list[str]:
    grid = Grid()
    for number in range(count):
        grid.put(f"/a/{number}", b"x")
    catalogue = FakeCatalogue(grid)
    (work / "many").mkdir()
    async with Store(work / "many.db") as store:
        engine = Engine(store, NullWorkers(grid), lambda _: catalogue, time.time, lambda: 0.5)
        engine.set_limits(files=0)
        async with engine:
            moments = [_now(0)]
            for number in range(count):
                await engine.submit(JobSpec("download", (f"/a/{number}",), f"{work}/many/{number}"), str(number))
                moments.append(_now(number + 1))
            lines = [_rates("submitted", moments)]
            await _followed(store, "state = 'active'", count)
            before = time.process_time()
            await asyncio.sleep(WAITING)
            used = 100 * (time.process_time() - before) / WAITING
            lines.append(f"  CPU while they wait     {used:8.2f} % of a core   (goal: about 0)")
            engine.set_limits(files=SLOTS, files_per_se=SLOTS)
            return [*lines, _rates("done", await _followed(store, "ended_ms > 0", count))]


@dataclass(frozen=True, slots=True)
class Moment:
    """Jobs so far, and seconds on the clock and of this process's CPU."""

    jobs: int
    clock: float
    cpu: float


def _now(jobs: int) -> Moment:
    return Moment(jobs, time.perf_counter(), time.process_time())


async def _followed(store: Store, condition: str, count: int) -> list[Moment]:
    """Wait until `count` jobs fulfil a condition; return the moments on the way."""
    moments: list[Moment] = []
    sql = f"SELECT count(*) FROM job WHERE {condition}"
    while not moments or moments[-1].jobs < count:
        await asyncio.sleep(INTERVAL if moments else 0)
        moments.append(_now(await store._database.read(lambda at: at.execute(sql).fetchone()[0])))
    return moments


def _rates(what: str, moments: list[Moment]) -> str:
    """Return the rates, with the CPU of one job, of the first jobs and of the last ones."""
    part = min(PART, moments[-1].jobs // 2)
    early = next(moment for moment in moments if moment.jobs >= moments[0].jobs + part)
    late = next(moment for moment in reversed(moments) if moment.jobs <= moments[-1].jobs - part)
    return f"  {what:<24}first {_rate(moments[0], early)}, last {_rate(late, moments[-1])}   (goal: the same)"


def _rate(begin: Moment, end: Moment) -> str:
    jobs = end.jobs - begin.jobs
    return f"{jobs / (end.clock - begin.clock):5.0f} a second ({1000 * (end.cpu - begin.cpu) / jobs:.2f} ms CPU)"
