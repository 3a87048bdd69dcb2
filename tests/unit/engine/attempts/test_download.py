"""Downloads from submission to end."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from aliend.core.transfers.job import JobSpec
from aliend.core.transfers.scheduler import SMALL_FILE
from aliend.engine import JobView
from aliend.engine.expansion.disk_space import DiskSpaceCheck
from aliend.errors import CopyError, NoSuchJob, NotConnected, UsageError
from aliend.storage.tasks import RemovePartial
from aliend.store import NewTransfer
from tests.unit.engine.conftest import House, eventually


def files_below(directory: Path) -> list[str]:
    return [path.name for path in directory.rglob("*") if path.is_file() and "aliend.db" not in path.name]


def down(*sources: str, target: Path | str, **more: object) -> JobSpec:
    return JobSpec("download", sources, str(target), **more)  # type: ignore[arg-type]


async def test_a_file_arrives_under_the_name_that_was_given(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"hello")
    job = await house.done(down("/a/f", target=tmp_path / "g"))
    assert (tmp_path / "g").read_bytes() == b"hello"
    assert (job.state, job.files.done, job.bytes_done, job.bytes_total) == ("done", 1, 5, 5)


async def test_a_file_arrives_in_a_directory(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"hello")
    await house.done(down("/a/f", target=tmp_path))
    await house.done(down("/a/f", target=f"{tmp_path}/new/"))
    assert (tmp_path / "f").exists()
    assert (tmp_path / "new" / "f").exists()


async def test_a_directory_is_made_below_the_target_and_its_contents_in_it(house: House, tmp_path: Path) -> None:
    for name in ("/a/d/1", "/a/d/s/2", "/a/d/s/3"):
        house.grid.put(name, name.encode())
    await house.done(down("/a/d", target=tmp_path / "x"))
    await house.done(down("/a/d/", target=tmp_path / "y"))
    assert (tmp_path / "x/d/s/3").read_bytes() == b"/a/d/s/3"
    assert (tmp_path / "y/s/3").read_bytes() == b"/a/d/s/3"


async def test_a_missing_source_fails_and_the_others_arrive(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"hello")
    job = await house.done(down("/a/none", "/a/f", target=tmp_path))
    assert (job.state, job.files.done, job.files.failed) == ("partial", 1, 1)
    (failed,) = await house.engine.transfers(job.id, states=("failed",))
    assert "does not exist" in failed.message


async def test_hostile_names_write_nothing_outside_the_target(house: House, tmp_path: Path) -> None:
    for name in ("/a/d/../../evil", "/a/d/x\ny", "/a/d//abs", "/a/d/good"):
        house.grid.put(name, b"x")
    job = await house.done(down("/a/d/", target=tmp_path / "in"))
    assert files_below(tmp_path) == ["good"]
    assert (job.files.done, job.files.failed) == (1, 3)
    again = await house.engine.retry(job.id, "again")
    assert again.files.failed == 3


async def test_two_sources_with_one_target_do_not_overwrite_each_other(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"one")
    house.grid.put("/b/f", b"two")
    job = await house.done(down("/a/f", "/b/f", target=tmp_path))
    assert (tmp_path / "f").read_bytes() == b"one"
    assert (job.files.done, job.files.failed) == (1, 1)


async def test_several_sources_need_a_directory(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"one")
    house.grid.put("/a/g", b"two")
    job = await house.done(down("/a/f", "/a/g", target=tmp_path / "new"))
    assert (job.state, job.files.failed) == ("failed", 2)


async def test_a_failed_copy_is_retried_after_a_pause(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"hello")
    house.workers.faults = [CopyError("the server is busy")]
    job = await house.submit(down("/a/f", target=tmp_path))
    await house.until(job.id, "waiting")
    waiting = await house.only(job.id)
    assert (waiting.message, waiting.retry_ms) == ("the server is busy", int(house.clock.now + 1) * 1000)
    house.clock.now += 2
    house.engine.set_limits()
    assert (await house.ended(job.id)).state == "done"
    assert (await house.only(job.id)).attempts == 2


async def test_a_permanent_error_is_not_retried_and_its_partial_file_is_removed(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"hello")
    house.workers.faults = [CopyError("exists and differs", kind="permanent")]
    job = await house.done(down("/a/f", target=tmp_path))
    assert (job.state, (await house.only(job.id)).message) == ("failed", "exists and differs")
    await house.close()
    assert any(isinstance(task, RemovePartial) for task in house.workers.tasks)
    await house.open()


async def test_an_internal_error_fails_one_transfer_only(
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    house.grid.put("/a/f", b"hello")
    house.grid.put("/a/g", b"hello")
    house.workers.faults = [ZeroDivisionError("oops")]
    job = await house.done(down("/a/f", "/a/g", target=tmp_path))
    assert (job.files.done, job.files.failed) == (1, 1)
    assert "Traceback" in caplog.text


async def test_a_full_disk_puts_the_job_on_hold_until_it_is_resumed(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"hello")
    house.workers.faults = [CopyError("the disk is full", kind="local")]
    job = await house.submit(down("/a/f", target=tmp_path))
    held = await house.until_job(job.id, "paused")
    assert held.message == "the disk is full"
    await house.engine.resume(job.id)
    assert (await house.ended(job.id)).state == "done"


async def test_a_job_waits_for_the_central_service(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"hello")
    house.catalogue.before["stat"] = [NotConnected("no route to host")]
    house.catalogue.before["access"] = [NotConnected("no route to host")] * 20
    job = await house.submit(down("/a/f", target=tmp_path))
    async with asyncio.timeout(10):
        while house.catalogue.before["access"]:
            house.clock.now += 100
            house.engine.set_limits()
            await asyncio.sleep(0.001)
    house.clock.now += 100
    house.engine.set_limits()
    assert (await house.ended(job.id)).state == "done"


async def test_the_same_request_is_the_same_job(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"hello")
    first = await house.engine.submit(down("/a/f", target=tmp_path), "one")
    second = await house.engine.submit(down("/a/f", target=tmp_path), "one")
    assert first.id == second.id
    await house.ended(first.id)
    assert len(house.workers.copies()) == 1


async def test_a_second_copy_to_the_same_target_waits_for_the_first(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"hello")
    house.workers.hold = asyncio.Event()
    first = await house.submit(down("/a/f", target=tmp_path))
    await house.until(first.id, "running")
    second = await house.submit(down("/a/f", target=tmp_path / "f"))
    await house.until(second.id, "queued")
    house.workers.hold.set()
    assert (await house.ended(first.id)).state == "done"
    assert (await house.ended(second.id)).state == "done"
    assert house.workers.most == 1


async def most_running(house: House, spec: JobSpec, expected: int) -> int:
    """Return the highest number of copies at a time, if each lasts until the expected number runs."""
    house.workers.most = 0
    house.workers.hold = asyncio.Event()
    job = await house.submit(spec)
    await eventually(lambda: house.workers.running >= expected)
    house.workers.hold.set()
    assert (await house.ended(job.id)).state == "done"
    return house.workers.most


async def test_limits_hold_in_all_for_a_job_and_for_a_storage_element(house: House, tmp_path: Path) -> None:
    for number in range(12):
        house.grid.put(f"/a/d/{number}", b"x" * SMALL_FILE)
    assert await most_running(house, down("/a/d", target=tmp_path / "1"), 4) == 4
    house.engine.set_limits(files=3)
    assert await most_running(house, down("/a/d", target=tmp_path / "2"), 3) == 3
    assert await most_running(house, down("/a/d", target=tmp_path / "3", parallel=2), 2) == 2


async def test_cancelling_stops_the_copy_and_can_be_undone_by_a_retry(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"hello")
    house.workers.hold = asyncio.Event()
    job = await house.submit(down("/a/f", target=tmp_path))
    await house.until(job.id, "running")
    cancelled = await house.engine.cancel(job.id)
    assert (cancelled.state, cancelled.files.cancelled) == ("cancelled", 1)
    assert cancelled.ended_ms
    house.workers.hold = None
    await house.engine.retry(job.id, "again")
    await house.engine.retry(job.id, "again")
    assert (await house.ended(job.id)).state == "done"
    assert house.workers.stopped == 1


async def test_pausing_queues_the_copy_again(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"hello")
    house.workers.hold = asyncio.Event()
    job = await house.submit(down("/a/f", target=tmp_path))
    await house.until(job.id, "running")
    paused = await house.engine.pause(job.id)
    assert (paused.state, paused.files.queued) == ("paused", 1)
    house.workers.hold = None
    await house.engine.resume(job.id)
    assert (await house.ended(job.id)).state == "done"


async def test_an_unfinished_job_continues_in_the_next_daemon(house: House, tmp_path: Path) -> None:
    for number in range(5):
        house.grid.put(f"/a/d/{number}", b"x")
    house.workers.hold = asyncio.Event()
    job = await house.submit(down("/a/d", target=tmp_path / "x"))
    await eventually(lambda: house.workers.running >= 1)
    await house.close()
    house.workers.hold = None
    await house.open()
    ended = await house.ended(job.id)
    assert (ended.state, ended.files.total, ended.files.done) == ("done", 5, 5)


async def test_a_link_that_appears_below_the_target_is_not_followed(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/d/s/f", b"x")
    (tmp_path / "outside").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "s").symlink_to(tmp_path / "outside")
    job = await house.done(down("/a/d/", target=tmp_path / "in"))
    assert job.state == "failed"
    assert not list((tmp_path / "outside").iterdir())


async def test_a_watch_streams_a_snapshot_then_changes_until_the_end(house: House, tmp_path: Path) -> None:
    for number in range(3):
        house.grid.put(f"/a/d/{number}", b"x")
    job = await house.submit(down("/a/d", target=tmp_path / "x"))
    seen: dict[int, str] = {}
    reported: list[JobView] = []
    tokens: list[str] = []
    async with asyncio.timeout(10):
        async for changes in house.engine.changes(job.id):
            seen |= {one.id: one.state for one in changes.transfers}
            reported += changes.jobs
            tokens.append(changes.token)
    assert sorted(seen.values()) == ["done"] * 3
    assert reported[-1].state == "done"
    async with asyncio.timeout(10):
        assert [one async for one in house.engine.changes(job.id, tokens[-1])] == []


async def test_an_unknown_job_is_an_error(house: House) -> None:
    with pytest.raises(NoSuchJob):
        await house.engine.job(99)
    with pytest.raises(NoSuchJob):
        await house.engine.cancel(99)


async def test_a_watch_resumes_after_a_restart_with_its_last_token(house: House, tmp_path: Path) -> None:
    for number in range(3):
        house.grid.put(f"/a/d/{number}", b"x")
    house.workers.hold = asyncio.Event()
    job = await house.submit(down("/a/d", target=tmp_path / "x", parallel=1))
    await house.until_job(job.id, "active")
    token = ""
    async with asyncio.timeout(10):
        async for changes in house.engine.changes(job.id):
            token = changes.token
            if any(one.state == "running" for one in changes.transfers):
                break
    await house.close()
    house.workers.hold = None
    await house.open()
    seen: dict[int, str] = {}
    async with asyncio.timeout(10):
        async for changes in house.engine.changes(job.id, token):
            seen |= {one.id: one.state for one in changes.transfers}
    assert sorted(seen.values()) == ["done"] * 3


async def test_a_token_of_another_database_is_refused(house: House) -> None:
    for token in ("0123456789abcdef-1", "nonsense", "-", "1"):
        with pytest.raises(UsageError, match="another database"):
            async for _ in house.engine.changes(0, token):
                pass


async def test_watching_all_jobs_begins_with_unfinished_ones(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"x")
    ended = await house.done(down("/a/f", target=tmp_path / "1"))
    house.workers.hold = asyncio.Event()
    running = await house.submit(down("/a/f", target=tmp_path / "2"))
    await house.until(running.id, "running")
    async with asyncio.timeout(10):
        async for changes in house.engine.changes():
            assert [job.id for job in changes.jobs] == [running.id]
            assert {one.job for one in changes.transfers} == {running.id}
            break
    house.workers.hold.set()
    assert ended.id != running.id


@pytest.mark.parametrize("name", ["relative", "/nul\0", "/\udcff"])
async def test_an_invalid_path_is_rejected_immediately(house: House, name: str) -> None:
    with pytest.raises(UsageError):
        await house.submit(down(name, target="/tmp/x"))


async def test_the_storage_specification_of_a_download_is_passed_to_the_ticket_request(
    house: House, tmp_path: Path
) -> None:
    house.grid.put("/a/f", b"hello")
    await house.done(down("/a/f", target=tmp_path / "g", storage="!A::B::SE1"))
    await house.done(down("/a/f", target=tmp_path / "h", storage="A::B::SE1", strict=True))
    assert [words for words in house.catalogue.log if words[0] == "access"] == [
        ("access", "/a/f", "!A::B::SE1"),
        ("access", "-f", "/a/f", "A::B::SE1"),
    ]


async def test_a_job_that_does_not_fit_is_put_on_hold_before_it_fills_the_disk(house: House, tmp_path: Path) -> None:
    free = os.statvfs(tmp_path)
    size = free.f_bavail * free.f_frsize // 2
    for name in ("1", "2", "3"):
        entry = house.grid.put(f"/a/d/{name}", b"x")
        house.grid.files[entry.lfn] = replace(entry, size=size)
    job = await house.submit(down("/a/d/", target=tmp_path / "in"))
    held = await house.until_job(job.id, "paused")
    assert "the files of this job found so far need" in held.message
    assert "free some space" in held.message


def test_existing_files_need_no_disk_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "there").write_bytes(b"x" * 1000)
    (tmp_path / ".begun.7.part").write_bytes(b"x" * 600)
    disk = SimpleNamespace(f_bavail=1000, f_frsize=1000, f_blocks=5000)
    monkeypatch.setattr("aliend.engine.expansion.disk_space.os.statvfs", lambda _: disk)
    room = DiskSpaceCheck(str(tmp_path), keep_free=900_000)
    room.require_space([NewTransfer("/a/there", str(tmp_path / "there"), 1000)] * 1000)
    room.require_space([NewTransfer("/a/big", str(tmp_path / "big"), 100_500)])
    with pytest.raises(CopyError, match="free some space") as caught:
        room.require_space([NewTransfer("/a/bigger", str(tmp_path / "bigger"), 200)])
    assert caught.value.kind == "local"


async def test_a_file_that_is_there_needs_no_ticket_but_a_different_one_does(house: House, tmp_path: Path) -> None:
    for name in ("same", "longer", "other"):
        house.grid.put(f"/a/{name}", b"hello")
    (tmp_path / "in").mkdir()
    for name, content in (("same", b"hello"), ("longer", b"hello!"), ("other", b"world")):
        (tmp_path / "in" / name).write_bytes(content)
    await house.done(down("/a/", target=f"{tmp_path}/in/"))
    asked = {words[1] for words in house.catalogue.log if words[0] == "access"}
    assert asked == {"/a/longer", "/a/other"}
