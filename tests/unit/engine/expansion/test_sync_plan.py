"""Synchronisations: what is copied, what is deleted, and when nothing is deleted."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from aliend.core.catalogue.selection import Selection
from aliend.core.transfers.job import JobSpec
from aliend.engine.attempts import replica_registration
from aliend.engine.expansion import sync_plan
from aliend.engine.expansion.sync_plan import _key_of
from aliend.errors import CopyError, NotConnected, ServiceError
from aliend.storage.tasks import Checksum
from tests.unit.engine.conftest import House, eventually


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica_registration, "_CHECK_INTERVAL", 0.0)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Create a local directory beside the engine's."""
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


def up(here: Path, **more: object) -> JobSpec:
    spec = {"overwrite": "changed", "touch_empty": True, "purpose": "sync", "storage": "disk:1", **more}
    return JobSpec("upload", (f"{here}/",), "/a/", **spec)  # type: ignore[arg-type]


def down(here: Path, **more: object) -> JobSpec:
    spec = {"overwrite": "changed", "purpose": "sync", **more}
    return JobSpec("download", ("/a/",), f"{here}/", **spec)  # type: ignore[arg-type]


def fill(here: Path, **files: str) -> None:
    for name, text in files.items():
        path = here / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (1_000_000, 1_000_000))


def local(here: Path) -> dict[str, str]:
    return {str(p.relative_to(here)): p.read_text() for p in sorted(here.rglob("*")) if p.is_file()}


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def move_away(directory: Path) -> None:
    directory.rename(directory.with_name("elsewhere"))


def remote(house: House) -> dict[str, str]:
    found = {}
    for lfn, entry in sorted(house.grid.files.items()):
        urls = list(house.grid.replicas.get(entry.guid, {}).values())
        found[lfn] = house.grid.content(urls[0]).decode() if urls else ""
    return found


async def planned(house: House, spec: JobSpec) -> list[tuple[str, str, str]]:
    async with house.engine.plan(spec) as plan:
        copies = [one async for page in plan.copies() for one in page]
        deletions = [one async for page in plan.deletions() for one in page]
    return [(one.action, one.below, one.reason) for one in [*copies, *deletions]]


async def moved(house: House, job: int) -> list[str]:
    return [one.source.rpartition("/")[2] for one in await house.engine.transfers(job)]


async def test_only_missing_and_different_files_are_uploaded(house: House, here: Path) -> None:
    fill(here, same="same", size="longer", text="abcd", new__one="new")
    for name, text in (("same", "same"), ("size", "long"), ("text", "dcba"), ("extra", "extra")):
        house.grid.put(f"/a/{name}", text.encode())
    job = await house.done(up(here))
    assert (job.state, await moved(house, job.id)) == ("done", ["one", "size", "text"])
    everything = {f"/a/{name}": text for name, text in local(here).items()}
    assert remote(house) == {**everything, "/a/extra": "extra"}


async def test_only_missing_and_different_files_are_downloaded(house: House, here: Path) -> None:
    for name, text in (("same", "same"), ("size", "longer"), ("text", "abcd"), ("new/one", "new")):
        house.grid.put(f"/a/{name}", text.encode())
    fill(here, same="same", size="long", text="dcba", extra="extra")
    job = await house.done(down(here))
    assert (job.state, await moved(house, job.id)) == ("done", ["one", "size", "text"])
    assert local(here) == {"same": "same", "size": "longer", "text": "abcd", "new/one": "new", "extra": "extra"}


async def test_extra_files_of_the_target_are_deleted_at_the_end_on_request(house: House, here: Path) -> None:
    fill(here, same="same", extra="extra", d__extra="extra")
    for name, text in (("same", "same"), ("new", "new"), ("gone", "gone")):
        house.grid.put(f"/a/{name}", text.encode())
    house.grid.put("/ab/other", b"outside")
    assert (await house.done(down(here, delete=True))).state == "done"
    assert local(here) == {"same": "same", "new": "new", "gone": "gone"}
    (here / "gone").unlink()
    assert (await house.done(up(here, delete=True))).state == "done"
    assert remote(house) == {"/a/same": "same", "/a/new": "new", "/ab/other": "outside"}


