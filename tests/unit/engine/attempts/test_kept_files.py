"""A file that is kept fulfils what was requested; a cancelled upload leaves all replicas or none."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aliend.core.catalogue.storage_spec import is_incomplete, unfulfilled
from aliend.core.transfers.job import JobSpec
from aliend.engine.attempts import replacement, replica_registration
from aliend.errors import ServiceError
from tests.unit.engine.conftest import House, eventually


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica_registration, "_CHECK_INTERVAL", 0.0)
    monkeypatch.setattr(replacement, "_REPLICA_CACHE", 0.0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tree" / "f"
    path.parent.mkdir()
    path.write_bytes(b"new data")
    return path


def up(source: Path | str, **more: object) -> JobSpec:
    return JobSpec("upload", (str(source),), "/a/f", **more)  # type: ignore[arg-type]


def replicas(house: House) -> set[str]:
    return set(house.grid.replicas[house.grid.files["/a/f"].guid])


@pytest.mark.parametrize(
    ("spec", "registered", "lacking"),
    [
        ("disk:2", {"A::B::1"}, (1, "disk:1")),
        ("disk:2", {"A::B::1", "A::B::2"}, (0, "")),
        ("A::B::2", {"A::B::1"}, (1, "A::B::2")),
        ("a::b::1,disk:1,!A::B::3", {"A::B::1"}, (1, "disk:1,!A::B::3")),
        ("disk:1,A::B::2", {"A::B::1"}, (1, "A::B::2")),
        ("disk:1,tape:1", {"A::B::1"}, (1, "tape:1")),
    ],
)
def test_missing_replicas_are_requested(spec: str, registered: set[str], lacking: tuple[int, str]) -> None:
    assert unfulfilled(spec, registered) == lacking


@pytest.mark.parametrize("overwrite", ["never", "changed"])
async def test_a_kept_file_gets_the_requested_replicas(house: House, file: Path, overwrite: str) -> None:
    house.grid.put("/a/f", b"new data", ("A::B::SE1",))
    job = await house.done(up(file, storage="disk:2", overwrite=overwrite))
    assert job.state == "done"
    assert len(replicas(house)) == 2


async def test_a_kept_file_without_a_storage_request_is_not_looked_up(house: House, file: Path) -> None:
    house.grid.put("/a/f", b"new data", ("A::B::SE1",))
    assert (await house.done(up(file))).state == "done"
    assert house.catalogue.calls["whereis"] == house.catalogue.calls["commit"] == 0


async def test_a_complete_file_takes_one_lookup(house: House, file: Path) -> None:
    house.grid.put("/a/f", b"new data", ("A::B::SE1", "A::B::SE2"))
    assert (await house.done(up(file, storage="disk:2"))).state == "done"
    assert (house.catalogue.calls["whereis"], house.catalogue.calls["access"]) == (1, 0)


async def test_a_file_that_cannot_be_completed_is_kept_and_says_so(house: House, file: Path) -> None:
    house.grid.put("/a/f", b"new data", ("A::B::SE1",))
    house.workers.bad_ses = {"A::B::SE2", "A::B::SE3"}
    job = await house.done(up(file, storage="disk:2", retries=0))
    message = (await house.only(job.id)).message
    assert message.startswith("kept, 1 of 2 replicas (A::B::SE1): ")
    assert is_incomplete(message)
    assert replicas(house) == {"A::B::SE1"}


@pytest.mark.parametrize("purpose", ["copy", "sync"])
async def test_a_file_that_an_earlier_job_left_incomplete_is_completed(house: House, file: Path, purpose: str) -> None:
    house.workers.bad_ses = {"A::B::SE2", "A::B::SE3"}
    failed = await house.done(up(file, retries=0))
    assert (failed.state, replicas(house)) == ("failed", {"A::B::SE1"})
    house.workers.bad_ses = set()
    source, target = (f"{file.parent}/", "/a/") if purpose == "sync" else (str(file), "/a/f")
    spec = JobSpec("upload", (source,), target, purpose=purpose, overwrite="changed")  # type: ignore[arg-type]
    assert (await house.done(spec)).state == "done"
    assert len(replicas(house)) == 2
    before = house.catalogue.calls["whereis"]
    assert (await house.done(spec)).state == "done"
    assert house.catalogue.calls["whereis"] == before


async def test_a_synchronisation_checks_the_replicas_that_it_was_asked_for(house: House, file: Path) -> None:
    house.grid.put("/a/f", b"new data", ("A::B::SE1",))
    spec = JobSpec("upload", (f"{file.parent}/",), "/a/", purpose="sync", overwrite="changed", storage="disk:2")
    async with house.engine.plan(spec) as plan:
        assert [one.reason async for page in plan.copies() for one in page] == ["1 of 2 replicas"]
    assert (await house.done(spec)).state == "done"
    assert len(replicas(house)) == 2


async def test_a_cancelled_upload_registers_what_it_has_written(
    house: House, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, go_on = house.catalogue.commit, asyncio.Event()

    async def commit(*words: object) -> None:
        await real(*words)  # type: ignore[arg-type]
        await go_on.wait()

    monkeypatch.setattr(house.catalogue, "commit", commit)
    job = await house.submit(up(file))
    await eventually(lambda: house.catalogue.calls["commit"] == 1)
    await house.engine.cancel(job.id)
    go_on.set()
    await eventually(lambda: not house.engine.progress(job.id) and house.catalogue.calls["commit"] == 2)
    assert (await house.ended(job.id)).state == "cancelled"
    assert len(replicas(house)) == 2


async def test_a_cancelled_upload_that_cannot_be_completed_is_removed(house: House, file: Path) -> None:
    house.workers.unfinished = {"root://A::B::SE2//guid-1", "root://A::B::SE3//guid-1"}
    job = await house.submit(up(file))
    await house.until(job.id, "waiting")
    assert replicas(house) == {"A::B::SE1"}
    await house.engine.cancel(job.id)
    await eventually(lambda: "/a/f" not in house.grid.files)


async def test_cancelling_never_removes_a_file_that_existed(house: House, file: Path) -> None:
    house.grid.put("/a/f", b"new data", ("A::B::SE1",))
    house.workers.unfinished = {"root://A::B::SE2//guid-1", "root://A::B::SE3//guid-1"}
    job = await house.submit(up(file, storage="disk:2"))
    await house.until(job.id, "waiting")
    await house.engine.cancel(job.id)
    await house.ended(job.id)
    house.catalogue.before["stat"] = [ServiceError("stat", 5, "the clean-up asks nothing")]
    await eventually(lambda: not house.engine._running.by_transfer)
    assert replicas(house) == {"A::B::SE1"}
