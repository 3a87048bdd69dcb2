"""Uploads to real storage elements."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from aliend.errors import CopyError
from aliend.storage.pool.worker_pool import WorkerPool
from aliend.storage.tasks import Compare, ReplicaUrl
from tests.integration.storage.conftest import (
    StorageElement,
    checksum,
    free_port,
    md5,
    nothing,
    storage_element,
    upload,
)

CONTENT = os.urandom(21_000_001)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return path


async def test_one_pass_uploads_and_verifies_two_replicas(
    workers: WorkerPool, se_one: StorageElement, se_two: StorageElement, source: Path
) -> None:
    """F204 F219"""
    result = await workers.run(upload(source, se_one.at("/u/deep/er/1"), se_two.at("/u/2")), nothing)
    assert (result.size, result.md5) == (len(CONTENT), md5(CONTENT))
    assert [(each.se, each.error, each.checked) for each in result.replicas] == [
        ("ONE", "", "md5"),
        ("TWO", "", "adler32"),
    ]
    assert se_one.content("/u/deep/er/1") == CONTENT == se_two.content("/u/2")


async def test_a_replica_without_checksums_is_verified_by_size(
    workers: WorkerPool, se_bare: StorageElement, source: Path
) -> None:
    result = await workers.run(upload(source, se_bare.at("/u/bare")), nothing)
    assert (result.replicas[0].error, result.replicas[0].checked) == ("", "size")


async def test_a_dead_storage_element_does_not_affect_the_other(
    workers: WorkerPool, se_one: StorageElement, source: Path
) -> None:
    dead = ReplicaUrl(f"root://127.0.0.1:{free_port()}//x", "", "DEAD")
    result = await workers.run(upload(source, dead, se_one.at("/u/alone")), nothing)
    assert [(bool(each.error), each.kind) for each in result.replicas if each.se == "DEAD"] == [(True, "transient")]
    assert [each.error for each in result.replicas if each.se == "ONE"] == [""]
    assert se_one.content("/u/alone") == CONTENT


async def test_a_different_file_on_the_storage_is_not_touched(
    workers: WorkerPool, se_one: StorageElement, source: Path
) -> None:
    se_one.put("/u/foreign", b"foreign")
    result = await workers.run(upload(source, se_one.at("/u/foreign")), nothing)
    assert "wrong size: 7 bytes on the storage" in result.replicas[0].error
    assert result.replicas[0].kind == "permanent"
    assert se_one.content("/u/foreign") == b"foreign"


async def test_the_same_file_on_the_storage_counts_as_uploaded(
    workers: WorkerPool, se_one: StorageElement, source: Path
) -> None:
    target = se_one.at("/u/again")
    for _ in range(2):
        result = await workers.run(upload(source, target), nothing)
        assert result.replicas[0].error == ""


async def test_complete_replicas_are_found_without_sending(
    workers: WorkerPool, se_one: StorageElement, se_two: StorageElement, source: Path
) -> None:
    task = replace(upload(source, se_one.at("/u/found"), se_two.at("/u/found")), only_compare=True)
    result = await workers.run(task, nothing)
    assert [(bool(each.error), each.kind) for each in result.replicas] == [(True, "permanent")] * 2
    assert result.md5 == ""
    se_one.put("/u/found", CONTENT)
    se_two.put("/u/found", bytes(len(CONTENT)))
    result = await workers.run(task, nothing)
    assert [bool(each.error) for each in result.replicas] == [False, True]
    assert result.md5 == md5(CONTENT)
    assert se_two.content("/u/found") == bytes(len(CONTENT))


async def test_an_empty_file_is_refused(workers: WorkerPool, se_one: StorageElement, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(CopyError, match="cannot register empty files") as caught:
        await workers.run(upload(tmp_path / "empty", se_one.at("/u/empty")), nothing)
    assert caught.value.kind == "permanent"


async def test_a_file_that_differs_from_the_request_is_refused(
    workers: WorkerPool, se_one: StorageElement, source: Path
) -> None:
    for other in (replace(upload(source), size=5), replace(upload(source), modified_ns=5)):
        with pytest.raises(CopyError, match="changed during the upload") as caught:
            await workers.run(replace(other, targets=(se_one.at("/u/other"),)), nothing)
        assert caught.value.kind == "permanent"


def rewrite_with_old_time(source: Path) -> None:
    before = source.stat()
    with source.open("r+b") as file:
        file.write(b"changed")
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))


async def test_a_file_whose_modification_time_was_put_back_is_sent_again(
    workers: WorkerPool, se_one: StorageElement, source: Path
) -> None:
    task = upload(source, se_one.at("/u/put-back"))
    rewrite_with_old_time(source)
    with pytest.raises(CopyError, match="was changed during the upload; it is sent again") as caught:
        await workers.run(task, nothing)
    assert caught.value.kind == "transient"


async def test_a_file_that_changes_while_it_is_read_is_refused(
    workers: WorkerPool, se_one: StorageElement, source: Path
) -> None:
    def change(_: int) -> None:
        with source.open("r+b") as file:
            file.write(b"changed")

    with source.open("ab") as file:
        file.truncate(400_000_000)
    with pytest.raises(CopyError, match="changed during the upload"):
        await workers.run(upload(source, se_one.at("/u/changing")), change)


async def test_something_other_than_a_regular_file_is_refused(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path):
        task = replace(upload(path, se_one.at("/u/x")), size=5)
        with pytest.raises(CopyError, match="is not a file"):
            await workers.run(task, nothing)


async def test_a_missing_file_is_an_error(workers: WorkerPool, se_one: StorageElement, source: Path) -> None:
    task = replace(upload(source, se_one.at("/u/missing")), source=f"{source}.gone")
    with pytest.raises(CopyError, match="No such file") as caught:
        await workers.run(task, nothing)
    assert caught.value.kind == "permanent"


async def test_a_local_checksum_is_computed(workers: WorkerPool, source: Path) -> None:
    result = await workers.run(checksum(source), nothing)
    assert (result.size, result.md5) == (len(CONTENT), md5(CONTENT))


# Writes while the server is frozen, so that the library must send the bytes later, from wherever they are then.
_WRITE_FREE_AND_THAW = """
import os, signal, sys
from concurrent.futures import ThreadPoolExecutor
from aliend.storage.io.task_context import TaskContext
from aliend.storage.tasks import ReplicaUrl
from aliend.storage.worker.upload import ReplicaUpload

