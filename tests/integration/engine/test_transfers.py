"""Uploads to and downloads from real storage, also while servers and daemons die."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from aliend.core.transfers.job import JobSpec
from aliend.engine import JobView
from tests.integration.engine.conftest import Daemon, server


async def ended(daemon: Daemon, job: int, limit: float = 60) -> JobView:
    return await asyncio.wait_for(daemon.engine.wait(job), limit)


async def test_a_directory_is_uploaded_to_two_replicas_and_downloaded_unchanged(daemon: Daemon, tmp_path: Path) -> None:
    contents = {f"d/{n % 3}/f {n}": os.urandom(n * 70_001 + 1) for n in range(12)}
    for name, content in contents.items():
        fill(tmp_path / name, content)
    up = await daemon.engine.submit(JobSpec("upload", (f"{tmp_path}/d",), "/a"), "up")
    assert (await ended(daemon, up.id)).state == "done"
    assert all(len(replicas) == 2 for replicas in daemon.grid.replicas.values())
    down = await daemon.engine.submit(JobSpec("download", ("/a/d",), f"{tmp_path}/back/", umask=0o077), "down")
    assert (await ended(daemon, down.id)).state == "done"
    assert contents_below(tmp_path / "back") == contents
    assert modes_below(tmp_path / "back") == {0o600}


async def test_a_dead_server_is_replaced_by_another(
    daemon: Daemon, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with ExitStack() as stack:
        daemon.grid.servers["A::B::SE1"] = server("A::B::SE1", tmp_path_factory, stack)
    fill(tmp_path / "f", b"some content")
    job = await daemon.engine.submit(JobSpec("upload", (f"{tmp_path}/f",), "/a/f"), "up")
    assert (await ended(daemon, job.id)).state == "done"
    (replicas,) = daemon.grid.replicas.values()
    assert sorted(replicas) == ["A::B::SE2", "A::B::SE3"]


async def test_a_download_resumes_in_the_next_daemon(daemon: Daemon, tmp_path: Path) -> None:
    content = os.urandom(300_000_000)
    daemon.grid.put("/a/f", content, ["A::B::SE1", "A::B::SE2"])
    job = await daemon.engine.submit(JobSpec("download", ("/a/f",), f"{tmp_path}/g"), "down")
    await bytes_moving(daemon, job.id)
    begun = time.monotonic()
    await daemon.close()
    assert time.monotonic() - begun < 5
    await daemon.open()
    assert (await ended(daemon, job.id)).state == "done"
    assert contents_below(tmp_path)["g"] == content
    assert not [name for name in contents_below(tmp_path) if name.endswith(".part")]


async def test_killed_workers_cost_an_attempt_but_no_file(daemon: Daemon, tmp_path: Path) -> None:
    content = os.urandom(200_000_000)
    daemon.grid.put("/a/f", content)
    job = await daemon.engine.submit(JobSpec("download", ("/a/f",), f"{tmp_path}/g"), "down")
    await bytes_moving(daemon, job.id)
    for pid in daemon.workers.pids:
        os.kill(pid, signal.SIGKILL)
    assert (await ended(daemon, job.id)).state == "done"
    assert contents_below(tmp_path)["g"] == content


async def test_a_copy_from_a_frozen_server_is_cancelled_within_twelve_seconds(
    daemon: Daemon, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with ExitStack() as stack:
        daemon.grid.servers["A::B::SE1"] = frozen = server("A::B::SE1", tmp_path_factory, stack)
        daemon.grid.put("/a/f", os.urandom(300_000_000))
        job = await daemon.engine.submit(JobSpec("download", ("/a/f",), f"{tmp_path}/g"), "down")
        await bytes_moving(daemon, job.id)
        with frozen.frozen():
            begun = time.monotonic()
            assert (await daemon.engine.cancel(job.id)).state == "cancelled"
            assert time.monotonic() - begun < 1
            await asyncio.wait_for(slot_is_free(daemon), 13)
        await daemon.engine.clean([job.id])
        assert contents_below(tmp_path) == {}


async def test_directories_are_removed_if_nothing_arrived_in_them(daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "own" / "empty").mkdir(parents=True)
    for name in ("good/f", "bad/1/f", "bad/2/f"):
        entry = daemon.grid.put(f"/a/{name}", name.encode())
        if name.startswith("bad"):
            daemon.grid.store(daemon.grid.replicas[entry.guid]["A::B::SE1"], b"flipped"[: len(name)])
    job = await daemon.engine.submit(JobSpec("download", ("/a/",), f"{tmp_path}/own/empty/new/"), "down")
    assert (await ended(daemon, job.id)).files.failed == 2
    await asyncio.wait_for(slot_is_free(daemon), 13)
    assert directories_below(tmp_path / "own") == ["empty", "empty/new", "empty/new/good"]


async def bytes_moving(daemon: Daemon, job: int) -> None:
    """Return as soon as bytes of a file of the job have moved."""
    async with asyncio.timeout(60):
        for _ in iter(lambda: any(one.bytes_done for one in daemon.engine.progress(job)), True):
            await asyncio.sleep(0.001)


async def slot_is_free(daemon: Daemon) -> None:
    for _ in iter(lambda: daemon.engine._running.load().running, 0):
        await asyncio.sleep(0.01)


def fill(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def files_below(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file() and "aliend.db" not in path.name]


def contents_below(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in files_below(directory)}


def modes_below(directory: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in files_below(directory)}


def directories_below(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_dir())
