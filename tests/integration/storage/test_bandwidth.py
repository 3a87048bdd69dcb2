"""Bandwidth limits of real copies: they hold and can change while a copy runs."""

from __future__ import annotations

import asyncio
import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aliend.core.transfers.bandwidth import Rates
from aliend.storage.pool.worker_pool import WorkerPool
from aliend.storage.tasks import Compare, Read, Task, TaskOptions
from tests.integration.storage.conftest import StorageElement, download, md5, nothing, upload, web
from tests.integration.storage.test_worker_pool import Begun, big

SLOW = Rates(all=256 << 10)
"""A quarter of a MiB a second: the 400 MB of these tests would take half an hour."""


@pytest.fixture(scope="module")
def big_md5() -> str:
    return md5(bytes(400_000_000))


async def begun(
    workers: WorkerPool,
    task: Task[Any],
    terms: TaskOptions = TaskOptions(),  # noqa: B008 - frozen
) -> tuple[asyncio.Task[Any], Begun]:
    hears = Begun()
    copy = asyncio.create_task(workers.run(task, hears, terms))
    async with asyncio.timeout(60):
        await hears.event.wait()
    return copy, hears


async def test_a_limit_holds_and_is_lifted_while_the_copy_runs(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path, big_md5: str
) -> None:
    workers.bandwidth.set_rates(SLOW)
    copy, hears = await begun(workers, big(se_one, tmp_path / "t", big_md5))
    await asyncio.sleep(2)
    assert max(hears.sizes) < 4 << 20
    assert list(workers.bandwidth.throttled_rates().values()) == [SLOW.all]
    workers.bandwidth.set_rates(Rates())
    async with asyncio.timeout(60):
        await copy
    assert workers.bandwidth.throttled_rates() == {}


async def test_a_streamed_file_is_throttled_like_a_copy(workers: WorkerPool, se_one: StorageElement) -> None:
    content = bytes(3 << 20)
    task = Read(1, (se_one.put("/r/metered", content),), len(content), "", ((0, len(content)),))
    workers.bandwidth.set_rates(SLOW)
    async with workers.open_read(task) as stream:
        assert await stream.read()
        assert list(workers.bandwidth.throttled_rates().values()) == [SLOW.all]
        workers.bandwidth.set_rates(Rates())
        while await stream.read():
            continue
    assert workers.bandwidth.throttled_rates() == {}


async def test_a_running_copy_is_throttled(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path, big_md5: str
) -> None:
    copy, hears = await begun(workers, big(se_one, tmp_path / "t", big_md5))
    workers.bandwidth.set_rates(SLOW)
    await asyncio.sleep(1)
    seen = max(hears.sizes)
    await asyncio.sleep(2)
    assert max(hears.sizes) - seen < 8 << 20
    assert not copy.done()
    copy.cancel()
    await asyncio.wait([copy])


async def test_a_throttled_copy_is_cancelled_immediately(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path, big_md5: str
) -> None:
    workers.bandwidth.set_rates(Rates(all=1024))
    copy, _ = await begun(workers, big(se_one, tmp_path / "t", big_md5))
    await asyncio.sleep(0.5)
    copy.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait([copy])
    assert copy.cancelled()


async def test_a_job_and_a_storage_element_have_limits_of_their_own(
    workers: WorkerPool, se_one: StorageElement, se_two: StorageElement, tmp_path: Path, big_md5: str
) -> None:
    workers.bandwidth.set_rates(Rates(named={"ONE": 100 << 10}))
    slow, _ = await begun(workers, big(se_one, tmp_path / "t", big_md5))
    slower, _ = await begun(workers, big(se_two, tmp_path / "u", big_md5, id=2), TaskOptions(job=7, rate=50 << 10))
    async with asyncio.timeout(60):
        await workers.run(big(se_two, tmp_path / "v", big_md5, id=3), nothing, TaskOptions(job=8))
    assert workers.bandwidth.throttled_rates() == {1: 100 << 10, 2: 50 << 10}
    workers.bandwidth.set_job_rate(7, 0)
    async with asyncio.timeout(60):
        await slower
    assert not slow.done()
    slow.cancel()
    await asyncio.wait([slow])


async def test_uploads_are_throttled_too(workers: WorkerPool, se_one: StorageElement, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4096
    (tmp_path / "s").write_bytes(content)
    workers.bandwidth.set_rates(Rates(up=2 << 20))
    result = await workers.run(upload(tmp_path / "s", se_one.at("/limited/up")), nothing)
    assert result.md5 == md5(content)
    assert se_one.content("/limited/up") == content


async def require_slow(workers: WorkerPool, task: Task[Any]) -> Begun:
    """Require that a copy of at least 40 MiB is throttled and still runs after some seconds; then stop it."""
    workers.bandwidth.set_rates(SLOW)
    hears = Begun()
    copy = asyncio.create_task(workers.run(task, hears))
    async with asyncio.timeout(60):
        for _ in iter(lambda: bool(workers.bandwidth.throttled_rates()), True):
            await asyncio.sleep(0.02)
    await asyncio.sleep(3)
    assert list(workers.bandwidth.throttled_rates().values()) == [SLOW.all]
    assert not copy.done()
    assert max(hears.sizes, default=0) < 4 << 20
    copy.cancel()
    await asyncio.wait([copy])
    return hears


async def test_downloads_over_http_are_throttled_too(
    http_se: tuple[StorageElement, int], workers: WorkerPool, tmp_path: Path
) -> None:
    content = bytes(40 << 20)
    await require_slow(workers, download(tmp_path / "t", content, web(http_se, "/d/limited", content)))


async def test_a_whole_archive_is_throttled_by_its_own_bytes(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    """A member of five bytes costs the 40 MiB of its archive."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("small", b"small")
        archive.writestr("large", bytes(40 << 20))
    source = se_one.put("/whole.zip", packed.getvalue())
    task = download(tmp_path / "t", b"small", replace(source, url=f"{source.url}#small"))
    assert (await require_slow(workers, replace(task, whole_archive=True))).sizes == []
    workers.bandwidth.set_rates(Rates())
    await workers.run(replace(task, whole_archive=True), nothing)
    assert (tmp_path / "t").read_bytes() == b"small"


async def test_a_plain_file_is_throttled_with_whole_archives(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path, big_md5: str
) -> None:
    await require_slow(workers, replace(big(se_one, tmp_path / "t", big_md5), whole_archive=True))


async def test_reading_back_is_throttled_too(workers: WorkerPool, se_one: StorageElement) -> None:
    content = bytes(40 << 20)
    task = Compare(1, (se_one.put("/back", content),), len(content), md5(content))
    await require_slow(workers, task)
    workers.bandwidth.set_rates(Rates())
    assert (await workers.run(task, nothing)).failures == ()


async def test_many_small_files_return_their_unused_credit(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    """Each is granted more than it has: if that were lost, these would take ten minutes."""
    workers.bandwidth.set_rates(Rates(all=1 << 20))
    files = [(se_one.put(f"/small/{n}", bytes([n])), bytes([n])) for n in range(60)]
    tasks = [download(tmp_path / f"s{n}", content, source, id=n) for n, (source, content) in enumerate(files)]
    async with asyncio.timeout(60):
        await asyncio.gather(*(workers.run(task, nothing) for task in tasks))
