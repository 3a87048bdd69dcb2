"""Uploads from submission to the verified replicas, also with crashes and interference of other users."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aliend.core.catalogue.entries import Entry, Ticket
from aliend.core.transfers.job import Cancel, JobSpec
from aliend.engine.attempts import replica_registration, stat_batcher
from aliend.errors import CopyError, NotConnected, ServiceError
from aliend.storage.tasks import Upload
from tests.unit.engine.conftest import House, eventually
from tests.unit.engine.fakes import LOST, md5_of


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica_registration, "_CHECK_INTERVAL", 0.0)


def up(source: Path | str, target: str, **more: object) -> JobSpec:
    return JobSpec("upload", (str(source),), target, **more)  # type: ignore[arg-type]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "f"
    path.write_bytes(b"new data")
    return path


REFUSED = ServiceError("commit", 53, "Nothing was registered")


def data_of(house: House, lfn: str) -> list[bytes]:
    """Return the bytes of all replicas under a name."""
    urls = house.grid.replicas[house.grid.files[lfn].guid].values()
    return [house.grid.content(url) for url in urls]


def strays(house: House) -> set[str]:
    """Return what was written to storage but belongs to no GUID."""
    return set(house.grid.stored) - {url for urls in house.grid.replicas.values() for url in urls.values()}


async def test_a_file_gets_two_replicas_by_default(house: House, file: Path) -> None:
    job = await house.done(up(file, "/a/f"))
    assert (job.state, job.bytes_done) == ("done", 8)
    assert data_of(house, "/a/f") == [b"new data"] * 2
    assert house.catalogue.calls == {"stat": 3, "access": 1, "commit": 2}


async def test_a_directory_is_copied_below_the_target(house: House, tmp_path: Path) -> None:
    (tmp_path / "d" / "s").mkdir(parents=True)
    (tmp_path / "d" / "s" / "f").write_bytes(b"x")
    await house.done(up(tmp_path / "d", "/a"))
    await house.done(up(f"{tmp_path}/d/", "/b"))
    assert sorted(house.grid.files) == ["/a/d/s/f", "/b/s/f"]


@pytest.mark.parametrize("target", ["/a/f/x", "/a/f/deep/er/x", "/a/f/d/"])
@pytest.mark.parametrize("more", [{}, {"touch_empty": True}])
async def test_nothing_is_booked_below_a_file(
    house: House, tmp_path: Path, target: str, more: dict[str, object]
) -> None:
    source = tmp_path / "x"
    source.write_bytes(b"" if more else b"new")
    house.grid.files["/a/f"] = Entry("/a/f", "file", size=1)
    job = await house.done(up(source, target, **more))
    assert job.state == "failed"
    assert "/a/f is a file in the catalogue" in (await house.only(job.id)).message
    assert house.catalogue.calls.keys() == {"stat"}


async def test_only_the_files_below_a_file_fail(house: House, tmp_path: Path) -> None:
    for name in ("d/f/one", "d/f/s/two", "d/g/three", "d/four"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    house.grid.files["/a/d/f"] = Entry("/a/d/f", "file", size=1)
    job = await house.done(up(tmp_path / "d", "/a/"))
    assert (job.files.done, job.files.failed) == (2, 2)
    assert sorted(house.grid.files) == ["/a/d/f", "/a/d/four", "/a/d/g/three"]


async def test_fewer_replicas_than_requested_are_a_warning(house: House, file: Path) -> None:
    job = await house.done(up(file, "/a/f", storage="disk:5"))
    assert job.state == "done"
    assert "3 of the 5 requested replicas" in (await house.only(job.id)).message


async def test_a_replica_that_fails_is_replaced_on_another_element(house: House, file: Path) -> None:
    house.workers.bad_ses = {"A::B::SE1"}
    job = await house.done(up(file, "/a/f"))
    assert job.state == "done"
    assert sorted(house.grid.replicas[house.grid.files["/a/f"].guid]) == ["A::B::SE2", "A::B::SE3"]


async def test_f205_without_recovery_no_other_element_is_tried(house: House, file: Path) -> None:
    house.workers.bad_ses = {"A::B::SE1"}
    job = await house.done(up(file, "/a/f", recovery=False, retries=0))
    assert job.state == "failed"
    assert "1 of 2 replicas" in (await house.only(job.id)).message
    assert list(house.grid.replicas[house.grid.files["/a/f"].guid]) == ["A::B::SE2"]


async def test_one_replica_of_two_is_a_failure_that_a_retry_completes(house: House, file: Path) -> None:
    house.grid.ses = ("A::B::SE1", "A::B::SE2")
    house.workers.bad_ses = {"A::B::SE1"}
    job = await house.done(up(file, "/a/f"))
    assert job.state == "failed"
    assert "1 of 2 replicas" in (await house.only(job.id)).message
    house.workers.bad_ses = set()
    await house.engine.retry(job.id, "again")
    assert (await house.ended(job.id)).state == "done"
    assert len(data_of(house, "/a/f")) == 2


async def test_an_existing_different_file_is_refused(house: House, file: Path) -> None:
    house.grid.put("/a/f", b"theirs")
    job = await house.done(up(file, "/a/f"))
    assert job.state == "failed"
    assert "exists and differs" in (await house.only(job.id)).message
    assert data_of(house, "/a/f") == [b"theirs"]


async def test_an_existing_equal_file_is_kept(house: House, file: Path) -> None:
    house.grid.put("/a/f", b"new data")
    job = await house.done(up(file, "/a/f"))
    assert job.state == "done"
    assert not house.workers.copies()


@pytest.mark.parametrize("content", [b"", None])
async def test_empty_and_missing_files_are_refused_with_the_reason(
    house: House, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "f").write_bytes(content)
    job = await house.done(up(tmp_path / "f", "/a/f"))
    assert job.state == "failed"
    assert ("empty" if content is not None else "cannot read") in (await house.only(job.id)).message


async def test_a_commit_with_a_lost_reply_is_looked_up_and_not_repeated(house: House, file: Path) -> None:
    house.catalogue.after["commit"] = [LOST]
    job = await house.done(up(file, "/a/f"))
    assert (job.state, house.catalogue.calls["commit"]) == ("done", 2)


async def test_another_users_file_under_the_name_is_a_failure_and_stays(house: House, file: Path) -> None:
    house.workers.hold = asyncio.Event()
    job = await house.submit(up(file, "/a/f"))
    await eventually(lambda: house.workers.running == 1)
    house.grid.put("/a/f", b"theirs")
    house.workers.hold.set()
    assert (await house.ended(job.id)).state == "failed"
    assert "another user registered" in (await house.only(job.id)).message
    assert data_of(house, "/a/f") == [b"theirs"]


async def test_overwriting_replaces_the_file_and_leaves_no_other_name(house: House, file: Path) -> None:
    house.grid.put("/a/f", b"old data")
    job = await house.done(up(file, "/a/f", overwrite="always"))
    assert job.state == "done"
    assert list(house.grid.files) == ["/a/f"]
    assert data_of(house, "/a/f") == [b"new data"] * 2


def hang_at(house: House, command: str, when: str, number: int) -> asyncio.Event:
    """Let the `number`-th request of that kind hang before or after its execution; return an event that is set then."""
    reached = asyncio.Event()
    original = getattr(house.catalogue, command)
    calls = 0

    async def hanging(*words: object) -> object:
        nonlocal calls
        calls += 1
        mine = calls == number
        if mine and when == "before":
            reached.set()
            await asyncio.Event().wait()
        result = await original(*words)
        if mine:
            reached.set()
            await asyncio.Event().wait()
        return result

    setattr(house.catalogue, command, hanging)
    return reached


async def crash_at(house: House, spec: JobSpec, command: str, when: str, number: int) -> int:
    """Submit, and let the daemon end when that request is reached (or the job has ended); the job's number."""
    reached = hang_at(house, command, when, number)
    job = await house.submit(spec)
    waits = {asyncio.ensure_future(reached.wait()), asyncio.ensure_future(house.engine.wait(job.id))}
    _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED, timeout=10)
    for one in pending:
        one.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    await house.crash()
    return job.id


