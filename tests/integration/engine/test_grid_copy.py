"""Copies between real storage elements, with and without third-party copies."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from aliend.core.transfers.job import JobSpec
from tests.integration.engine.conftest import Daemon, RealGrid
from tests.integration.storage.conftest import StorageElement, storage_element
from tests.unit.engine.fakes import FakeCatalogue

pytestmark = pytest.mark.xdist_group("grid copy")

APART = "A::B::SE3"


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, StorageElement]]:
    """Two storage elements that fetch from each other, and one that does not."""
    program = shutil.which("xrdcp")
    assert program, "xrdcp is needed (Debian: apt install xrootd-client)"
    checksums, fetching = "xrootd.chksum max 2 md5 adler32", f"ofs.tpc autorm pgm {program} --server"
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                storage_element(
                    name, tmp_path_factory.mktemp(name[-3:]), checksums, *([] if name == APART else [fetching])
                )
            )
            for name in ("A::B::SE1", "A::B::SE2", APART)
        }


@pytest.fixture
async def daemon(tmp_path: Path, mixed: dict[str, StorageElement]) -> AsyncIterator[Daemon]:
    grid = RealGrid(ses=tuple(mixed), servers=dict(mixed))
    daemon = Daemon(tmp_path / "aliend.db", grid, FakeCatalogue(grid))
    await daemon.open()
    yield daemon
    await daemon.close()


async def copied(daemon: Daemon, source: str, target: str, storage: str) -> str:
    job = await daemon.engine.submit(JobSpec("copy", (source,), target, storage=storage), f"{source} {target}")
    return (await asyncio.wait_for(daemon.engine.wait(job.id), 60)).state


def data_of(daemon: Daemon, lfn: str) -> dict[str, bytes]:
    replicas = daemon.grid.replicas[daemon.grid.files[lfn].guid]
    return {se: daemon.grid.content(url) for se, url in replicas.items()}


async def test_a_third_party_copy_does_not_pass_through_this_machine(daemon: Daemon) -> None:
    content = os.urandom(30_000_001)
    daemon.grid.put("/a/f", content)
    assert await copied(daemon, "/a/f", "/b/f", f"disk:1,!{APART},!A::B::SE1") == "done"
    assert data_of(daemon, "/b/f") == {"A::B::SE2": content}
    assert not (daemon.path.parent / "spool").exists()


async def test_a_server_without_third_party_copies_gets_the_file_relayed(daemon: Daemon) -> None:
    content = os.urandom(5_000_001)
    daemon.grid.put("/a/f", content)
    assert await copied(daemon, "/a/f", "/b/f", "disk:3") == "done"
    assert data_of(daemon, "/b/f") == dict.fromkeys(("A::B::SE1", "A::B::SE2", APART), content)
    assert list((daemon.path.parent / "spool").iterdir()) == []


async def test_a_small_file_is_relayed(daemon: Daemon) -> None:
    daemon.grid.put("/a/f", b"x")
    assert await copied(daemon, "/a/f", "/b/f", f"disk:1,!{APART},!A::B::SE1") == "done"
    assert data_of(daemon, "/b/f") == {"A::B::SE2": b"x"}
    assert (daemon.path.parent / "spool").exists()


async def test_a_blocked_pair_is_not_tried_for_the_next_file(daemon: Daemon) -> None:
    pairs = daemon.engine._limiter.blocklist
    for name in "fg":
        daemon.grid.put(f"/a/{name}", os.urandom(5_000_001))
        assert await copied(daemon, f"/a/{name}", f"/b/{name}", APART) == "done"
        assert pairs.blocked(["A::B::SE1", "A::B::SE2"], [APART]) == (("A::B::SE1", APART),)


async def test_corrupted_bytes_are_registered_by_neither_method(daemon: Daemon) -> None:
    for name, se in (("f", "A::B::SE1"), ("g", APART)):
        entry = daemon.grid.put(f"/a/{name}", b"0123456789", [se])
        daemon.grid.store(daemon.grid.url(se, entry.guid), b"0123456780")
        assert await copied(daemon, f"/a/{name}", f"/b/{name}", "disk:1") == "failed"
        assert f"/b/{name}" not in daemon.grid.files
