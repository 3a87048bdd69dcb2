"""Files whose only replica is on tape: read from there, and left alone by everything that does not replace them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Grid, User, make_user, new_grid

pytestmark = pytest.mark.xdist_group("tape")

TAPE = "ALICE::SANDBOX::TAPE1"


@pytest.fixture(scope="module")
def tape_grid() -> Iterator[Grid]:
    with new_grid("--storage", "3") as made:
        made.must("set", "find_cache=0", "replica_cache=0")
        yield made


@pytest.fixture
def reader(tape_grid: Grid) -> Iterator[User]:
    yield from make_user(tape_grid.exports)


def replicas(user: User, lfn: str) -> dict[str, str]:
    return {one["seName"]: one["pfn"] for one in user.json("whereis", lfn)["results"]}


def on_storage(grid: Grid, pfn: str) -> Path:
    """The file of a replica, on this machine."""
    (found,) = grid.directory.rglob(pfn.rpartition("/")[2])
    return found


def test_a_file_on_tape_is_read_and_unchanged(reader: User, tape_grid: Grid) -> None:
    content = os.urandom(100_000)
    (reader.home / "f").write_bytes(content)
    (reader.home / "other").write_bytes(b"something else")
    reader.must("cp", "file:f", "taped@tape:1")
    (pfn,) = replicas(reader, "taped").values()
    taped = on_storage(tape_grid, pfn)
    before = (taped.stat().st_mtime_ns, taped.stat().st_ino)

    reader.must("cp", "taped", "file:back")
    assert (reader.home / "back").read_bytes() == content
    (job,) = [one["job"] for one in reader.json("transfers", "list", "--all")["jobs"] if one["direction"] == "download"]
    (file,) = reader.json("transfers", "show", str(job))["transfers"]
    assert [attempt["se"] for attempt in file["history"]] == [TAPE]

    assert "taped exists and differs" in reader.run("cp", "file:other", "taped@disk:1").stderr
    reader.must("cp", "file:f", "taped@disk:1")  # the same content: kept where it is
    reader.must("cp", "alien:taped", "alien:copy@disk:1")
    assert list(replicas(reader, "taped")) == [TAPE]
    assert list(replicas(reader, "copy")) != [TAPE]
    assert (taped.stat().st_mtime_ns, taped.stat().st_ino) == before
    assert hashlib.md5(taped.read_bytes()).hexdigest() == hashlib.md5(content).hexdigest()


def test_a_replica_on_disk_is_added_beside_the_one_on_tape(reader: User, tape_grid: Grid) -> None:
    (reader.home / "f").write_bytes(os.urandom(100_000))
    reader.must("cp", "file:f", "wanted@tape:1")
    (pfn,) = replicas(reader, "wanted").values()
    taped = on_storage(tape_grid, pfn)
    reader.must("replicate", "wanted", "--to", "disk:1")
    there = replicas(reader, "wanted")
    assert there[TAPE] == pfn
    assert len(there) == 2
    assert taped.read_bytes() == (reader.home / "f").read_bytes()