CRASHES = [
    (command, when, number)
    for command in ("access_write", "commit", "move", "remove", "whereis", "stat")
    for when in ("before", "after")
    for number in (1, 2)
]


@pytest.mark.parametrize(("command", "when", "number"), CRASHES)
async def test_overwriting_survives_a_crash_at_any_request(
    house: House, file: Path, command: str, when: str, number: int
) -> None:
    house.grid.put("/a/f", b"old data")
    job = await crash_at(house, up(file, "/a/f", overwrite="always"), command, when, number)
    assert any(data_of(house, lfn)[0] in (b"old data", b"new data") for lfn in house.grid.files)
    assert (await house.ended(job)).state == "done"
    assert list(house.grid.files) == ["/a/f"]
    assert data_of(house, "/a/f") == [b"new data"] * 2


@pytest.mark.parametrize(("command", "when", "number"), CRASHES)
async def test_a_backup_survives_a_crash_at_any_request(
    house: House, file: Path, command: str, when: str, number: int
) -> None:
    house.grid.put("/a/f", b"old data")
    house.grid.put("/a/f~", b"older data")
    job = await crash_at(house, up(file, "/a/f", overwrite="changed", backup="/a/f~"), command, when, number)
    assert any(b"old data" in data_of(house, lfn) for lfn in house.grid.files)
    assert (await house.ended(job)).state == "done"
    assert sorted(house.grid.files) == ["/a/f", "/a/f~"]
    assert (data_of(house, "/a/f"), data_of(house, "/a/f~")) == ([b"new data"] * 2, [b"old data"])


