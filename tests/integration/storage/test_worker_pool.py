"""Worker processes that are killed, frozen, orphaned or closed; and disks that refuse."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from aliend.errors import CopyError
from aliend.storage.io.partial_file import partial_name
from aliend.storage.pool import local_process, worker_process
from aliend.storage.pool.worker_pool import WorkerPool
from aliend.storage.tasks import Checksum, Download, Downloaded, RemovePartial, WorkerDied
from tests.integration.storage.conftest import (
    StorageElement,
    checksum,
    download,
    md5,
    nothing,
    upload,
    xrootd_environment,
)

BIG = 400_000_000


@pytest.fixture(scope="module")
def big_md5() -> str:
    return md5(bytes(BIG))


def big(element: StorageElement, target: Path, digest: str, id: int = 1) -> Download:
    source = element.put("/big", b"")
    os.truncate(element.root / "big", BIG)
    return Download(id, (source,), str(target), BIG, digest, "never", 0o022)


class Begun:
    """Records progress, and sets an event at the first."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.sizes: list[int] = []

    def __call__(self, size: int) -> None:
        self.sizes.append(size)
        self.event.set()


async def running(workers: WorkerPool, task: Download) -> tuple[asyncio.Task[Downloaded], Begun]:
    begun = Begun()
    copy = asyncio.create_task(workers.run(task, begun))
    async with asyncio.timeout(60):
        await begun.event.wait()
    return copy, begun


async def until(claim: Callable[[], bool], limit: float = 60.0) -> None:
    """Poll for a condition without an event."""
    async with asyncio.timeout(limit):
        while not claim():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:  # also if it ends while it is read
        return False


async def test_a_killed_process_is_replaced_and_the_download_continues(
    own_se: StorageElement, tmp_path: Path, big_md5: str
) -> None:
    task = big(own_se, tmp_path / "file", big_md5)
    async with WorkerPool(environment=xrootd_environment()) as workers:
        copy, _ = await running(workers, task)
        os.kill(workers.pids[0], signal.SIGKILL)
        with pytest.raises(WorkerDied, match="SIGKILL"):
            await copy
        valid = (tmp_path / partial_name("file", 1)).stat().st_size
        assert 0 < valid < BIG
        begun = Begun()
        result = await workers.run(task, begun)
    assert result.md5 == big_md5
    assert min(begun.sizes) >= valid


async def test_a_dead_process_takes_only_its_own_tasks(own_se: StorageElement, tmp_path: Path, big_md5: str) -> None:
    async with WorkerPool(environment=xrootd_environment()) as workers:
        first, _ = await running(workers, big(own_se, tmp_path / "one", big_md5))
        victim = workers.pids[0]
        second, _ = await running(workers, big(own_se, tmp_path / "two", big_md5, id=2))
        assert len(workers.pids) == 2
        os.kill(victim, signal.SIGKILL)
        with pytest.raises(WorkerDied):
            await first
        assert (await second).md5 == big_md5


async def test_the_next_replica_is_used_if_a_server_dies_during_a_download(
    own_se: StorageElement, se_two: StorageElement, tmp_path: Path, big_md5: str
) -> None:
    task = big(own_se, tmp_path / "file", big_md5)
    task = replace(task, sources=(*task.sources, *big(se_two, tmp_path / "file", big_md5).sources))
    async with WorkerPool(environment=xrootd_environment()) as workers:
        copy, begun = await running(workers, task)
        own_se.process.kill()
        result = await copy
    assert (result.se, result.md5) == ("TWO", big_md5)
    assert begun.sizes == sorted(begun.sizes), "what the first had given was asked for again"


async def test_cancelling_is_quick_when_the_server_is_frozen(
    own_se: StorageElement, tmp_path: Path, big_md5: str
) -> None:
    async with WorkerPool(environment=xrootd_environment()) as workers:
        copy, _ = await running(workers, big(own_se, tmp_path / "file", big_md5))
        with own_se.frozen():
            started = time.monotonic()
            copy.cancel()
            with pytest.raises(asyncio.CancelledError):
                await copy
            assert time.monotonic() - started < 12
        assert len(workers.pids) == 1, "a soft stop is enough"


