"""Directories that cannot be listed to the end: they are reported, the rest is copied, and nothing is deleted."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aliend.core.transfers.job import JobSpec
from aliend.engine.attempts import replica_registration
from aliend.engine.expansion import local_files
from aliend.engine.expansion.disk_space import DiskSpaceCheck
from aliend.engine.expansion.dry_run import DryRunResult, dry_run
from aliend.errors import ServiceError
from aliend.store import NewTransfer
from tests.unit.engine.conftest import House


class BadDirectory(Iterator["os.DirEntry[str]"]):
    """A directory whose first entries can be read."""

    def __init__(self, real: Any, good: int) -> None:  # noqa: ANN401 - what os.scandir returns
        self._real = real
        self._good = good

    def __enter__(self) -> Iterator[os.DirEntry[str]]:
        return self

    def __exit__(self, *error: object) -> None:
        self._real.close()

    def __iter__(self) -> Iterator[os.DirEntry[str]]:
        return self

    def __next__(self) -> os.DirEntry[str]:
        if not self._good:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._good -= 1
        entry: os.DirEntry[str] = next(self._real)
        return entry


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica_registration, "_CHECK_INTERVAL", 0.0)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a tree; reading its directory `bad` fails after one entry."""
    for name in ("one", "bad/first", "bad/second", "good/two"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    real = os.scandir

    def scandir(path: str) -> Any:  # noqa: ANN401 - what os.scandir returns
        return BadDirectory(real(path), 1) if str(path).endswith("/tree/bad") else real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    return tmp_path / "tree"


async def states(house: House, job: int) -> dict[str, str]:
    return {one.source.rpartition("/tree/")[2]: one.state for one in await house.engine.transfers(job)}


def bad_and(files: dict[str, str], expected: set[str]) -> None:
    """Check that the directory failed, and that at least the files outside it arrived."""
    assert files.pop("bad") == "failed"
    assert set(files.values()) == {"done"}
    assert expected <= set(files)


@pytest.mark.parametrize("purpose", ["copy", "sync"])
async def test_the_readable_files_of_a_local_source_are_uploaded(house: House, tree: Path, purpose: str) -> None:
    house.grid.put("/a/extra", b"extra")
    more = {"purpose": purpose, "overwrite": "changed", "delete": purpose == "sync"}
    job = await house.done(JobSpec("upload", (f"{tree}/",), "/a/", storage="disk:1", **more))  # type: ignore[arg-type]
    assert job.state == "partial"
    bad_and(await states(house, job.id), {"one", "good/two"})
    (failed,) = await house.engine.transfers(job.id, states=["failed"])
    assert failed.message == f"cannot read {tree}/bad: Input/output error"
    assert "/a/extra" in house.grid.files


async def test_a_dry_run_names_the_directory(house: House, tree: Path) -> None:
    results: list[DryRunResult] = []

    async def collect(result: DryRunResult) -> None:
        results.append(result)

    await dry_run(JobSpec("upload", (f"{tree}/",), "/a/"), house.catalogue, collect)
    failing = [result.source for result in results if result.action == "fail"]
    assert failing == [f"{tree}/bad"]
    assert {f"{tree}/one", f"{tree}/good/two"} <= {result.source for result in results}


async def test_a_target_that_cannot_be_listed_is_named_and_loses_nothing(house: House, tree: Path) -> None:
    for name in ("one", "new", "good/two"):
        house.grid.put(f"/a/{name}", name.encode())
    spec = JobSpec("download", ("/a/",), f"{tree}/", purpose="sync", overwrite="changed", delete=True)
    job = await house.done(spec)
    assert job.state == "partial"
    assert (tree / "new").read_text() == "new"
    (failed,) = await house.engine.transfers(job.id, states=["failed"])
    assert (failed.source, failed.message) == (f"{tree}/bad", f"cannot read {tree}/bad: Input/output error")
    assert {path.name for path in (tree / "bad").iterdir()} == {"first", "second"}


async def test_a_directory_of_the_catalogue_that_fails_does_not_stop_the_next_source(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.grid.put("/a/bad/one", b"1")
    house.grid.put("/a/good/two", b"2")
    real = house.catalogue.find_files

    async def find_files(directory: str, /, **more: Any) -> Any:  # noqa: ANN401 - passed on
        async for batch in real(directory, **more):
            yield batch
            if "bad" in directory:
                raise ServiceError("find", 22, "Query failed")

    monkeypatch.setattr(house.catalogue, "find_files", find_files)
    job = await house.done(JobSpec("download", ("/a/bad/", "/a/good/"), f"{tmp_path}/out/"))
    assert job.state == "partial"
    assert (tmp_path / "out/one").read_text() == "1"
    assert (tmp_path / "out/two").read_text() == "2"
    (failed,) = await house.engine.transfers(job.id, states=["failed"])
    assert (failed.source, failed.message) == ("/a/bad/", "cannot list /a/bad/: Query failed")


def test_an_entry_whose_kind_cannot_be_read_is_reported_as_a_file() -> None:
    class Entry:
        path, name = "/x/f", "f"

        def is_dir(self, *, follow_symlinks: bool = True) -> bool:
            raise OSError(errno.EIO, os.strerror(errno.EIO), self.path, follow_symlinks)

    assert not local_files._is_directory(Entry())  # type: ignore[arg-type]
    file = local_files._file(Entry(), "f")  # type: ignore[arg-type]
    assert (file.problem, file.obstacle) == ("cannot read /x/f: Input/output error", None)


def test_the_space_check_ignores_directories_that_cannot_be_read(tree: Path) -> None:
    (tree / ".f.1.part").write_bytes(b"x" * 10)
    check = DiskSpaceCheck(f"{tree}/", keep_free=0)
    assert check._partial_bytes() == 10
    check.require_space([NewTransfer("/a/f", str(tree / "f"), 10)])