async def test_only_the_expected_file_is_replaced(house: House, file: Path) -> None:
    house.grid.put("/a/f", b"theirs")
    job = await house.submit(up(file, "/a/f", overwrite="changed", replaces="the one before"))
    assert (await house.ended(job.id)).state == "failed"
    assert "another user changed" in (await house.only(job.id)).message
    assert data_of(house, "/a/f") == [b"theirs"]


@pytest.mark.parametrize(("command", "when", "number"), CRASHES)
async def test_uploading_survives_a_crash_at_any_request(
    house: House, file: Path, command: str, when: str, number: int
) -> None:
    job = await crash_at(house, up(file, "/a/f"), command, when, number)
    assert (await house.ended(job)).state == "done"
    assert list(house.grid.files) == ["/a/f"]
    assert data_of(house, "/a/f") == [b"new data"] * 2
    assert not strays(house)


async def test_replicas_written_before_a_crash_are_registered_after_it(house: House, file: Path) -> None:
    job = await crash_at(house, up(file, "/a/f"), "commit", "before", 1)
    assert (await house.ended(job)).state == "done"
    assert (house.catalogue.calls["access"], house.grid.guids) == (1, 1)
    assert data_of(house, "/a/f") == [b"new data"] * 2


async def test_unfinished_replicas_are_sent_again_under_another_guid(house: House, file: Path) -> None:
    job = await crash_at(house, up(file, "/a/f"), "commit", "before", 1)
    house.workers.unfinished = {sorted(house.grid.stored)[0]}
    assert (await house.ended(job)).state == "done"
    assert house.grid.files["/a/f"].guid == "guid-2"
    assert data_of(house, "/a/f") == [b"new data"] * 2


async def test_replicas_written_before_a_crash_are_not_registered_for_a_changed_file(house: House, file: Path) -> None:
    job = await crash_at(house, up(file, "/a/f"), "commit", "before", 1)
    await asyncio.to_thread(file.write_bytes, b"NEW DATA")
    assert (await house.ended(job)).state == "done"
    assert data_of(house, "/a/f") == [b"NEW DATA"] * 2


async def test_a_refused_commit_is_repeated(house: House, file: Path) -> None:
    house.catalogue.before["commit"] = [REFUSED, REFUSED]
    assert (await house.done(up(file, "/a/f"))).state == "done"
    assert data_of(house, "/a/f") == [b"new data"] * 2
    assert (house.catalogue.calls["access"], len(house.workers.copies())) == (1, 1)


async def test_commits_refused_for_long_are_retried_later_without_another_copy(house: House, file: Path) -> None:
    house.grid.ses = ("A::B::SE1", "A::B::SE2")
    house.catalogue.before["commit"] = [REFUSED] * 3
    job = await house.submit(up(file, "/a/f"))
    await house.until(job.id, "waiting")
    assert "A::B::SE1: not registered" in (await house.only(job.id)).message
    assert len(data_of(house, "/a/f")) == 1
    house.clock.now += 1000
    house.engine._wake.set()
    assert (await house.ended(job.id)).state == "done"
    assert data_of(house, "/a/f") == [b"new data"] * 2
    assert not strays(house)
    assert [task for task in house.workers.copies() if not getattr(task, "only_compare", False)] == [
        house.workers.copies()[0]
    ]