url, group = sys.argv[1], int(sys.argv[2])
context = TaskContext(lambda words: None, lambda: 1, ThreadPoolExecutor())
replica = ReplicaUpload(context, ReplicaUrl(url, "", "OWN"), 0)
def settle():
    while replica.in_flight:
        assert context.completions.process(100), "the server does not answer"
replica.open()
settle()
os.killpg(group, signal.SIGSTOP)
for number in range(8):
    replica.write(bytes([number + 1]) * (4 << 20), number * (4 << 20))
others = [b"\\xff" * (4 << 20) for _ in range(16)]  # takes the memory of the buffers, if they were freed
os.killpg(group, signal.SIGCONT)
settle()
replica.close()
settle()
print(replica.error, flush=True)
os._exit(0)
"""


def test_bytes_in_flight_outlive_their_writer(own_se: StorageElement) -> None:
    command = [sys.executable, "-c", _WRITE_FREE_AND_THAW, own_se.at("/late").url, str(own_se.process.pid)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
    assert (done.stdout.strip(), done.returncode) == ("None", 0), done.stderr
    content = own_se.content("/late")
    assert [content[number << 22 : (number + 1) << 22].strip(bytes([number + 1])) for number in range(8)] == [b""] * 8


async def test_replicas_are_read_back_and_wrong_ones_are_named(
    workers: WorkerPool, se_one: StorageElement, se_two: StorageElement
) -> None:
    good, bad = se_one.put("/u/good", CONTENT), se_two.put("/u/bad", CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    compared = await workers.run(Compare(1, (good, bad), len(CONTENT), md5(CONTENT)), nothing)
    assert [se for se, _ in compared.failures] == ["TWO"]
    gone = await workers.run(Compare(1, (se_one.at("/u/none"),), len(CONTENT), md5(CONTENT)), nothing)
    assert "no such file" in gone.failures[0][1].lower()


async def test_a_server_with_few_concurrent_checksums_does_not_delay_uploads(
    workers: WorkerPool, tmp_path: Path
) -> None:
    """The server asks all but one client to retry after 30 s; a query that fails is repeated before."""
    small = tmp_path / "small"
    small.write_bytes(CONTENT[:3_000_000])
    with storage_element("BUSY", tmp_path / "se", "xrootd.chksum max 1 adler32") as busy:
        tasks = [upload(small, busy.at(f"/u/{number}")) for number in range(16)]
        results = []
        for copy in asyncio.as_completed([workers.run(task, nothing) for task in tasks]):
            async with asyncio.timeout(28):
                results.append(await copy)
    assert [[each.checked for each in result.replicas] for result in results] == [["adler32"]] * 16
