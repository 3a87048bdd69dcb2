"""The clock jumps by up to a month, forwards or backwards, while copies fail and are retried: nothing waits for ever.

Engine and store are real and get the clock as an argument; catalogue and copies are fakes that fail.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from pathlib import Path

from aliend.core.transfers.job import JobSpec
from aliend.engine import Engine
from aliend.errors import CopyError, NotConnected
from aliend.store import Store
from tests.faults.campaign import Order, Report
from tests.unit.engine.conftest import Clock, House
from tests.unit.engine.fakes import FakeCatalogue, FakeWorkers, Grid

WHAT = "jumps of the clock"
ROUNDS, SHORT = 60, 10
_MONTH = 30 * 86400.0
_FILES = 5
_LIMIT = 30.0


def run(order: Order) -> Report:
    """Run a job with failures and jumps in each round, and restart now and then."""
    return asyncio.run(_run(order))


class _Jumping(Clock):
    """A clock that goes, and is set by adding to `now`."""

    def __call__(self) -> float:
        return self.now + time.monotonic()


async def _run(order: Order) -> Report:
    report, chance = Report(), random.Random(order.seed)
    with tempfile.TemporaryDirectory(prefix="clock") as place:
        house = _house(Path(place))
        await house.open()
        for number in range(order.rounds):
            await _round(house, Path(place), number, chance, report)
            report.faults += 1
        await house.close()
    return report


def _house(place: Path) -> House:
    grid, clock = Grid(), _Jumping(2e9)
    catalogue, workers, store = FakeCatalogue(grid), FakeWorkers(grid), Store(place / "aliend.db", clock)
    engine = Engine(store, workers, lambda _: catalogue, clock, lambda: 0.1)
    for number in range(_FILES):
        grid.put(f"/a/{number}", b"content")
    return House(place / "aliend.db", grid, catalogue, workers, clock, store, engine)


async def _round(house: House, place: Path, number: int, chance: random.Random, report: Report) -> None:
    house.workers.faults = [CopyError("busy", retry_after=chance.choice([0.0, 0.5])) for _ in range(6)]
    house.catalogue.before["stat"] = [NotConnected("no network")]
    job = await house.submit(JobSpec("download", ("/a/",), f"{place}/{number}/"))
    for _ in range(3):
        await asyncio.sleep(chance.uniform(0.0, 0.2))
        house.clock.now += chance.uniform(-_MONTH, _MONTH)
    if chance.random() < 0.3:
        await house.restart()
    try:
        ended = await asyncio.wait_for(house.engine.wait(job.id), _LIMIT)
    except TimeoutError:
        report.problems.append(f"round {number}: a job waits for ever after the clock has jumped")
        return
    if ended.files.done != _FILES:
        report.problems.append(f"round {number}: {ended.files}")
