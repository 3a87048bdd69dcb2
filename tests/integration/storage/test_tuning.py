"""Tuning of copies and downloads over HTTP, on a real storage element."""

from __future__ import annotations

import errno
import os
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aliend.errors import CopyError
from aliend.storage.errors import StorageError
from aliend.storage.io.partial_file import partial_name
from aliend.storage.pool.worker_pool import WorkerPool
from aliend.storage.tasks import ReplicaUrl, Tuning
from aliend.storage.worker import min_rate
from tests.integration.storage.conftest import (
    StorageElement,
    download,
    nothing,
    upload,
    web,
)

MIB = 1 << 20
LARGE = random.Random(3).randbytes(70 * MIB)
CONTENT = LARGE[: 5 * MIB + 3]


@pytest.mark.parametrize(
    "tuning", [Tuning(streams=4), Tuning(chunks=3, chunk_size=300_000), Tuning(chunk_size=1 << 30)]
)
async def test_a_file_is_the_same_with_any_tuning(
    tuning: Tuning, workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    source = se_one.put("/tuned/large", LARGE)
    await workers.run(replace(download(tmp_path / "f", LARGE, source), tuning=tuning), nothing)
    assert (tmp_path / "f").read_bytes() == LARGE
    target = se_one.at(f"/tuned/up{tuning.chunks}{tuning.streams}")
    result = await workers.run(replace(upload(tmp_path / "f", target), tuning=tuning), nothing)
    assert result.replicas[0].error == ""


async def test_a_file_has_as_many_connections_as_streams(
    workers: WorkerPool, own_se: StorageElement, tmp_path: Path
) -> None:
    source = own_se.put("/large", LARGE)
    await workers.run(replace(download(tmp_path / "f", LARGE, source), tuning=Tuning(streams=3)), nothing)
    assert connections_to(own_se.port) == 3


def connections_to(port: int) -> int:
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()]
    return sum(line[2].endswith(f":{port:04X}") and line[3] == "01" for line in lines)


def test_a_replica_that_is_too_slow_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(min_rate, "MEASURE_INTERVAL", 0.05)

    def trickle() -> Iterator[bytes]:
        while True:
            time.sleep(0.02)
            yield b"x"

    with pytest.raises(StorageError, match="the minimum is 1000 bytes/s") as caught:
        list(min_rate.require_min_rate(trickle(), 1000))
    assert caught.value.kind == "transient"
    assert list(min_rate.require_min_rate(iter([b"a", b"b"]), 1000)) == [b"a", b"b"]


async def test_a_file_is_downloaded_and_resumed_over_http(
    http_se: tuple[StorageElement, int], workers: WorkerPool, tmp_path: Path
) -> None:
    source = web(http_se, "/d/f", CONTENT)
    await workers.run(download(tmp_path / "f", CONTENT, source), nothing)
    assert (tmp_path / "f").read_bytes() == CONTENT
    (tmp_path / partial_name("g", 1)).write_bytes(CONTENT[:MIB])
    http_se[0].put("/d/f", bytes(MIB) + CONTENT[MIB:])  # the first MiB is not requested again
    await workers.run(download(tmp_path / "g", CONTENT, source), nothing)
    assert (tmp_path / "g").read_bytes() == CONTENT


async def test_http_errors_are_reported(
    http_se: tuple[StorageElement, int], workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    gone = ReplicaUrl(f"http://127.0.0.1:{http_se[1]}//no/such", "", "WEB")
    with pytest.raises(CopyError, match="the server answered 404") as caught:
        await workers.run(download(tmp_path / "f", CONTENT, gone), nothing)
    assert caught.value.kind == "permanent"
    short = web(http_se, "/d/short", CONTENT[:-1])
    with pytest.raises(CopyError, match="in the catalogue"):
        await workers.run(download(tmp_path / "f", CONTENT, short), nothing)
    wrong = web(http_se, "/d/wrong", CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    with pytest.raises(CopyError, match="wrong content: md5 is"):
        await workers.run(download(tmp_path / "f", CONTENT, wrong), nothing)
    other = se_one.put("/d/other", CONTENT)
    result = await workers.run(download(tmp_path / "f", CONTENT, gone, wrong, other), nothing)
    assert result.se == "ONE"
    assert [(se, number) for se, _, number in result.failures] == [("WEB", errno.ENOENT), ("WEB", errno.EBADMSG)]
    assert os.listdir(tmp_path) == ["f"]  # noqa: PTH208 - names
