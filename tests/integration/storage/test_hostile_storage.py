"""A storage server that lies: the right file, or a clear refusal and no file, within bounded time."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from aliend.errors import CopyError
from aliend.storage.errors import StorageError
from aliend.storage.io import http_read
from aliend.storage.io.completion_queue import UNRESPONSIVE_AFTER
from aliend.storage.io.task_context import TaskContext
from aliend.storage.pool.worker_pool import WorkerPool
from aliend.storage.tasks import ReplicaUrl
from tests.integration.storage.conftest import StorageElement, download, free_port, nothing, upload, xrootd_environment
from tests.integration.storage.hostile_storage import hostile

CONTENT = bytes(range(256)) * 400
_LIMIT = 90.0
LIES = ("flip", "more", "fewer", "longer", "garbage", "cut", "drip", "elsewhere", "redirect")


@pytest.fixture
async def impatient() -> AsyncIterator[WorkerPool]:
    """Workers whose XRootD library waits a few seconds for a server, not a minute."""
    async with WorkerPool(environment=xrootd_environment(XRD_STREAMTIMEOUT="4", XRD_REQUESTTIMEOUT="8")) as some:
        yield some


def directory_of(path: Path) -> list[str]:
    return [one.name for one in path.iterdir() if one.suffix != ".part"]


@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_gives_the_right_file_or_a_refusal(
    impatient: WorkerPool, se_one: StorageElement, tmp_path: Path, lie: str
) -> None:
    se_one.put(f"/hostile/{lie}", CONTENT)
    argument = f":{free_port()}" if lie == "redirect" else ""
    with hostile(se_one, f"{lie}{argument}") as storage:
        begin = time.monotonic()
        with pytest.raises(CopyError) as caught:
            await impatient.run(download(tmp_path / "file", CONTENT, storage.at(f"/hostile/{lie}")), nothing)
        assert storage.requests
    assert time.monotonic() - begin < _LIMIT
    assert str(caught.value)
    assert str(caught.value).isprintable()
    assert directory_of(tmp_path) == []


async def test_without_an_md5_of_the_catalogue_another_checksum_of_the_storage_is_refused(
    impatient: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    se_one.put("/hostile/checksum", CONTENT)
    with hostile(se_one, "checksum") as storage:
        task = replace(download(tmp_path / "file", CONTENT, storage.at("/hostile/checksum")), md5="")
        with pytest.raises(CopyError, match="wrong content"):
            await impatient.run(task, nothing)
        assert storage.requests
    assert directory_of(tmp_path) == []


@pytest.mark.parametrize("lie", ["flip", "cut", "garbage"])
async def test_the_next_replica_delivers_after_a_lie(
    impatient: WorkerPool, se_one: StorageElement, se_two: StorageElement, tmp_path: Path, lie: str
) -> None:
    se_one.put(f"/hostile/{lie}", CONTENT)
    honest = se_two.put(f"/honest/{lie}", CONTENT)
    with hostile(se_one, lie) as storage:
        task = download(tmp_path / "file", CONTENT, storage.at(f"/hostile/{lie}"), honest)
        result = await impatient.run(task, nothing)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert result.se == "TWO"


async def test_a_server_that_sends_single_bytes_counts_as_unresponsive(
    workers: WorkerPool, se_one: StorageElement, se_two: StorageElement, tmp_path: Path
) -> None:
    """A request must be answered within a minute, with the usual settings of the library, too."""
    se_one.put("/hostile/slow", CONTENT)
    honest = se_two.put("/honest/slow", CONTENT)
    with hostile(se_one, "drip") as storage:
        begin = time.monotonic()
        result = await workers.run(download(tmp_path / "file", CONTENT, storage.at("/hostile/slow"), honest), nothing)
        assert storage.requests
    assert (result.se, (tmp_path / "file").read_bytes()) == ("TWO", CONTENT)
    assert time.monotonic() - begin < 2 * UNRESPONSIVE_AFTER


@pytest.mark.parametrize("dripping", ["header", "body"])
def test_over_http_single_bytes_count_as_no_answer(dripping: str) -> None:
    header = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    fast, slow = (b"", header) if dripping == "header" else (header, bytes(1000))
    with dripping_server(fast, slow) as port, ThreadPoolExecutor(1) as pool:
        context = TaskContext(lambda _: None, lambda: 1, pool)
        source = ReplicaUrl(f"http://127.0.0.1:{port}/file", "", "HOSTILE")
        begin = time.monotonic()
        with pytest.raises(StorageError, match=r"did not answer|too slow") as caught:
            list(http_read.read(context, source, 0, 1000, "", limit=1.0))
    assert caught.value.error_number == errno.ETIMEDOUT
    assert time.monotonic() - begin < _LIMIT


@contextmanager
def dripping_server(fast: bytes, slow: bytes) -> Iterator[int]:
    """Answer one connection: `fast` at once, then the bytes of `slow` with pauses of 0.2 s. Yield the port."""
    ended = threading.Event()

    def serve() -> None:
        with suppress(OSError), listener.accept()[0] as client:
            client.recv(65536)
            client.sendall(fast)
            for number in range(len(slow)):
                if ended.wait(0.2):
                    return
                client.sendall(slow[number : number + 1])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            thread.join()


@pytest.mark.parametrize("content", [CONTENT, CONTENT[::-1]], ids=["same", "other"])
async def test_after_a_redirection_the_checksum_decides(
    impatient: WorkerPool, se_one: StorageElement, se_two: StorageElement, tmp_path: Path, content: bytes
) -> None:
    name = f"/redirected/{len(content)}-{content[0]}"
    se_one.put(name, CONTENT)
    se_two.put(name, content)
    with hostile(se_one, f"redirect:{se_two.port}") as storage:
        task = download(tmp_path / "file", CONTENT, storage.at(name))
        if content == CONTENT:
            await impatient.run(task, nothing)
            assert (tmp_path / "file").read_bytes() == CONTENT
        else:
            with pytest.raises(CopyError):
                await impatient.run(task, nothing)
            assert directory_of(tmp_path) == []


async def test_a_lie_about_the_size_changes_no_byte(
    impatient: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    se_one.put("/hostile/size", CONTENT)
    with hostile(se_one, "size") as storage:
        await impatient.run(download(tmp_path / "file", CONTENT, storage.at("/hostile/size")), nothing)
    assert (tmp_path / "file").read_bytes() == CONTENT


async def test_a_redirection_to_a_local_file_reads_nothing(
    impatient: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    se_one.put("/hostile/local", CONTENT)
    (tmp_path / "secret").write_bytes(CONTENT)
    with hostile(se_one, f"local:{tmp_path}/secret") as storage:
        with pytest.raises(CopyError, match="redirects to a file of this machine"):
            await impatient.run(download(tmp_path / "file", CONTENT, storage.at("/hostile/local")), nothing)
        assert storage.requests
    assert directory_of(tmp_path) == ["secret"]


@pytest.mark.parametrize("before", [None, b"", b"mine"], ids=["free", "empty", "used"])
async def test_a_redirection_to_a_local_file_writes_nothing(
    impatient: WorkerPool, se_one: StorageElement, tmp_path: Path, before: bytes | None
) -> None:
    planted = tmp_path / "planted"
    if before is not None:
        planted.write_bytes(before)
    (tmp_path / "source").write_bytes(CONTENT)
    with hostile(se_one, f"local:{planted}") as storage:
        done = await impatient.run(upload(tmp_path / "source", storage.at("/hostile/up")), nothing)
        assert storage.requests
    if before is None:
        assert "redirects to a file of this machine" in done.replicas[0].error
    assert done.replicas[0].error
    # the library creates an empty file before it reports where it is
    assert (planted.read_bytes() if planted.exists() else b"") == (before or b"")