async def test_a_frozen_process_is_killed_and_its_task_fails(
    own_se: StorageElement, tmp_path: Path, big_md5: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_process, "_PING_INTERVAL", 0.5)
    async with WorkerPool(environment=xrootd_environment()) as workers:
        copy, _ = await running(workers, big(own_se, tmp_path / "file", big_md5))
        os.kill(workers.pids[0], signal.SIGSTOP)
        with pytest.raises(WorkerDied):
            await asyncio.wait_for(copy, 60)


async def test_a_task_that_hangs_in_a_local_file_system_fails_with_its_name_and_others_go_on(
    own_se: StorageElement, tmp_path: Path, big_md5: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_process, "_PING_INTERVAL", 0.5)
    monkeypatch.setattr(worker_process, "_SILENT_PINGS", 100)
    monkeypatch.setattr(worker_process, "_HUNG_AFTER", 2.0)
    os.mkfifo(tmp_path / "dead")  # to open it blocks as a dead network disk does
    async with WorkerPool(environment=xrootd_environment()) as workers:
        copy, _ = await running(workers, big(own_se, tmp_path / "file", big_md5))
        with own_se.frozen():  # a copy that waits for its server does not hang
            with pytest.raises(CopyError, match="dead: the disk has not answered for") as caught:
                await asyncio.wait_for(workers.run(Checksum(9, str(tmp_path / "dead")), nothing), 60)
            assert caught.value.kind == "local"
        assert not copy.done()
        copy.cancel()
        await asyncio.wait([copy])
        (tmp_path / "dead").open("rb+", buffering=0).close()  # lets the stuck thread go


async def test_no_process_is_started_to_remove_a_partial_file(
    own_se: StorageElement, tmp_path: Path, big_md5: str
) -> None:
    async with WorkerPool(environment=xrootd_environment(), processes=2, per_process=1) as workers:
        copy, _ = await running(workers, big(own_se, tmp_path / "file", big_md5))
        before = workers.pids
        with own_se.frozen():  # so that the copy goes on for as long as it takes
            await workers.run(RemovePartial(2, str(tmp_path / "other")), nothing)
            copy.cancel()
            await asyncio.wait([copy])
            await workers.run(RemovePartial(1, str(tmp_path / "file")), nothing)
        assert workers.pids == before
    assert not (tmp_path / partial_name("file", 1)).exists()


