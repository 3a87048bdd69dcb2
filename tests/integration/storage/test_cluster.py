"""Copies on the workers of a real Dask cluster with TLS, whose processes have another HOME and TMPDIR."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from aliend.core.cli.transfer_settings import ClusterSettings
from aliend.errors import CopyError
from aliend.storage.cluster.executor import cluster_pool
from aliend.storage.pool.worker_pool import WorkerPool
from aliend.storage.tasks import Download, TaskOptions, WorkerDied
from tests.dask_cluster import DaskCluster, dask_cluster
from tests.integration.storage.conftest import (
    StorageElement,
    download,
    nothing,
    upload,
    xrootd_environment,
)

pytestmark = pytest.mark.xdist_group("dask")
OF_JOB = TaskOptions(job=1)
LIMIT = 90.0
"""Seconds for what a busy machine does in three."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    with dask_cluster(tmp_path_factory.mktemp("dask")) as some:
        yield some


@pytest.fixture
async def pool(cluster: DaskCluster) -> AsyncIterator[WorkerPool]:
    async with cluster_pool(cluster.settings, 1, xrootd_environment(), "/nowhere") as some:
        yield some


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


async def when_placed(pool: WorkerPool, *tasks: object) -> list[object]:
    """Run tasks in one place, as soon as the scheduler accepts clients."""
    async with asyncio.timeout(LIMIT):
        while True:
            try:
                async with pool.place((), lambda: None):
                    return [await pool.run(task, nothing, OF_JOB) for task in tasks]  # type: ignore[arg-type]
            except CopyError as error:
                if error.obstacle is None or error.obstacle.kind != "scheduler":
                    raise
                await asyncio.sleep(0.1)


async def test_files_are_copied_by_a_worker(
    cluster: DaskCluster, pool: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    worker = cluster.start_worker()
    content = os.urandom(3_000_000)
    await when_placed(pool, download(tmp_path / "file", content, se_one.put("/cluster-down", content)))
    await when_placed(pool, upload(tmp_path / "file", se_one.at("/cluster-up")))
    assert (tmp_path / "file").read_bytes() == content == se_one.content("/cluster-up")
    assert parent_of(pool.pids[0]) == worker.pid
    worker.kill()


async def test_a_killed_worker_returns_its_copies_without_blame(
    cluster: DaskCluster, pool: WorkerPool, own_se: StorageElement, tmp_path: Path
) -> None:
    worker = cluster.start_worker()
    source = own_se.put("/big", b"")
    os.truncate(own_se.root / "big", 1 << 40)
    begun = asyncio.Event()
    task = Download(9, (source,), str(tmp_path / "big"), 1 << 40, "", "never", 0o022, keep_free=0)
    async with asyncio.timeout(LIMIT), pool.place((), lambda: None):
        with own_se.frozen():
            copy = asyncio.create_task(pool.run(task, lambda _: begun.set(), OF_JOB))
            os.kill(worker.pid, signal.SIGKILL)
            with pytest.raises(WorkerDied) as lost:
                await copy
    assert lost.value.kind == "storage"


async def test_a_scheduler_without_tls_on_another_host_is_refused(tmp_path: Path) -> None:
    settings = ClusterSettings("tcp://192.0.2.1:8786")
    async with cluster_pool(settings, 1, xrootd_environment(), "/nowhere") as pool:
        with pytest.raises(CopyError, match="does not use TLS"):
            async with pool.place((), lambda: None):
                pass