async def test_the_plan_equals_what_the_job_does_and_changes_nothing(house: House, here: Path) -> None:
    fill(here, b="b", a__a="a", same="same", empty="")
    for name, text in (("same", "same"), ("b", "B"), ("z", "z"), ("c", "c")):
        house.grid.put(f"/a/{name}", text.encode())
    before = remote(house)
    spec = up(here, delete=True)
    assert await planned(house, spec) == [
        ("copy", "a/a", "missing"),
        ("copy", "b", "same size, different content"),
        ("copy", "empty", "missing"),
        ("delete", "c", "not in the source"),
        ("delete", "z", "not in the source"),
    ]
    assert (remote(house), await house.engine.jobs()) == (before, [])
    job = await house.done(spec)
    assert await moved(house, job.id) == ["a", "b", "empty"]
    deleted = await house.engine.deletions(job.id)
    assert [(one.below, one.state) for one in deleted] == [("c", "deleted"), ("z", "deleted")]
    assert await planned(house, spec) == []


async def test_excluded_files_are_neither_copied_nor_deleted(house: House, here: Path) -> None:
    fill(here, f="f", skip_log="new")
    house.grid.put("/a/old_log", b"old")
    await house.done(up(here, delete=True, selection=Selection(patterns_out=("*_log",))))
    assert remote(house) == {"/a/f": "f", "/a/old_log": "old"}


async def test_nothing_is_deleted_if_a_file_did_not_arrive_until_it_has(house: House, here: Path) -> None:
    fill(here, extra="extra")
    house.grid.put("/a/f", b"f")
    house.workers.faults = [CopyError("broken", "permanent")]
    job = await house.done(down(here, delete=True))
    assert (job.state, local(here)) == ("failed", {"extra": "extra"})
    assert "nothing was deleted" in job.message
    await house.engine.retry(job.id, "again")
    assert ((await house.ended(job.id)).state, local(here)) == ("done", {"f": "f"})


@pytest.mark.parametrize("delete", [True, False])
async def test_an_empty_source_deletes_nothing(house: House, here: Path, delete: bool) -> None:
    house.grid.put("/a/f", b"f")
    job = await house.done(up(here, delete=delete))
    assert (job.state, remote(house)) == ("partial" if delete else "done", {"/a/f": "f"})
    assert ("the source has no files" in job.message) is delete
    assert await planned(house, up(here, delete=delete)) == []


async def test_a_source_that_does_not_exist_deletes_nothing(house: House, here: Path) -> None:
    fill(here, f="f")
    job = await house.done(down(here, delete=True))
    assert (job.state, local(here)) == ("failed", {"f": "f"})
    house.grid.put("/a/f", b"f")
    move_away(here)
    job = await house.done(up(here, delete=True))
    assert (job.state, remote(house)) == ("failed", {"/a/f": "f"})