async def test_a_booking_on_unavailable_storage_is_not_used_after_a_failure(house: House, file: Path) -> None:
    house.workers.faults = [CopyError("the worker process ended", "transient")]
    job = await house.submit(up(file, "/a/f"))
    await house.until(job.id, "waiting")
    for _ in range(10):
        house.engine._limiter.record_failure("A::B::SE1", "no route to host")
    house.clock.now += 10
    await house.engine.retry(job.id, "again")
    assert (await house.ended(job.id)).state == "done"
    assert sorted(house.grid.replicas[house.grid.files["/a/f"].guid]) == ["A::B::SE2", "A::B::SE3"]


async def test_storage_that_refused_a_file_is_not_tried_again_with_the_same_ticket(house: House, file: Path) -> None:
    house.grid.ses = ("A::B::SE1", "A::B::SE2")
    house.workers.bad_ses = {"A::B::SE1", "A::B::SE2"}
    job = await house.submit(up(file, "/a/f"))
    await house.until(job.id, "waiting")
    house.workers.bad_ses = set()
    house.clock.now += 1000
    house.engine._wake.set()
    assert (await house.ended(job.id)).state == "done"
    urls = [target.url for task in house.workers.copies() if isinstance(task, Upload) for target in task.targets]
    assert len(urls) == len(set(urls))


async def test_a_second_round_without_storage_is_reported(house: House, file: Path) -> None:
    house.workers.bad_ses = {"A::B::SE1", "A::B::SE3"}
    job = await house.done(up(file, "/a/f"))
    assert job.state == "failed"
    assert "1 of 2 replicas" in (await house.only(job.id)).message


@pytest.mark.parametrize("command", ["move", "remove"])
async def test_overwriting_survives_lost_replies(house: House, file: Path, command: str) -> None:
    house.grid.put("/a/f", b"old data")
    house.catalogue.after[command] = [LOST]
    assert (await house.done(up(file, "/a/f", overwrite="always"))).state == "done"
    assert list(house.grid.files) == ["/a/f"]


async def test_overwriting_that_is_cancelled_leaves_the_old_file_and_nothing_else(house: House, file: Path) -> None:
    house.grid.put("/a/f", b"old data")
    reached = hang_at(house, "commit", "after", 1)
    job = await house.submit(up(file, "/a/f", overwrite="always"))
    await asyncio.wait_for(reached.wait(), 10)
    assert (await house.engine.cancel(job.id)).state == "cancelled"
    await eventually(lambda: list(house.grid.files) == ["/a/f"])
    assert data_of(house, "/a/f") == [b"old data"]


async def test_a_file_changed_by_another_user_during_its_replacement_stays(house: House, file: Path) -> None:
    house.grid.put("/a/f", b"old data")
    reached = hang_at(house, "move", "before", 1)
    job = await house.submit(up(file, "/a/f", overwrite="always"))
    await asyncio.wait_for(reached.wait(), 10)
    await house.close()
    house.grid.put("/a/f", b"theirs")
    await house.open()
    assert (await house.ended(job.id)).state == "failed"
    await eventually(lambda: list(house.grid.files) == ["/a/f"])
    assert data_of(house, "/a/f") == [b"theirs"]


async def test_no_matching_storage_is_a_failure_that_names_the_specification(house: House, file: Path) -> None:
    house.catalogue.before["access"] = [ServiceError("access", 77, "No write PFNs")]
    job = await house.done(up(file, "/a/f"))
    assert (job.state, (await house.only(job.id)).message[:48]) == (
        "failed",
        "no writable storage element matches disk:2; list",
    )


async def test_a_touched_name_is_not_overwritten(house: House, file: Path) -> None:
    house.grid.files["/a/f"] = Entry("/a/f", "file", 0, md5=md5_of(b""))
    assert (await house.done(up(file, "/a/f"))).state == "failed"
    assert (await house.done(up(file, "/a/f", overwrite="always"))).state == "done"
    assert data_of(house, "/a/f") == [b"new data"] * 2
    assert list(house.grid.files) == ["/a/f"]


