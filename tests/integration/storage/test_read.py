"""Streamed reads and server queries, on real storage elements."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import signal
import zipfile
from pathlib import Path

import pytest

from aliend.errors import CopyError
from aliend.storage.pool.read_stream import Stream
from aliend.storage.pool.worker_pool import WorkerPool
from aliend.storage.tasks import Probe, Read, ReplicaUrl, WorkerDied
from tests.harness import eventually
from tests.integration.storage.conftest import StorageElement, free_port, md5, nothing, storage_element

CONTENT = os.urandom(21_000_003)


def reading(content: bytes, *sources: ReplicaUrl, start: int = 0, end: int | None = None, known: str = "?") -> Read:
    whole = len(content)
    ranges = ((start, whole if end is None else end),)
    return Read(1, sources, whole, md5(content) if known == "?" else known, ranges)


async def all_of(workers: WorkerPool, task: Read) -> tuple[bytes, str]:
    """The bytes and the warning."""
    got = io.BytesIO()
    async with workers.open_read(task) as stream:
        await drained(stream, got)
        assert stream.result
        return got.getvalue(), stream.result.warning


async def drained(stream: Stream, got: io.BytesIO) -> None:
    while data := await stream.read():
        got.write(data)


def pipes(pid: int) -> int:
    """The number of pipe ends that a process has open."""
    return sum("pipe" in str(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir())


async def test_a_file_is_streamed_and_verified(workers: WorkerPool, se_one: StorageElement) -> None:
    assert await all_of(workers, reading(CONTENT, se_one.put("/r/whole", CONTENT))) == (CONTENT, "")


async def test_a_part_of_a_file_is_streamed(workers: WorkerPool, se_one: StorageElement) -> None:
    source = se_one.put("/r/part", CONTENT)
    got, warning = await all_of(workers, reading(CONTENT, source, start=300_000, end=9_000_000))
    assert got == CONTENT[300_000:9_000_000]
    assert "no checksum" in warning


async def test_wrong_bytes_are_an_error_after_the_last_one(workers: WorkerPool, se_one: StorageElement) -> None:
    task = reading(CONTENT, se_one.put("/r/wrong", CONTENT), known=md5(b"other"))
    got = io.BytesIO()
    async with workers.open_read(task) as stream:
        with pytest.raises(CopyError, match="not the file: wrong content: md5 is"):
            await drained(stream, got)
    assert got.getvalue() == CONTENT


async def test_the_storage_checksum_replaces_an_unknown_md5(workers: WorkerPool, se_two: StorageElement) -> None:
    got, warning = await all_of(workers, reading(CONTENT, se_two.put("/r/unknown", CONTENT), known=""))
    assert got == CONTENT
    assert "compared the storage's adler32 instead" in warning


async def test_the_next_replica_continues(workers: WorkerPool, se_one: StorageElement, se_two: StorageElement) -> None:
    dead = ReplicaUrl(f"root://127.0.0.1:{free_port()}//r/next", "", "DEAD")
    short = se_two.put("/r/next", CONTENT[:-1])
    assert (await all_of(workers, reading(CONTENT, dead, short, se_one.put("/r/next", CONTENT))))[0] == CONTENT


async def test_a_server_that_did_not_answer_is_tried_last_by_the_next_read(
    workers: WorkerPool, se_one: StorageElement
) -> None:
    calls: list[int] = []

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(1)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for number in range(3):
            dead = ReplicaUrl(f"root://127.0.0.1:{port}//r/{number}", "", "DEAD")
            task = reading(CONTENT, dead, se_one.put(f"/r/{number}", CONTENT), start=5, end=9)
            assert (await all_of(workers, task))[0] == CONTENT[5:9]
            if not number:
                before = len(calls)
                assert before
    assert len(calls) == before


async def test_a_member_of_an_archive_is_streamed_whole_and_in_part(
    workers: WorkerPool, se_one: StorageElement
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("other.txt", b"x" * 1000)
        archive.writestr("in.root", CONTENT)
    at = se_one.put("/r/archive.zip", buffer.getvalue())
    member = ReplicaUrl(f"{at.url}#in.root", "", "ONE")
    assert await all_of(workers, reading(CONTENT, member)) == (CONTENT, "")
    assert (await all_of(workers, reading(CONTENT, member, start=5_000_000, end=5_000_010)))[0] == CONTENT[5_000_000:][
        :10
    ]


async def test_the_task_waits_for_a_slow_reader_and_ends_with_the_reader(
    workers: WorkerPool, se_one: StorageElement
) -> None:
    task = reading(CONTENT, se_one.put("/r/rest", CONTENT))
    assert (await all_of(workers, task))[0] == CONTENT
    (pid,) = workers.pids
    before = pipes(pid)
    async with workers.open_read(task) as stream:
        assert await stream.read()
        assert pipes(pid) == before + 1
    assert pipes(pid) == before
    assert (await all_of(workers, task))[0] == CONTENT


async def test_a_killed_process_is_reported_as_died(workers: WorkerPool, se_one: StorageElement) -> None:
    async with workers.open_read(reading(CONTENT, se_one.put("/r/killed", CONTENT))) as stream:
        assert await stream.read()
        os.kill(workers.pids[0], signal.SIGKILL)
        with pytest.raises(WorkerDied):
            await drained(stream, io.BytesIO())


async def test_a_running_server_answers_queries(workers: WorkerPool, se_one: StorageElement) -> None:
    server = f"root://127.0.0.1:{se_one.port}"
    se_one.put("/r/asked", b"12345")
    ping = await workers.run(Probe(1, server, "ping", count=4), nothing)
    assert (ping.ok, len(ping.milliseconds)) == (True, 4)
    config = await workers.run(Probe(1, server, "config", "role version"), nothing)
    assert config.text.splitlines()[0] == "server"
    stats = await workers.run(Probe(1, server, "stats", "a"), nothing)
    assert stats.text.startswith("<statistics")
    stat = await workers.run(Probe(1, server, "stat", "/r/asked"), nothing)
    assert (stat.ok, stat.size) == (True, 5)
    assert stat.modified > 0
    missing = await workers.run(Probe(1, server, "stat", "/r/missing"), nothing)
    assert (missing.ok, missing.errno) == (False, 3011)
    assert "no such file" in missing.message.lower()


async def test_a_dead_server_is_a_result_too(workers: WorkerPool, own_se: StorageElement) -> None:
    dead = await workers.run(Probe(1, f"root://127.0.0.1:{free_port()}", "ping", limit=5), nothing)
    assert (dead.ok, dead.milliseconds) == (False, ())
    assert dead.message
    with own_se.frozen():
        frozen = await workers.run(Probe(1, f"root://127.0.0.1:{own_se.port}", "ping", limit=1), nothing)
        assert (frozen.ok, frozen.code) == (False, 206)


SCATTERED = ((20_000_000, 21_000_003), (5, 9), (5, 9), (0, 5_000_000), (7_000_000, 7_000_001))


def pieces(ranges: tuple[tuple[int, int], ...]) -> bytes:
    return b"".join(CONTENT[start:end] for start, end in ranges)


async def test_ranges_arrive_in_the_order_of_the_task(workers: WorkerPool, se_one: StorageElement) -> None:
    source = se_one.put("/r/ranges", CONTENT)
    for _ in range(2):
        got, _ = await all_of(workers, Read(1, (source,), len(CONTENT), md5(CONTENT), SCATTERED))
        assert got == pieces(SCATTERED)


async def test_the_next_replica_continues_inside_a_range(
    workers: WorkerPool, se_one: StorageElement, se_two: StorageElement
) -> None:
    sources = (se_two.put("/r/broken", CONTENT), se_one.put("/r/broken", CONTENT))
    read = Read(1, sources, len(CONTENT), md5(CONTENT), SCATTERED)
    assert (await all_of(workers, read))[0] == pieces(SCATTERED)
    os.truncate(se_two.root / "r/broken", 3_000_000)  # the next read uses the open file, and fails in it
    async with workers.open_read(Read(1, sources, len(CONTENT), md5(CONTENT), ((5, 9), *SCATTERED))) as stream:
        got = io.BytesIO()
        await drained(stream, got)
    assert got.getvalue() == CONTENT[5:9] + pieces(SCATTERED)
    assert stream.result
    assert stream.result.se == "ONE"


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
async def test_ranges_of_a_member_arrive(workers: WorkerPool, se_one: StorageElement, method: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("other.txt", b"x" * 1000)
        archive.writestr("in.root", CONTENT)
    at = se_one.put(f"/r/ranges{method}.zip", buffer.getvalue())
    read = Read(1, (ReplicaUrl(f"{at.url}#in.root", "", "ONE"),), len(CONTENT), md5(CONTENT), SCATTERED)
    for _ in range(2):
        assert (await all_of(workers, read))[0] == pieces(SCATTERED)


def opens(element: StorageElement, name: str) -> int:
    """The number of processes' descriptors of a file of the storage element."""
    path = str(element.root / "r" / name)
    found = 0
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            found += str(link.readlink()) == path
    return found


async def test_a_file_stays_open_for_the_next_part(workers: WorkerPool, se_one: StorageElement) -> None:
    source = se_one.put("/r/kept", CONTENT)
    await all_of(workers, reading(CONTENT, source))
    eventually(lambda: opens(se_one, "kept") == 0)
    for start in range(0, 5_000, 1_000):
        await all_of(workers, reading(CONTENT, source, start=start, end=start + 10))
        assert opens(se_one, "kept") == 1
    (se_one.root / "r/kept").unlink()
    got, _ = await all_of(workers, reading(CONTENT, source, start=5_000, end=5_010))
    assert got == CONTENT[5_000:5_010]


async def test_a_server_that_was_restarted_is_read_again(workers: WorkerPool, tmp_path: Path) -> None:
    with storage_element("OWN", tmp_path / "first") as element:
        source = element.put("/r/again", CONTENT)
        await all_of(workers, reading(CONTENT, source, start=1, end=2))
        port = element.port
    with storage_element("OWN", tmp_path / "second", port=port) as element:
        element.put("/r/again", CONTENT)
        got, _ = await all_of(workers, reading(CONTENT, source, start=2, end=9))
        assert got == CONTENT[2:9]
