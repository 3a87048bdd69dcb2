"""An engine with a real store, real workers and real xrootd servers; only the catalogue is a fake."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from aliend.engine import Engine
from aliend.storage.pool.worker_pool import WorkerPool
from aliend.store import Store
from tests.integration.storage.conftest import StorageElement, storage_element, xrootd_environment
from tests.unit.engine.fakes import FakeCatalogue, Grid

NAMES = ("A::B::SE1", "A::B::SE2", "A::B::SE3")


@dataclass
class RealGrid(Grid):
    """The fake's catalogue over servers that run."""

    servers: dict[str, StorageElement] = field(default_factory=dict)

    def url(self, se: str, guid: str) -> str:
        return f"root://127.0.0.1:{self.servers[se].port}//{guid}"

    def store(self, url: str, data: bytes) -> None:
        self._server(url).put(url.rpartition("/")[2], data)

    def content(self, url: str) -> bytes:
        return self._server(url).content(url.rpartition("/")[2])

    def new_guid(self) -> str:
        return f"{super().new_guid()}-{time.time_ns()}"

    def _server(self, url: str) -> StorageElement:
        return next(server for server in self.servers.values() if f":{server.port}/" in url)


@dataclass
class Daemon:
    """A store, copying processes and an engine; `restart` is the next daemon."""

    path: Path
    grid: RealGrid
    catalogue: FakeCatalogue
    store: Store = field(init=False)
    workers: WorkerPool = field(init=False)
    engine: Engine = field(init=False)

    async def open(self) -> None:
        self.store = Store(self.path)
        self.workers = WorkerPool(environment=xrootd_environment())
        self.engine = Engine(self.store, self.workers, lambda _: self.catalogue, time.time, lambda: 0.1)
        await self.store.__aenter__()
        await self.engine.__aenter__()

    async def close(self) -> None:
        await self.engine.close()
        await self.workers.close()
        await self.store.close()


def server(name: str, factory: pytest.TempPathFactory, stack: ExitStack) -> StorageElement:
    """Return the storage element of that name."""
    place = factory.mktemp(name.replace("::", "-"))
    return stack.enter_context(storage_element(name, place, "xrootd.chksum max 2 md5 adler32"))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, StorageElement]]:
    with ExitStack() as stack:
        yield {name: server(name, tmp_path_factory, stack) for name in NAMES}


@pytest.fixture
async def daemon(tmp_path: Path, servers: dict[str, StorageElement]) -> AsyncIterator[Daemon]:
    grid = RealGrid(ses=NAMES, servers=dict(servers))
    daemon = Daemon(tmp_path / "aliend.db", grid, FakeCatalogue(grid))
    await daemon.open()
    yield daemon
    await daemon.close()