async def test_leftovers_of_a_cancelled_replacement_are_removed_by_the_next_daemon(house: House, file: Path) -> None:
    house.grid.put("/a/f", b"old data")
    reached = hang_at(house, "commit", "after", 1)
    job = await house.submit(up(file, "/a/f", overwrite="always"))
    await asyncio.wait_for(reached.wait(), 10)
    house.catalogue.before["remove"] = [NotConnected("no route to host")]
    await house.engine.cancel(job.id)
    await eventually(lambda: not house.catalogue.before["remove"])
    assert len(house.grid.files) == 2
    await house.restart()
    await eventually(lambda: list(house.grid.files) == ["/a/f"])
    assert data_of(house, "/a/f") == [b"old data"]


async def test_an_interrupted_cancellation_is_completed_by_the_next_daemon(house: House, file: Path) -> None:
    house.workers.hold = asyncio.Event()
    job = await house.submit(up(file, "/a/f"))
    await house.until(job.id, "running")
    await house.store.change_job(job.id, Cancel())
    await house.restart()
    assert (await house.ended(job.id)).state == "cancelled"
    assert (await house.only(job.id)).state == "cancelled"


async def test_an_empty_file_becomes_an_entry_on_request(house: House, tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    for _ in range(2):
        assert (await house.done(up(tmp_path / "f", "/a/f", touch_empty=True))).state == "done"
    assert (house.grid.files["/a/f"].size, house.catalogue.calls["touch"]) == (0, 1)


async def test_an_empty_file_in_a_directory_that_refuses_fails_at_once(house: House, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"")
    house.grid.files["/a"] = Entry("/a", "directory", permissions="755", owner="admin")
    house.catalogue.touch = lambda _: asyncio.sleep(0)  # type: ignore[method-assign]  # no error and no entry
    job = await house.done(up(tmp_path / "f", "/a/f", touch_empty=True))
    file = await house.only(job.id)
    assert (job.state, file.attempts) == ("failed", 1)
    assert "may not create files in /a (owner admin" in file.message
    assert (await house.engine.last_failures([file.id]))[file.id].error_number == 13


async def test_an_empty_file_never_replaces_another_one(house: House, tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    house.grid.put("/a/f", b"theirs")
    job = await house.done(up(tmp_path / "f", "/a/f", touch_empty=True, overwrite="always"))
    assert job.state == "failed"
    assert data_of(house, "/a/f") == [b"theirs"]


async def test_parallel_uploads_share_their_lookups(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stat_batcher, "BATCH_DELAY", 0.2)  # long enough for all of them to ask, on a busy machine too
    (tmp_path / "d").mkdir()
    for number in range(40):
        (tmp_path / "d" / str(number)).write_bytes(b"data")
    house.engine.set_limits(files=20, files_per_se=40)
    job = await house.done(up(f"{tmp_path}/d/", "/b/"))
    assert job.files.done == 40
    calls = house.catalogue.calls
    assert (calls["access"], calls["commit"], calls["whereis"]) == (40, 80, 0)
    assert calls["stat"] < 40  # two for each file without sharing


async def test_a_refused_name_does_not_fail_other_transfers(house: House, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    for number in range(4):
        (tmp_path / "d" / str(number)).write_bytes(b"data")
    house.catalogue.before["stat"] = [ServiceError("stat", 13, "Permission denied")] * 2
    job = await house.done(up(f"{tmp_path}/d/", "/b/"))
    assert (job.files.done, job.files.failed) == (3, 1)


async def test_an_equal_file_is_kept_unless_overwrite_is_always(house: House, file: Path) -> None:
    old = house.grid.put("/a/f", b"new data")
    assert (await house.done(up(file, "/a/f", overwrite="changed"))).state == "done"
    assert house.grid.files["/a/f"].guid == old.guid
    assert (await house.done(up(file, "/a/f", overwrite="always"))).state == "done"
    assert house.grid.files["/a/f"].guid != old.guid
    assert list(house.grid.files) == ["/a/f"]


async def test_a_different_file_is_replaced_if_overwrite_is_changed(house: House, file: Path) -> None:
    house.grid.put("/a/f", b"old data")
    assert (await house.done(up(file, "/a/f", overwrite="changed"))).state == "done"
    assert data_of(house, "/a/f") == [b"new data"] * 2


async def test_a_transient_failure_is_retried_as_often_as_the_user_wants(house: House, file: Path) -> None:
    house.workers.faults = [CopyError("the server is busy")]
    job = await house.done(up(file, "/a/f", retries=0))
    assert job.state == "failed"
    assert (await house.only(job.id)).message == "gave up after one attempt: the server is busy"


async def test_a_copy_that_exceeds_its_time_limit_is_stopped_and_not_retried(house: House, file: Path) -> None:
    house.workers.hold = asyncio.Event()
    job = await house.done(up(file, "/a/f", timeout=0.05))
    assert (job.state, house.workers.stopped) == ("failed", 1)
    assert "exceeded its time limit of 0.05 s" in (await house.only(job.id)).message


async def test_a_name_registered_between_lookup_and_ticket_is_left_unchanged(house: House, file: Path) -> None:
    ask = house.catalogue.access_write

    async def after_somebody_else(lfn: str, size: int, md5: str, storage: str) -> list[Ticket]:
        if lfn not in house.grid.files:
            house.grid.put(lfn, b"of 8byte")
        return await ask(lfn, size, md5, storage)

    house.catalogue.access_write = after_somebody_else  # type: ignore[method-assign]
    job = await house.submit(up(file, "/a/f"))
    await house.until(job.id, "waiting")
    assert (await house.only(job.id)).message.startswith("/a/f was registered a moment ago")
    house.clock.now += 100
    house.engine.set_limits()
    assert (await house.ended(job.id)).state == "failed"
    assert "exists and differs" in (await house.only(job.id)).message
    assert data_of(house, "/a/f") == [b"of 8byte"]
    assert not house.catalogue.calls["commit"]


async def test_a_ticket_refused_because_of_a_new_registration_is_requested_again(house: House, file: Path) -> None:
    ask = house.catalogue.access_write

    async def refused(lfn: str, size: int, md5: str, storage: str) -> list[Ticket]:
        if lfn == "/a/f":
            house.grid.put(lfn, b"another")
            raise ServiceError("access", 22, "You seem to want to write a different file")
        return await ask(lfn, size, md5, storage)

    house.catalogue.access_write = refused  # type: ignore[method-assign]
    job = await house.submit(up(file, "/a/f", overwrite="changed"))
    await house.until(job.id, "waiting")
    house.clock.now += 100
    house.engine.set_limits()
    assert (await house.ended(job.id)).state == "done"


async def test_an_invalid_storage_specification_is_rejected_immediately(house: House, file: Path) -> None:
    async def refused(*_: object) -> list[Ticket]:
        raise ServiceError("access", 22, "Don't know what to do with it")

    house.catalogue.access_write = refused  # type: ignore[method-assign]
    job = await house.done(up(file, "/a/f"))
    assert (await house.only(job.id)).message == "Don't know what to do with it"


async def test_replicas_are_read_back_on_request(house: House, file: Path) -> None:
    assert (await house.done(up(file, "/a/f", verify=True))).state == "done"
    commit = house.catalogue.commit

    async def then_spoil(ticket: Ticket, size: int, lfn: str, md5: str) -> None:
        await commit(ticket, size, lfn, md5)
        house.grid.store(ticket.url, b"bad data")

    house.catalogue.commit = then_spoil  # type: ignore[method-assign]
    job = await house.done(up(file, "/a/g", verify=True))
    assert job.state == "failed"
    assert "reading it back failed: A::B::SE1: wrong content: md5 is" in (await house.only(job.id)).message


async def test_many_uploads_share_their_lookups(house: House, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    for number in range(200):
        (tmp_path / "d" / f"{number:03}").write_bytes(b"new data")
    job = await house.done(up(f"{tmp_path}/d/", "/a/d/"))
    assert job.files.done == 200
    assert house.catalogue.calls["commit"] == 400
    assert house.catalogue.calls["stat"] <= 100, "400 looks; how many share a request depends on the machine's speed"


@pytest.mark.parametrize(("storage", "whereis"), [("", 0), ("disk:2", 60)])
async def test_files_that_are_there_cost_one_request_for_fifty(
    house: House, tmp_path: Path, storage: str, whereis: int
) -> None:
    (tmp_path / "d").mkdir()
    for number in range(60):
        (tmp_path / "d" / str(number)).write_bytes(b"data")
        house.grid.put(f"/b/{number}", b"data", house.grid.ses[:2])
    job = await house.done(up(f"{tmp_path}/d/", "/b/", storage=storage))
    assert job.files.done == 60
    assert house.catalogue.calls["stat"] <= 4
    assert (house.catalogue.calls["access"], house.catalogue.calls["whereis"]) == (0, whereis)