async def test_an_upload_can_be_cancelled_while_the_server_is_frozen(own_se: StorageElement, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.touch()
    os.truncate(source, BIG)
    async with WorkerPool(environment=xrootd_environment()) as workers:
        begun = Begun()
        copy = asyncio.create_task(workers.run(upload(source, own_se.at("/cancelled")), begun))
        await begun.event.wait()
        with own_se.frozen():
            started = time.monotonic()
            copy.cancel()
            with pytest.raises(asyncio.CancelledError):
                await copy
            assert time.monotonic() - started < 12
        await until(lambda: not workers.pids)  # so that the server sees it unfinished, and removes it in time
        again = await workers.run(upload(source, own_se.at("/cancelled")), nothing)
    assert "unfinished upload" in again.replicas[0].error
    assert again.replicas[0].kind == "storage"


async def test_a_server_that_dies_during_an_upload_does_not_affect_the_other(
    own_se: StorageElement, se_two: StorageElement, tmp_path: Path, big_md5: str
) -> None:
    source = tmp_path / "source"
    source.touch()
    os.truncate(source, BIG)

    def die(_: int) -> None:
        own_se.process.kill()

    async with WorkerPool(environment=xrootd_environment()) as workers:
        result = await workers.run(upload(source, own_se.at("/half"), se_two.at("/whole")), die)
    assert result.md5 == big_md5
    assert [(each.se, bool(each.error), each.kind) for each in result.replicas if each.error] == [
        ("OWN", True, "transient")
    ]
    assert (se_two.root / "whole").stat().st_size == BIG


async def test_a_process_that_does_not_stop_is_killed(own_se: StorageElement, tmp_path: Path, big_md5: str) -> None:
    async with WorkerPool(processes=1, environment=xrootd_environment()) as workers:
        cancelled, _ = await running(workers, big(own_se, tmp_path / "one", big_md5))
        other, _ = await running(workers, big(own_se, tmp_path / "two", big_md5, id=2))
        os.kill(workers.pids[0], signal.SIGSTOP)
        started = time.monotonic()
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert time.monotonic() - started < 12
        with pytest.raises(WorkerDied):
            await other


async def test_closing_takes_two_seconds_at_most(own_se: StorageElement, tmp_path: Path, big_md5: str) -> None:
    workers = WorkerPool(environment=xrootd_environment())
    copy, _ = await running(workers, big(own_se, tmp_path / "file", big_md5))
    pid = workers.pids[0]
    os.kill(pid, signal.SIGSTOP)
    started = time.monotonic()
    await workers.close()
    assert time.monotonic() - started < 2
    assert not is_running(pid)
    with pytest.raises(CopyError) as caught:
        await copy
    assert caught.value.kind == "transient"
    with pytest.raises(CopyError, match="shutting down"):
        await workers.run(big(own_se, tmp_path / "file", big_md5), nothing)


async def test_closing_is_graceful_first(own_se: StorageElement, tmp_path: Path, big_md5: str) -> None:
    workers = WorkerPool(environment=xrootd_environment())
    copy, _ = await running(workers, big(own_se, tmp_path / "file", big_md5))
    await workers.close()
    with pytest.raises(CopyError, match="aliend is shutting down"):
        await copy


async def test_an_idle_process_is_ended_and_replaced_when_needed(own_se: StorageElement, tmp_path: Path) -> None:
    source = own_se.put("/x", b"x")
    async with WorkerPool(environment=xrootd_environment(), idle=0.1) as workers:
        await workers.run(download(tmp_path / "one", b"x", source), nothing)
        await until(lambda: not workers.pids)
        await workers.run(download(tmp_path / "two", b"x", source), nothing)


async def test_worker_processes_ignore_signals_to_the_whole_unit(
    own_se: StorageElement, tmp_path: Path, big_md5: str
) -> None:
    async with WorkerPool(environment=xrootd_environment()) as workers:
        copy, _ = await running(workers, big(own_se, tmp_path / "file", big_md5))
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(workers.pids[0], number)
        assert (await copy).md5 == big_md5


async def test_a_missing_library_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = "runpy.run_module('aliend.storage.worker', None, '__main__', True)"
    start = f"import runpy, sys; sys.path.insert(0, {str(tmp_path)!r}); {run}"
    monkeypatch.setattr(local_process, "isolated", lambda _module: (sys.executable, "-c", start))
    (tmp_path / "XRootD").mkdir()
    (tmp_path / "XRootD" / "__init__.py").write_text("raise ImportError('libXrdCl.so is missing')")
    (tmp_path / "file").touch()
    async with WorkerPool(environment=xrootd_environment()) as workers:
        with pytest.raises(CopyError, match=r"cannot load the XRootD library: libXrdCl\.so is missing") as caught:
            await workers.run(checksum(tmp_path / "file"), nothing)
    assert caught.value.kind == "local"


_DAEMON = """
import asyncio, os, sys
from aliend.storage.tasks import Download, ReplicaUrl
from aliend.storage.pool.worker_pool import WorkerPool

async def main():
    url, target, size, digest = sys.argv[1:]
    task = Download(1, (ReplicaUrl(url, "", "OWN"),), target, int(size), digest, False, 0o022)
    async with WorkerPool(environment=dict(os.environ)) as workers:
        await workers.run(task, lambda size: print(workers.pids[0], flush=True))

asyncio.run(main())
"""


async def test_the_worker_of_a_killed_daemon_exits(own_se: StorageElement, tmp_path: Path, big_md5: str) -> None:
    task = big(own_se, tmp_path / "file", big_md5)
    command = [sys.executable, "-c", _DAEMON, task.sources[0].url, task.target, str(task.size), task.md5]
    daemon = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=xrootd_environment())
    assert daemon.stdout
    orphan = int(await asyncio.wait_for(daemon.stdout.readline(), 60))
    with own_se.frozen():
        daemon.kill()
        await until(lambda: not is_running(orphan))
    await daemon.communicate()


