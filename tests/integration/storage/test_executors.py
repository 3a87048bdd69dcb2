"""The port of executors: the same copies by processes of this machine and on the workers of a real Dask cluster.

The cluster uses TLS; its processes have another HOME and TMPDIR.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from distributed import Client
from distributed.security import Security

from aliend import VERSION
from aliend.core.cli.executor import dask_executor
from aliend.core.cli.transfer_settings import ClusterSettings
from aliend.core.transfers.bandwidth import Rates
from aliend.errors import CopyError, Obstacle
from aliend.storage.cluster import copier
from aliend.storage.cluster.executor import DaskExecutor, cluster_pool
from aliend.storage.pool.cluster_pool import ClusterPool
from aliend.storage.pool.local_process import LocalExecutor
from aliend.storage.pool.scheduler_address import is_reachable
from aliend.storage.pool.worker_pool import WorkerPool
from aliend.storage.tasks import Download, Downloaded, R, RemovePartial, Task, TaskOptions, WorkerDied
from tests.dask_cluster import DaskCluster, copying_pids, dask_cluster
from tests.integration.storage.conftest import StorageElement, download, md5, nothing, upload, xrootd_environment
from tests.integration.storage.test_worker_pool import Begun, until

pytestmark = [pytest.mark.xdist_group("dask"), pytest.mark.asyncio(loop_scope="module")]
_WINDOW = 300
"""Moments, at least 20 ms apart, between which the bandwidth is measured."""
LIMIT = 90.0
"""Seconds for what a busy machine does in three."""
MAX_CANCEL = 12.0
MAX_WITHDRAWN = 40.0
"""Seconds after which an offer that nobody wants has ended; one that waits for its daemon lasts a minute."""
SIZE = 40 << 20
SLOW = 2 << 20
"""Bytes per second, so that a copy of `SIZE` bytes lasts until a test ends it."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """A cluster of two workers."""
    with dask_cluster(tmp_path_factory.mktemp("dask")) as some:
        some.start_worker()
        some.start_worker()
        yield some


@pytest.fixture(scope="module")
def content() -> bytes:
    return os.urandom(SIZE)


def pool_of(settings: ClusterSettings, processes: int = 1) -> WorkerPool:
    """Return a pool whose copies run on a Dask cluster."""
    environment = xrootd_environment()

    def connect(name: str, local: WorkerPool) -> ClusterPool:
        return cluster_pool(replace(settings, scheduler=name), processes, environment, "/nowhere", local)

    return WorkerPool(environment=environment, executor=dask_executor(settings.scheduler), connect=connect)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def on_cluster(cluster: DaskCluster) -> AsyncIterator[WorkerPool]:
    async with pool_of(cluster.settings, 2) as some:
        yield some


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def on_this_machine() -> AsyncIterator[WorkerPool]:
    async with WorkerPool(environment=xrootd_environment()) as some:
        yield some


@pytest.fixture(params=["on_this_machine", "on_cluster"])
def pool(request: pytest.FixtureRequest) -> WorkerPool:
    """Return a pool of each implementation."""
    some: WorkerPool = request.getfixturevalue(request.param)
    some.bandwidth.set_rates(Rates())
    return some


def client_of(settings: ClusterSettings) -> Client:
    """Return a client of its own for the cluster."""
    security = Security(
        require_encryption=True, tls_ca_file=settings.ca, tls_client_cert=settings.cert, tls_client_key=settings.key
    )
    return Client(settings.scheduler, security=security, asynchronous=True)


async def offers(client: Client) -> set[str]:
    """Return the keys of the offers that the workers of the cluster hold."""
    found = await client.run(lambda: [*copier._offers])
    return {key for keys in found.values() for key in keys}


async def placed(
    pool: WorkerPool,
    task: Task[R],
    on_progress: Callable[[int], None] = nothing,
    attempt: int = 1,
    options: TaskOptions | None = None,
) -> R:
    """Run a task in a slot of its own, as soon as the scheduler accepts clients."""
    options = replace(options or TaskOptions(), job=1, attempt=attempt)
    async with asyncio.timeout(LIMIT):
        while True:
            try:
                async with pool.reserve_slot(options, lambda: None):
                    return await pool.run(task, on_progress, options)
            except CopyError as error:
                if error.obstacle is None or error.obstacle.kind != "scheduler":
                    raise
                await asyncio.sleep(0.1)


async def begun(pool: WorkerPool, task: Download, attempt: int = 1) -> tuple[asyncio.Task[Downloaded], Begun]:
    hears = Begun()
    copy = asyncio.create_task(placed(pool, task, hears, attempt))
    async with asyncio.timeout(LIMIT):
        await hears.event.wait()
    return copy, hears


async def check_resumed(pool: WorkerPool, task: Download, copied: int) -> None:
    """Run a second attempt, slow until it reports progress, and check that it starts after the bytes already copied."""
    copy, hears = await begun(pool, task, attempt=2)
    pool.bandwidth.set_rates(Rates())
    await copy
    assert min(hears.sizes) >= copied > 0


def large(element: StorageElement, target: Path, content: bytes, id: int = 1) -> Download:
    return download(target, content, element.put("/large", content), id=id)


async def noticed(pool: WorkerPool, ended: Collection[int]) -> None:
    """Wait until the pool has noticed the end of these processes; until then it may choose them for a copy."""
    await until(lambda: not {*ended} & {*pool.pids}, LIMIT)


def partial_files(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir() if path.suffix == ".part"]


async def test_files_are_copied_in_both_directions(pool: WorkerPool, se_one: StorageElement, tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    target = tmp_path / "new" / "file"
    done = await placed(pool, download(target, content, se_one.put("/port-down", content)))
    assert (done.md5, target.read_bytes(), target.stat().st_mode & 0o777) == (md5(content), content, 0o644)
    path = f"/port-up-{os.urandom(4).hex()}"
    assert (await placed(pool, upload(target, se_one.at(path)))).replicas[0].error == ""
    assert se_one.content(path) == content
    assert partial_files(target.parent) == []


async def test_small_files_are_copied_in_a_batch(pool: WorkerPool, se_one: StorageElement, tmp_path: Path) -> None:
    files = {n: os.urandom(100) for n in range(20)}
    tasks = [download(tmp_path / f"{n}", data, se_one.put(f"/many/{n}", data), id=n + 1) for n, data in files.items()]
    await placed(pool, tasks[0])
    options = [TaskOptions(job=1, attempt=1)] * len(tasks[1:])
    async with asyncio.timeout(LIMIT), pool.reserve_slot(TaskOptions(), lambda: None):
        await asyncio.gather(*await pool.start_batch(tasks[1:], {"ONE": 8}, options))
    assert {n: (tmp_path / f"{n}").read_bytes() for n in files} == files
    assert partial_files(tmp_path) == []


async def test_an_existing_file_is_kept_or_refused(pool: WorkerPool, se_one: StorageElement, tmp_path: Path) -> None:
    source = se_one.put("/there", b"content")
    (tmp_path / "other").write_bytes(b"another")
    with pytest.raises(CopyError, match="exists and differs") as refused:
        await placed(pool, download(tmp_path / "other", b"content", source))
    assert refused.value.kind == "permanent"
    (tmp_path / "same").write_bytes(b"content")
    assert (await placed(pool, download(tmp_path / "same", b"content", source, overwrite="changed"))).kept
    assert partial_files(tmp_path) == []


async def test_a_cancelled_copy_stops_in_time_and_the_next_attempt_resumes_it(
    pool: WorkerPool, own_se: StorageElement, tmp_path: Path, content: bytes
) -> None:
    pool.bandwidth.set_rates(Rates(all=SLOW))
    task = large(own_se, tmp_path / "file", content)
    copy, hears = await begun(pool, task)
    with own_se.frozen():
        started = time.monotonic()
        copy.cancel()
        await asyncio.wait([copy])
        assert time.monotonic() - started < MAX_CANCEL
    assert copy.cancelled()
    await check_resumed(pool, task, max(hears.sizes))
    assert (tmp_path / "file").read_bytes() == content
    assert partial_files(tmp_path) == []


async def test_copies_together_have_the_bandwidth_of_the_limit(
    pool: WorkerPool, se_one: StorageElement, tmp_path: Path, content: bytes
) -> None:
    """The processes lease their shares; a busy machine may starve them for some seconds."""
    pool.bandwidth.set_rates(Rates(all=SLOW))
    copies = [await begun(pool, large(se_one, tmp_path / f"{n}", content, n)) for n in range(1, 5)]
    moments: deque[tuple[float, int]] = deque(maxlen=_WINDOW)

    def is_exact() -> bool:
        moments.append((time.monotonic(), sum(max(hears.sizes) for _, hears in copies)))
        (start, first), (end, last) = moments[0], moments[-1]
        return len(moments) == _WINDOW and (last - first) / (end - start) == pytest.approx(SLOW, rel=0.05)

    await until(is_exact, LIMIT)
    for copy, _ in copies:
        copy.cancel()
    await asyncio.wait([copy for copy, _ in copies])


async def test_a_dead_process_is_replaced_and_the_next_attempt_resumes(
    pool: WorkerPool, own_se: StorageElement, tmp_path: Path, content: bytes
) -> None:
    pool.bandwidth.set_rates(Rates(all=SLOW))
    task = large(own_se, tmp_path / "file", content)
    copy, hears = await begun(pool, task)
    killed = pool.pids
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(WorkerDied, match="was killed by SIGKILL"):
        await copy
    await noticed(pool, killed)
    await check_resumed(pool, task, max(hears.sizes))
    assert (tmp_path / "file").read_bytes() == content
    assert partial_files(tmp_path) == []


async def test_a_dead_worker_is_replaced_and_no_file_is_blamed(
    cluster: DaskCluster, on_cluster: WorkerPool, own_se: StorageElement, tmp_path: Path, content: bytes
) -> None:
    on_cluster.bandwidth.set_rates(Rates(all=SLOW))
    task = large(own_se, tmp_path / "file", content)
    copy, hears = await begun(on_cluster, task)
    by_worker = {worker: {*copying_pids(worker.pid)} & {*on_cluster.pids} for worker in cluster.workers}
    for worker in [worker for worker, pids in by_worker.items() if pids]:
        worker.kill()
        cluster.start_worker()
    with pytest.raises(WorkerDied, match="was lost with its worker") as lost:
        await copy
    assert lost.value.kind == "lost"
    await noticed(on_cluster, set().union(*by_worker.values()))
    await check_resumed(on_cluster, task, max(hears.sizes))
    assert (tmp_path / "file").read_bytes() == content


class ConnectedExecutor(LocalExecutor):
    """Starts processes on this machine as if that were a cluster."""

    scheduler_id = "here"

    async def connect(self) -> str:
        """Return the id of the scheduler."""
        return self.scheduler_id


async def test_partial_files_are_removed_on_this_machine(tmp_path: Path) -> None:
    """The executor stands for a cluster, whose process runs already."""

    def connect(_: str, local: WorkerPool) -> ClusterPool:
        return ClusterPool("here", ConnectedExecutor(), 1, environment, "/nowhere", local)

    environment = xrootd_environment()
    pool = WorkerPool(environment=environment, executor=dask_executor("here"), connect=connect)
    async with pool, pool.reserve_slot(TaskOptions(), lambda: None):
        await until(lambda: bool(pool.pids), LIMIT)
        (elsewhere,) = pool.pids
        await pool.run(RemovePartial(1, str(tmp_path / "file"), attempts=3), nothing)
        assert [pid for pid in pool.pids if pid != elsewhere]


async def test_names_of_one_scheduler_share_its_processes(se_one: StorageElement, tmp_path: Path) -> None:
    with dask_cluster(tmp_path) as small:
        worker = small.start_worker(threads=1)
        (tmp_path / "scheduler.json").write_text(json.dumps({"address": small.settings.scheduler}))
        names = (
            small.settings.scheduler,
            small.settings.scheduler.replace("127.0.0.1", "localhost"),
            str(tmp_path / "scheduler.json"),
        )
        async with pool_of(small.settings) as pool:
            pids = []
            for number, name in enumerate(names):
                task = download(tmp_path / f"{number}", b"content", se_one.put("/named", b"content"))
                await placed(pool, task, options=TaskOptions(executor=dask_executor(name)))
                pids += copying_pids(worker.pid)
    assert len(pids) == len(names)
    assert len({*pids}) == 1


async def test_an_idle_process_gives_its_thread_to_copies_with_other_variables(
    se_one: StorageElement, tmp_path: Path
) -> None:
    with dask_cluster(tmp_path) as small:
        small.start_worker(threads=1)
        async with pool_of(small.settings) as pool:
            for window in ("60", "61"):
                task = download(tmp_path / window, b"content", se_one.put("/varied", b"content"))
                await placed(pool, task, options=TaskOptions(settings=(("XRD_CONNECTIONWINDOW", window),)))


async def test_a_scheduler_without_tls_on_another_host_is_refused() -> None:
    settings = ClusterSettings("tcp://192.0.2.1:8786")
    async with pool_of(settings) as pool:
        with pytest.raises(CopyError, match="does not use TLS") as refused:
            async with pool.reserve_slot(TaskOptions(), lambda: None):
                pass
    assert refused.value.obstacle is not None
    assert refused.value.obstacle.kind == "other"


async def test_a_scheduler_that_does_not_accept_the_certificate_is_reported_as_that(
    cluster: DaskCluster, tmp_path: Path
) -> None:
    with dask_cluster(tmp_path, starts=False) as foreign:
        wrong = ClusterSettings(
            cluster.settings.scheduler, cluster.settings.ca, foreign.settings.cert, foreign.settings.key
        )
    async with pool_of(wrong) as pool:
        with pytest.raises(CopyError, match=r"refuses .*, which tls_cert in") as refused:
            async with asyncio.timeout(LIMIT), pool.reserve_slot(TaskOptions(), lambda: None):
                pass
    assert refused.value.obstacle is not None
    assert refused.value.obstacle.kind == "other"


async def test_a_scheduler_that_is_lost_while_it_has_an_offer_is_the_obstacle(tmp_path: Path) -> None:
    with dask_cluster(tmp_path) as lonely:
        settings = lonely.settings
        executor = DaskExecutor(settings, xrootd_environment())
        await until(lambda: is_reachable(settings.scheduler), LIMIT)
        start = asyncio.create_task(executor.start({}))
        async with asyncio.timeout(LIMIT), client_of(settings) as client:
            while not await client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.tasks)):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        lonely.kill_all()
        with pytest.raises(CopyError, match="lost the Dask scheduler") as lost:
            await start
        assert lost.value.obstacle == Obstacle("scheduler", settings.scheduler)
        await executor.close()


async def test_an_abandoned_offer_frees_its_thread(tmp_path: Path) -> None:
    """Dask repeats the offer of a lost worker on another one, although the daemon has given it up."""
    with dask_cluster(tmp_path) as lonely:
        lonely.start_worker(threads=1)
        await until(lambda: is_reachable(lonely.settings.scheduler), LIMIT)
        async with asyncio.timeout(LIMIT), client_of(lonely.settings) as client:
            future = client.submit(copier.offer, "offer", VERSION, "topic", key="offer", pure=False)
            while "offer" not in await offers(client):  # noqa: ASYNC110 - a worker has no event for it
                await asyncio.sleep(0.1)
            future.release()
            async with asyncio.timeout(MAX_WITHDRAWN):
                assert await client.submit(abs, -1) == 1


@pytest.mark.parametrize(
    ("files", "problem"),
    [(("", "", ""), "set tls_ca in"), (("/etc/passwd", "/etc/passwd", "/none"), "cannot read /none, which tls_key in")],
)
async def test_a_missing_certificate_for_the_scheduler_is_named(files: tuple[str, str, str], problem: str) -> None:
    executor = DaskExecutor(ClusterSettings("tls://127.0.0.1:1", *files), xrootd_environment())
    with pytest.raises(CopyError, match=problem):
        await executor.start({})
    await executor.close()
