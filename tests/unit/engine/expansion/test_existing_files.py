"""Copies of many files that exist at their target: what is compared at once, and what is left to attempts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aliend.core.transfers.job import Job, JobSpec, JobState
from aliend.core.transfers.overwrite import ALREADY_THERE
from aliend.engine.attempts import replica_registration
from aliend.engine.expansion.existing_files import ExistingFiles
from aliend.errors import NotConnected
from aliend.storage.tasks import Checksums, LeftBatch
from aliend.store import NewTransfer
from tests.unit.engine.conftest import House, eventually
from tests.unit.engine.fakes import md5_of

FILES = 40


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica_registration, "_CHECK_INTERVAL", 0.0)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Create a local directory with some files."""
    (tmp_path / "d").mkdir()
    for number in range(FILES):
        (tmp_path / "d" / f"{number:02}").write_bytes(content(number))
    return tmp_path / "d"


def content(number: int) -> bytes:
    return b"file %02d" % number


def up(here: Path, **more: object) -> JobSpec:
    return JobSpec("upload", (f"{here}/",), "/a/d/", **more)  # type: ignore[arg-type]


def down(here: Path, **more: object) -> JobSpec:
    return JobSpec("download", ("/a/d/",), f"{here}/", **more)  # type: ignore[arg-type]


def put(house: House, files: int = FILES) -> None:
    """Register the first files that are not registered."""
    house.catalogue.page = 1000
    for number in range(files):
        if (lfn := f"/a/d/{number:02}") not in house.grid.files:
            house.grid.put(lfn, content(number))


async def attempted(house: House, job: int) -> list[str]:
    """Return the names of the files that were attempted."""
    return [one.source.rpartition("/")[2] for one in await house.engine.transfers(job) if one.attempts]


@pytest.mark.parametrize(("spec", "message"), [(up, ALREADY_THERE), (down, "")])
async def test_files_that_are_there_need_neither_attempts_nor_requests_of_their_own(
    house: House, here: Path, spec: Callable[[Path], JobSpec], message: str
) -> None:
    put(house)
    job = await house.done(spec(here))
    assert (job.state, job.files.done, job.bytes_done) == ("done", FILES, FILES * len(content(0)))
    assert await attempted(house, job.id) == []
    assert {one.message for one in await house.engine.transfers(job.id)} == {message}
    assert sum(house.catalogue.calls.values()) <= 2
    assert {type(task) for task in house.workers.tasks} == {Checksums}


@pytest.mark.parametrize("spec", [up, down])
async def test_only_a_different_file_is_attempted(house: House, here: Path, spec: Callable[..., JobSpec]) -> None:
    put(house)
    (here / "07").write_bytes(b"FILE 07")
    job = await house.done(spec(here, overwrite="changed"))
    assert (job.state, await attempted(house, job.id)) == ("done", ["07"])
    entry = house.grid.files["/a/d/07"]
    assert entry.md5 == md5_of((here / "07").read_bytes())


@pytest.mark.parametrize("spec", [up, down])
async def test_files_that_are_always_replaced_are_not_compared(
    house: House, here: Path, spec: Callable[..., JobSpec]
) -> None:
    put(house)
    job = await house.done(spec(here, overwrite="always"))
    assert (job.state, len(await attempted(house, job.id))) == ("done", FILES)


async def test_new_files_are_looked_up_once(house: House, here: Path) -> None:
    house.grid.put("/a/other", b"x")
    files = ExistingFiles(Job(1, up(here), JobState.EXPANDING, 0), house.catalogue, house.workers)
    new = [NewTransfer(f"{here}/{number:02}", f"/a/d/{number:02}", 7) for number in range(FILES)]
    assert await files.mark(new) == await files.mark(new) == new
    assert house.catalogue.calls["stat"] == 1


async def test_a_requested_number_of_replicas_is_checked_for_each_file(house: House, here: Path) -> None:
    put(house)
    job = await house.done(up(here, storage="disk:2"))
    assert (job.state, len(await attempted(house, job.id))) == ("done", FILES)
    assert all(len(house.grid.replicas[entry.guid]) == 2 for entry in house.grid.files.values())


async def test_a_file_that_another_job_is_writing_is_not_believed(house: House, here: Path) -> None:
    put(house)
    house.workers.held = {str(here / "07")}
    first = await house.submit(down(here, overwrite="always"))
    await eventually(lambda: house.workers.running == 1)
    second = await house.submit(down(here, overwrite="changed"))
    await house.until_done(second.id, FILES - 1)
    house.workers.held = set()
    assert (await house.ended(first.id)).state == "done"
    assert (await house.ended(second.id)).state == "done"
    assert (here / "07").read_bytes() == content(7)


async def test_names_that_were_left_incomplete_are_completed(house: House, here: Path) -> None:
    house.workers.bad_ses = {"A::B::SE2"}
    spec = up(here, storage="A::B::SE1,A::B::SE2", retries=0, recovery=False)
    job = await house.submit(spec)
    await eventually(lambda: house.grid.files and not house.engine.progress())
    await house.engine.cancel(job.id)
    incomplete = {lfn for lfn, entry in house.grid.files.items() if len(house.grid.replicas[entry.guid]) == 1}
    assert incomplete
    house.workers.bad_ses = set()
    await house.restart()
    put(house)
    assert (await house.done(up(here))).state == "done"
    assert {len(house.grid.replicas[house.grid.files[lfn].guid]) for lfn in incomplete} == {2}


async def test_a_link_on_the_way_to_the_target_is_refused(house: House, here: Path, tmp_path: Path) -> None:
    put(house)
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "d").symlink_to(here)
    job = await house.done(JobSpec("download", ("/a/",), f"{tmp_path}/root/"))
    assert (job.state, job.files.failed) == ("failed", FILES)


async def test_a_lost_central_service_leaves_the_comparison_to_the_attempts(house: House, here: Path) -> None:
    put(house)
    house.catalogue.before["stat"] = [NotConnected("the service does not answer")]
    job = await house.done(up(here))
    assert (job.state, job.files.done) == ("done", FILES)


async def test_a_few_files_are_left_to_their_attempts(house: House, here: Path) -> None:
    for number in range(5, FILES):
        (here / f"{number:02}").unlink()
    put(house, 5)
    house.workers.faults = [LeftBatch()]
    job = await house.done(down(here))
    assert (job.state, len(await attempted(house, job.id))) == ("done", 5)
