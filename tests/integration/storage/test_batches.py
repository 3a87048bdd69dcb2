"""Batches of small files on real storage elements."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

from aliend.errors import CopyError
from aliend.storage.io.partial_file import partial_name
from aliend.storage.pool.worker_pool import WorkerPool
from aliend.storage.tasks import Download, LeftBatch, ReplicaUrl, TaskOptions, Upload, WorkerDied
from tests.integration.storage.conftest import StorageElement, download, free_port, md5, nothing, upload

FILES = 20


async def run(workers: WorkerPool, tasks: list[Any], window: int = 8) -> list[Any]:
    """The results, or exceptions, of a batch."""
    ses = {one.se for task in tasks for one in (task.sources if isinstance(task, Download) else task.targets)}
    results = await workers.start_batch(tasks, dict.fromkeys(ses, window), [TaskOptions()] * len(tasks))
    async with asyncio.timeout(60):
        return await asyncio.gather(*results, return_exceptions=True)


def downloads(se: StorageElement, directory: Path, files: int = FILES) -> list[Download]:
    return [
        download(directory / f"{n:02}", f"{n}".encode(), se.put(f"/batch/{n:02}", f"{n}".encode()), id=n + 1)
        for n in range(files)
    ]


async def test_a_batch_is_downloaded(workers: WorkerPool, se_one: StorageElement, tmp_path: Path) -> None:
    target = tmp_path / "new"
    results = await run(workers, downloads(se_one, target), window=3)
    assert [(one.size, one.md5, one.se, one.kept) for one in results] == [
        (len(f"{n}"), md5(f"{n}".encode()), "ONE", False) for n in range(FILES)
    ]
    assert {path.name: path.read_bytes() for path in target.iterdir()} == {
        f"{n:02}": f"{n}".encode() for n in range(FILES)
    }
    assert {path.stat().st_mode & 0o777 for path in target.iterdir()} == {0o644}
    assert os.getxattr(target / "03", "user.md5").decode() == md5(b"3")
    assert len(workers.pids) == 1


async def test_unusual_files_leave_the_batch_unchanged(
    workers: WorkerPool, se_one: StorageElement, se_two: StorageElement, tmp_path: Path
) -> None:
    """A target that exists, a partial file, wrong bytes, a wrong size, a missing file, no md5: the rest arrives."""
    tasks = downloads(se_one, tmp_path)
    (tmp_path / "00").write_bytes(b"mine")
    (tmp_path / partial_name("01", 2)).write_bytes(b"1")
    tasks[2] = replace(tasks[2], md5=md5(b"other"))
    tasks[3] = replace(tasks[3], size=2)
    tasks[4] = replace(tasks[4], sources=(se_one.at("/batch/none"),))
    tasks[5] = replace(tasks[5], md5="")
    results = await run(workers, tasks)
    assert [type(one) for one in results[:6]] == [LeftBatch] * 6
    assert not any(isinstance(one, BaseException) for one in results[6:])
    assert (tmp_path / "00").read_bytes() == b"mine"
    assert not any((tmp_path / f"{n:02}").exists() for n in range(1, 6))
    for number in (1, 5):  # the usual copy takes over
        await workers.run(tasks[number], nothing)
        assert (tmp_path / f"{number:02}").read_bytes() == f"{number}".encode()


async def test_files_of_a_dead_server_leave_the_batch(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    failures: list[tuple[str, str]] = []
    tasks = downloads(se_one, tmp_path)
    dead = replace(se_one.at("/batch/00"), url=f"root://127.0.0.1:{free_port()}//x", se="DEAD")
    tasks[0] = replace(tasks[0], sources=(dead,))
    options = [TaskOptions(on_failure=lambda se, why: failures.append((se, why))) for _ in tasks]
    results = await workers.start_batch(tasks, {"ONE": 8, "DEAD": 8}, options)
    done = await asyncio.gather(*results, return_exceptions=True)
    assert isinstance(done[0], LeftBatch)
    assert not any(isinstance(one, BaseException) for one in done[1:])
    assert [se for se, _ in failures] == ["DEAD"]


async def test_files_that_wait_for_a_frozen_server_leave_the_batch(
    workers: WorkerPool, se_one: StorageElement, se_two: StorageElement, tmp_path: Path
) -> None:
    """Those in flight go on; those behind them return at once, and those of other servers arrive."""
    tasks = [*downloads(se_one, tmp_path / "one"), *downloads(se_two, tmp_path / "two", 8)]
    with se_two.frozen():
        results = await workers.start_batch(tasks, {"ONE": 4, "TWO": 2}, [TaskOptions()] * len(tasks))
        async with asyncio.timeout(60):
            done = await asyncio.gather(*results[:FILES], *results[FILES + 2 :], return_exceptions=True)
        assert not any(isinstance(one, BaseException) for one in done[:FILES])
        assert [type(one) for one in done[FILES:]] == [LeftBatch] * 6
        assert not any(one.done() for one in results[FILES : FILES + 2])
    async with asyncio.timeout(60):
        await asyncio.gather(*results[FILES : FILES + 2])


async def test_a_copy_of_a_batch_can_be_stopped(
    workers: WorkerPool, se_one: StorageElement, se_two: StorageElement, tmp_path: Path
) -> None:
    tasks = downloads(se_two, tmp_path, 4)
    with se_two.frozen():
        results = await workers.start_batch(tasks, {"TWO": 2}, [TaskOptions()] * 4)
        for one in results:
            one.cancel()
        async with asyncio.timeout(60):
            done = await asyncio.gather(*results, return_exceptions=True)
    assert [type(one) for one in done] == [asyncio.CancelledError] * 4
    assert not any((tmp_path / f"{n:02}").exists() for n in range(4))
    assert await run(workers, downloads(se_one, tmp_path, 4))


async def test_a_killed_worker_blames_no_file(workers: WorkerPool, se_two: StorageElement, tmp_path: Path) -> None:
    tasks = downloads(se_two, tmp_path, 4)
    with se_two.frozen():
        results = await workers.start_batch(tasks, {"TWO": 4}, [TaskOptions()] * 4)
        os.kill(workers.pids[0], signal.SIGKILL)
        done = await asyncio.gather(*results, return_exceptions=True)
    assert [(type(one), one.kind) for one in done if isinstance(one, CopyError)] == [(WorkerDied, "storage")] * 4
    assert len([one for one in await run(workers, tasks) if not isinstance(one, BaseException)]) == 4


async def test_a_full_disk_concerns_the_file(workers: WorkerPool, se_one: StorageElement, tmp_path: Path) -> None:
    tasks = downloads(se_one, tmp_path, 4)
    tasks[1] = replace(tasks[1], keep_free=1 << 60)
    results = await run(workers, tasks)
    assert isinstance(results[1], CopyError)
    assert results[1].kind == "local"
    assert results[1].obstacle
    assert [(tmp_path / f"{n:02}").exists() for n in range(4)] == [True, False, True, True]


def uploads(directory: Path, *ses: StorageElement, files: int = FILES) -> list[Upload]:
    tasks = []
    for number in range(files):
        source = directory / f"{number:02}"
        source.write_bytes(f"{number}".encode())
        tasks.append(upload(source, *(se.at(f"/up/{directory.name}/{number:02}") for se in ses)))
    return tasks


async def test_a_batch_is_uploaded_to_two_servers(
    workers: WorkerPool, se_one: StorageElement, se_two: StorageElement, tmp_path: Path
) -> None:
    results = await run(workers, uploads(tmp_path, se_one, se_two), window=3)
    for number, result in enumerate(results):
        content = f"{number}".encode()
        assert (result.size, result.md5) == (len(content), md5(content))
        assert [(one.se, one.error, one.checked) for one in result.replicas] == [
            ("ONE", "", "md5"),
            ("TWO", "", "adler32"),
        ]
        assert se_one.content(f"/up/{tmp_path.name}/{number:02}") == content
        assert se_two.content(f"/up/{tmp_path.name}/{number:02}") == content


async def test_unusual_uploads_concern_one_file(
    workers: WorkerPool, se_one: StorageElement, se_two: StorageElement, tmp_path: Path
) -> None:
    """An occupied name, a changed source, a missing source, a dead server: the rest arrives."""
    tasks = uploads(tmp_path, se_one, se_two)
    se_one.put(f"/up/{tmp_path.name}/00", b"9")
    se_one.put(f"/up/{tmp_path.name}/01", b"1")
    (tmp_path / "02").write_bytes(b"22")
    (tmp_path / "03").unlink()
    dead = ReplicaUrl(f"root://127.0.0.1:{free_port()}//x", "", "DEAD")
    tasks[4] = replace(tasks[4], targets=(tasks[4].targets[0], dead))
    results = await run(workers, tasks)
    assert [bool(one.error) for one in results[0].replicas] == [True, False]
    assert [(one.error, one.checked) for one in results[1].replicas] == [("", "md5"), ("", "adler32")]
    assert isinstance(results[2], CopyError)
    assert "changed during the upload" in str(results[2])
    assert isinstance(results[3], CopyError)
    assert [(one.se, bool(one.error)) for one in results[4].replicas] == [("ONE", False), ("DEAD", True)]
    assert not any(one.error for result in results[5:] for one in result.replicas)


async def test_uploads_behind_a_frozen_server_leave_the_batch(
    workers: WorkerPool, se_one: StorageElement, se_two: StorageElement, tmp_path: Path
) -> None:
    """Nothing was sent of those that leave."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    tasks = [*uploads(tmp_path / "one", se_one), *uploads(tmp_path / "two", se_two, files=8)]
    with se_two.frozen():
        results = await workers.start_batch(tasks, {"ONE": 4, "TWO": 2}, [TaskOptions()] * len(tasks))
        async with asyncio.timeout(60):
            done = await asyncio.gather(*results[:FILES], *results[FILES + 2 :], return_exceptions=True)
        assert not any(isinstance(one, BaseException) for one in done[:FILES])
        assert [type(one) for one in done[FILES:]] == [LeftBatch] * 6
    async with asyncio.timeout(60):
        await asyncio.gather(*results[FILES : FILES + 2])
    assert not any((se_two.root / f"up/two/{number:02}").exists() for number in range(2, 8))