async def test_a_source_that_cannot_be_listed_completely_deletes_nothing(
    house: House, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(here, f="f", closed__g="g")
    house.grid.put("/a/extra", b"extra")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("closed"):
            raise FileNotFoundError(2, "No such file or directory")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    job = await house.done(up(here, delete=True))
    assert (job.state, remote(house)) == ("partial", {"/a/f": "f", "/a/extra": "extra"})


async def test_an_unreadable_part_of_the_source_holds_the_job_until_it_is_readable(
    house: House, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(here, f="f", closed__g="g")
    house.grid.put("/a/extra", b"extra")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    job = await house.submit(up(here, delete=True))
    held = await house.until_job(job.id, "paused")
    assert "closed: permission denied; make it readable" in held.message
    assert remote(house) == {"/a/extra": "extra"}
    monkeypatch.setattr(os, "scandir", scandir)
    await house.engine.resume(job.id)
    assert (await house.ended(job.id)).state == "done"
    assert remote(house) == {"/a/f": "f", "/a/closed/g": "g"}


@pytest.mark.parametrize("error", [ServiceError("find", 1, "no"), NotConnected("nobody there")])
async def test_a_listing_that_fails_before_the_deletion_deletes_nothing(
    house: House, here: Path, error: Exception
) -> None:
    fill(here, f="f", extra="extra")
    house.grid.put("/a/f", b"f")
    spec = down(here, delete=True)
    house.workers.hold = asyncio.Event()
    house.grid.put("/a/g", b"g")
    job = await house.submit(spec)
    await house.until(job.id, "running")
    house.catalogue.before["find"] = [error]
    house.workers.hold.set()
    if isinstance(error, ServiceError):
        ended = await house.ended(job.id)
        assert (ended.state, local(here)["extra"]) == ("partial", "extra")
        return
    await house.until_job(job.id, "deleting")
    await eventually(lambda: not house.catalogue.before["find"])
    assert local(here)["extra"] == "extra"
    await house.restart()
    assert ((await house.ended(job.id)).state, local(here)) == ("done", {"f": "f", "g": "g"})


async def test_files_that_returned_to_the_source_or_changed_are_not_deleted(house: House, here: Path) -> None:
    fill(here, f="f", back="back", touched="touched", gone="gone")
    house.grid.put("/a/f", b"f")
    house.grid.put("/a/new", b"new")
    house.workers.hold = asyncio.Event()
    job = await house.submit(down(here, delete=True))
    await house.until(job.id, "running")
    house.grid.put("/a/back", b"back")
    (here / "touched").write_text("another content")
    house.workers.hold.set()
    assert (await house.ended(job.id)).state == "partial"
    assert sorted(local(here)) == ["back", "f", "new", "touched"]
    states = {one.below: one.state for one in await house.engine.deletions(job.id)}
    assert states == {"back": "spared", "gone": "deleted", "touched": "kept"}


async def test_the_deletion_continues_in_the_next_daemon_and_can_be_paused(house: House, here: Path) -> None:
    fill(here, f="f", extra="extra")
    house.grid.put("/a/f", b"f")
    house.catalogue.before["find"] = []
    find = house.catalogue.find_files
    stopped = asyncio.Event()

    async def slow(directory: str, /, **options: object) -> object:
        if house.catalogue.calls["find"]:
            stopped.set()
            await asyncio.Event().wait()
        async for batch in find(directory, **options):  # type: ignore[arg-type]
            yield batch

    house.catalogue.find_files = slow  # type: ignore[method-assign, assignment]
    job = await house.submit(down(here, delete=True))
    await house.until_job(job.id, "deleting")
    await stopped.wait()
    del house.catalogue.find_files
    assert local(here) == {"f": "f", "extra": "extra"}
    await house.engine.pause(job.id)
    await house.restart()
    assert (await house.engine.job(job.id)).state == "paused"
    await house.engine.resume(job.id)
    assert ((await house.ended(job.id)).state, local(here)) == ("done", {"f": "f"})


async def test_links_and_files_outside_the_target_are_never_deleted(house: House, here: Path) -> None:
    fill(here.parent, outside__f="outside")
    fill(here, extra="extra")
    (here / "link").symlink_to(here.parent / "outside" / "f")
    (here / "directory").symlink_to(here.parent / "outside")
    fill(here, **{".f.7.part": "half"})
    house.grid.put("/a/f", b"f")
    assert (await house.done(down(here, delete=True))).state == "done"
    assert names_in(here) == [".f.7.part", "directory", "f", "link"]
    assert local(here.parent / "outside") == {"f": "outside"}


async def test_a_copied_file_with_a_temporary_name_is_not_announced_again(house: House, here: Path) -> None:
    fill(here, **{".x.5.part": "half"})
    assert (await house.done(up(here, delete=True))).state == "done"
    assert await planned(house, up(here, delete=True)) == []
    (here / ".x.5.part").unlink()
    fill(here, f="f")
    assert await planned(house, up(here, delete=True)) == [("copy", "f", "missing")]


async def test_an_unchanged_file_is_read_once_and_a_changed_one_again(
    house: House, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_plan, "_SETTLED_NS", 0)
    fill(here, f="text", g="text")
    for name in ("f", "g"):
        house.grid.put(f"/a/{name}", b"text")

    def read() -> list[str]:
        return [task.path.rpartition("/")[2] for task in house.workers.tasks if isinstance(task, Checksum)]

    for _ in range(2):
        assert await planned(house, up(here)) == []
    assert sorted(read()) == ["f", "g"]
    (here / "f").write_text("tixt")
    assert await planned(house, up(here)) == [("copy", "f", "same size, different content")]
    assert sorted(read()) == ["f", "f", "g"]
    await house.restart()
    assert await planned(house, down(here)) == [("copy", "f", "same size, different content")]
    assert "g" not in read()[3:]


async def test_a_change_whose_modification_time_was_put_back_is_found(
    house: House, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_plan, "_SETTLED_NS", 0)
    fill(here, f="text")
    house.grid.put("/a/f", b"text")
    assert await planned(house, up(here)) == []
    fill(here, f="tixt")
    assert await planned(house, up(here)) == [("copy", "f", "same size, different content")]


async def test_files_with_any_inode_number_are_cached(house: House) -> None:
    keys = [_key_of(f"{2**64 - 5}:{2**64 - 1}:5:7:8"), _key_of(f"3:{2**63}:5:7:8"), _key_of("3:4:5:7:8")]
    await house.store.deletions.save_md5s({key: str(number) for number, key in enumerate(keys)})
    assert list((await house.store.deletions.known_md5s(keys)).values()) == ["0", "1", "2"]
    assert await house.store.deletions.known_md5s([_key_of("3:4:6:7:8"), _key_of("3:4:5:7:9")]) == {}
