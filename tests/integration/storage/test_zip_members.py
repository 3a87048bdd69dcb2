"""Members of archives on a real storage element."""

from __future__ import annotations

import io
import os
import random
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aliend.errors import CopyError
from aliend.storage.io.partial_file import partial_name
from aliend.storage.pool.worker_pool import WorkerPool
from aliend.storage.tasks import ReplicaUrl
from tests.integration.storage.conftest import (
    StorageElement,
    download,
    listing,
    nothing,
    storage_element,
    xrootd_environment,
)

MIB = 1 << 20
WORDS = random.Random(7)
CONTENTS = {
    "small.root": b"small",
    "sub/deep.root": os.urandom(3000),
    "empty.root": b"",
    "large.root": bytes(WORDS.choices(b"abcdefgh", k=9 * MIB + 17)),
    "last.root": os.urandom(2 * MIB),
}


@pytest.fixture
def tracing_se(tmp_path: Path) -> Iterator[StorageElement]:
    """A storage element whose log shows each open."""
    with storage_element("TRACING", tmp_path / "se", "xrootd.chksum max 2 md5", "ofs.trace open") as element:
        yield element


def archive(element: StorageElement, path: str, method: int = zipfile.ZIP_STORED) -> ReplicaUrl:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as written:
        for name, content in CONTENTS.items():
            written.writestr(name, content)
    return element.put(path, packed.getvalue())


def member(source: ReplicaUrl, name: str) -> ReplicaUrl:
    return replace(source, url=f"{source.url}#{name}")


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def openings(element: StorageElement) -> int:
    logs = [path for path in (element.root.parent).rglob("log") if path.is_file()]
    return sum(" ofs_open:" in line and "fn=" in line for path in logs for line in path.read_text().splitlines())


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
async def test_every_member_is_downloaded_or_resumed(
    method: int, workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    source = archive(se_one, f"/members/{method}.zip", method)
    for name, content in CONTENTS.items():
        target = tmp_path / Path(name).name
        await workers.run(download(target, content, member(source, name)), nothing)
        assert target.read_bytes() == content, name
        target.unlink()
        (tmp_path / partial_name(target.name, 1)).write_bytes(content[: len(content) // 2])
        await workers.run(download(target, content, member(source, name)), nothing)
        assert target.read_bytes() == content, name


async def test_many_members_open_the_archive_once(tracing_se: StorageElement, tmp_path: Path) -> None:
    source = archive(tracing_se, "/many.zip")
    before = openings(tracing_se)
    async with WorkerPool(processes=1, environment=xrootd_environment()) as workers:
        listed = await workers.run(listing(source), nothing)
        assert dict(listed.members) == {name: len(content) for name, content in CONTENTS.items()}
        for name, content in CONTENTS.items():
            await workers.run(download(tmp_path / Path(name).name, content, member(source, name)), nothing)
    assert openings(tracing_se) - before == 1


async def test_a_corrupt_member_of_unknown_md5_is_detected(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    source = archive(se_one, "/members/damaged.zip")
    path = se_one.root / "members/damaged.zip"
    damaged = bytearray(path.read_bytes())
    damaged[damaged.index(CONTENTS["large.root"][:1000]) + 5 * MIB] ^= 1
    path.write_bytes(damaged)
    task = download(tmp_path / "f", CONTENTS["large.root"], member(source, "large.root"))
    with pytest.raises(CopyError, match="CRC-32") as caught:
        await workers.run(replace(task, md5=""), nothing)
    assert caught.value.kind == "permanent"
    assert names(tmp_path) == []


async def test_a_file_that_is_not_an_archive_is_refused(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    source = se_one.put("/members/no.zip", b"not an archive at all" * 100)
    with pytest.raises(CopyError, match="cannot read the archive"):
        await workers.run(download(tmp_path / "f", b"x", member(source, "f")), nothing)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
async def test_a_member_can_be_extracted_from_the_whole_archive(
    method: int, workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    source = archive(se_one, f"/members/whole{method}.zip", method)
    for name, content in CONTENTS.items():
        task = download(tmp_path / Path(name).name, content, member(source, name))
        await workers.run(replace(task, whole_archive=True), nothing)
        assert (tmp_path / Path(name).name).read_bytes() == content
    assert names(tmp_path) == sorted(Path(name).name for name in CONTENTS)


async def test_a_written_file_is_read_back_on_request(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    content = os.urandom(9 * MIB)
    task = download(tmp_path / "f", content, se_one.put("/members/plain", content))
    await workers.run(replace(task, verify=True), nothing)
    assert (tmp_path / "f").read_bytes() == content