async def test_many_small_files_are_downloaded_in_parallel(own_se: StorageElement, tmp_path: Path) -> None:
    contents = [f"{number}".encode() * 50 for number in range(200)]
    tasks = [
        download(tmp_path / "out" / f"f{number}", content, own_se.put(f"/small/{number}", content), id=number)
        for number, content in enumerate(contents)
    ]
    async with WorkerPool(environment=xrootd_environment()) as workers:
        await asyncio.gather(*(workers.run(task, nothing) for task in tasks))
    assert [(tmp_path / "out" / f"f{number}").read_bytes() for number in range(200)] == contents


# On a small file system: too small at first, then filled by another process during the download.
_FULL_DISK = """
import asyncio, os, sys
from dataclasses import replace
from aliend.errors import CopyError
from aliend.storage.tasks import Download, ReplicaUrl
from aliend.storage.pool.worker_pool import WorkerPool

def fill(size):
    try:
        os.posix_fallocate(other, 0, 60_000_000)
    except OSError:
        pass

async def attempt(workers, task):
    try:
        await workers.run(task, fill)
    except CopyError as error:
        print(error.kind, error)

async def main():
    url, place, size = sys.argv[1:]
    task = Download(1, (ReplicaUrl(url, "", "OWN"),), place + "/file", int(size), "0" * 32, False, 0o022)
    async with WorkerPool(environment=dict(os.environ)) as workers:
        await attempt(workers, task)
        os.ftruncate(other, 0)
        os.truncate(place + "/../se/files/big", 90_000_000)
        await attempt(workers, replace(task, size=90_000_000))
    print(sorted(name for name in os.listdir(place) if not name.endswith(".part")))

other = os.open(sys.argv[2] + "/other", os.O_WRONLY | os.O_CREAT)
asyncio.run(main())
"""


def test_a_full_disk_is_a_local_error_with_the_name(own_se: StorageElement, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    task = big(own_se, disk / "file", "")
    mounted = 'mount -t tmpfs -o size=100000000 none "$1" && shift && exec "$@"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mounted, "sh", str(disk)]
    script = [sys.executable, "-c", _FULL_DISK, task.sources[0].url, str(disk), str(BIG)]
    done = subprocess.run(
        [*command, *script], env=xrootd_environment(), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    too_small, filled, left = done.stdout.splitlines()
    assert too_small.startswith("local ")
    assert "needs 381.5 MiB" in too_small
    assert filled == f"local {disk}/file: the disk is full; free some space"
    assert left == "['other']"


# Relative names, because another user need not be able to walk down to the test's directory.
_REFUSED = """
import os, sys
from pathlib import Path
from aliend.errors import CopyError
from aliend.storage.io.partial_file import PartialFile

os.chdir(sys.argv[1])
if os.geteuid() == 0:
    os.setuid(65534)
for act in (
    lambda: PartialFile.open(Path("shut/d/f"), 1, umask=0).__enter__(),
    lambda: PartialFile.open(Path("shut/f"), 1).__enter__(),
):
    try:
        act()
    except CopyError as error:
        print(error.kind, error)
"""


def test_a_read_only_directory_is_a_local_error(tmp_path: Path) -> None:
    """As another user where the tests run as root, whom no permission stops."""
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o555)
    tmp_path.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", _REFUSED, str(tmp_path)], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.splitlines() == [
        "local shut/d: permission denied; make it writable",
        "local shut/.f.1.part: permission denied; make it writable",
    ]
