"""An engine on a real store and fakes, and a clock that the test moves."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from aliend.core.transfers.job import JobSpec
from aliend.engine import Engine, JobView, TransferView
from aliend.store import Store
from tests.unit.engine.fakes import FakeCatalogue, FakeWorkers, Grid

DEADLINE = 20.0


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class House:
    """An engine with its neighbours; `restart` is a new daemon on what the old one left."""

    path: Path
    grid: Grid
    catalogue: FakeCatalogue
    workers: FakeWorkers
    clock: Clock
    store: Store
    engine: Engine
    requests: int = 0

    async def submit(self, spec: JobSpec) -> JobView:
        self.requests += 1
        return await self.engine.submit(spec, f"request-{self.requests}")

    async def done(self, spec: JobSpec) -> JobView:
        return await self.ended((await self.submit(spec)).id)

    async def ended(self, job: int) -> JobView:
        return await asyncio.wait_for(self.engine.wait(job), DEADLINE)

    async def only(self, job: int) -> TransferView:
        (transfer,) = await self.engine.transfers(job)
        return transfer

    async def until(self, job: int, state: str) -> None:
        """Wait until the only transfer of the job is in `state`."""
        await self._until(lambda: self._transfer_states(job), [state])

    async def until_states(self, job: int, states: list[str]) -> None:
        """Wait until the transfers of the job are in these states, in their order."""
        await self._until(lambda: self._transfer_states(job), states)

    async def until_job(self, job: int, state: str) -> JobView:
        """Wait until the job is in `state`."""
        await self._until(lambda: self._job_state(job), state)
        return await self.engine.job(job)

    async def until_done(self, job: int, files: int) -> None:
        """Wait until so many files of the job are done."""
        await self._until(lambda: self._files_done(job), files)

    async def _files_done(self, job: int) -> int:
        return (await self.engine.job(job)).files.done

    async def _transfer_states(self, job: int) -> list[str]:
        return [one.state for one in await self.engine.transfers(job)]

    async def _job_state(self, job: int) -> str:
        return (await self.engine.job(job)).state

    async def _until(self, look: Callable[[], Awaitable[object]], expected: object) -> None:
        changed = self.store.watch()
        try:
            async with asyncio.timeout(DEADLINE):
                while await look() != expected:
                    await changed.wait()
                    changed.clear()
        finally:
            self.store.unwatch(changed)

    def build(self) -> None:
        self.engine = Engine(self.store, self.workers, lambda _: self.catalogue, self.clock, lambda: 0.5)

    async def open(self) -> None:
        self.store = Store(self.path, self.clock)
        await self.store.__aenter__()
        self.build()
        await self.engine.__aenter__()

    async def close(self) -> None:
        await self.engine.close()
        await self.store.close()

    async def restart(self) -> None:
        await self.close()
        await self.open()

    async def crash(self) -> None:
        """Restart while a request to the service hangs, without waiting for it."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("aliend.engine.engine._STOP_LIMIT", 0.01)
            await self.restart()


async def eventually(condition: Callable[[], object]) -> None:
    """Return when the condition holds; fail after the deadline."""
    async with asyncio.timeout(DEADLINE):
        for _ in iter(condition, True):
            await asyncio.sleep(0.001)


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a new database: a copy of it costs a fraction of the migrations."""
    directory = tmp_path_factory.mktemp("database")

    async def create() -> None:
        async with Store(directory / "aliend.db", Clock()):
            pass

    asyncio.run(create())
    return directory


@pytest.fixture
async def house(tmp_path: Path, new_database: Path) -> AsyncIterator[House]:
    grid = Grid()
    clock = Clock()
    shutil.copytree(new_database, tmp_path, dirs_exist_ok=True)
    store = Store(tmp_path / "aliend.db", clock)
    catalogue, workers = FakeCatalogue(grid), FakeWorkers(grid)
    engine = Engine(store, workers, lambda _: catalogue, clock, lambda: 0.5)
    house = House(tmp_path / "aliend.db", grid, catalogue, workers, clock, store, engine)
    await house.open()
    yield house
    await house.close()
