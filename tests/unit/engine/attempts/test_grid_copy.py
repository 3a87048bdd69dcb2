"""Copies within the catalogue: who moves the bytes, what is compared, what is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from aliend.core.transfers.job import JobSpec
from aliend.engine.attempts import copy_sources, replica_registration
from aliend.errors import CopyError
from aliend.storage.tasks import Download, ThirdParty, Upload, WorkerDied
from tests.unit.engine.attempts.test_upload import crash_at
from tests.unit.engine.conftest import House, eventually
from tests.unit.engine.fakes import LOST, md5_of


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica_registration, "_CHECK_INTERVAL", 0.0)


@pytest.fixture
def _nothing_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy_sources, "_RELAY_BELOW", 0)


def copy(source: str, target: str, **more: object) -> JobSpec:
    return JobSpec("copy", (source,), target, **more)  # type: ignore[arg-type]


def kinds(tasks: Iterable[object]) -> list[type]:
    return [type(task) for task in tasks]


def data_of(house: House, lfn: str) -> list[bytes]:
    urls = house.grid.replicas[house.grid.files[lfn].guid].values()
    return [house.grid.content(url) for url in urls]


def spooled(house: House) -> list[str]:
    directory = house.path.parent / "spool"
    return [path.name for path in directory.iterdir()] if directory.exists() else []


@pytest.mark.usefixtures("_nothing_is_small")
async def test_third_party_copies_are_used_where_possible(house: House) -> None:
    house.grid.put("/a/f", b"data")
    house.workers.together = set(house.grid.ses)
    job = await house.done(copy("/a/f", "/b/g"))
    assert (job.state, job.direction, data_of(house, "/b/g")) == ("done", "copy", [b"data"] * 2)
    assert house.grid.files["/b/g"].guid != house.grid.files["/a/f"].guid
    assert kinds(house.workers.copies()) == [ThirdParty]


@pytest.mark.usefixtures("_nothing_is_small")
async def test_other_copies_are_relayed_and_leave_nothing_here(house: House) -> None:
    house.grid.put("/a/f", b"data")
    house.workers.together = {"A::B::SE1"}
    job = await house.done(copy("/a/f", "/b/g"))
    assert (job.state, data_of(house, "/b/g")) == ("done", [b"data"] * 2)
    _, incoming, outgoing = house.workers.copies()
    assert isinstance(incoming, Download)
    assert isinstance(outgoing, Upload)
    assert [target.se for target in outgoing.targets] == ["A::B::SE2"]
    await house.close()
    assert spooled(house) == []
    await house.open()


async def test_a_copy_needs_no_cluster(house: House) -> None:
    house.grid.put("/a/f", b"data")
    await house.done(copy("/a/f", "/b/g", executor="dask:tls://127.0.0.1:1"))
    assert {options.executor for options in house.workers.terms} == {"local"}


@pytest.mark.usefixtures("_nothing_is_small")
async def test_a_failed_pair_is_blocked_for_a_while(house: House) -> None:
    for name in "fgh":
        house.grid.put(f"/a/{name}", b"data")
    house.workers.together = {"A::B::SE1"}
    for name, expected in (("f", [ThirdParty, Download, Upload]), ("g", [Download, Upload])):
        assert (await house.done(copy(f"/a/{name}", f"/b/{name}", storage="A::B::SE2"))).state == "done"
        assert kinds(house.workers.copies()) == expected
        house.workers.tasks.clear()
    house.clock.now += 1000
    house.workers.together = {"A::B::SE1", "A::B::SE2"}
    assert (await house.done(copy("/a/h", "/b/h", storage="A::B::SE2"))).state == "done"
    assert kinds(house.workers.copies()) == [ThirdParty]


async def test_a_small_file_is_relayed(house: House) -> None:
    house.grid.put("/a/f", b"data")
    house.workers.together = set(house.grid.ses)
    assert (await house.done(copy("/a/f", "/b/g"))).state == "done"
    assert kinds(house.workers.copies()) == [Download, Upload]


async def test_a_small_file_that_cannot_be_relayed_is_copied_by_the_servers(house: House) -> None:
    house.grid.put("/a/f", b"data")
    house.workers.together = set(house.grid.ses)
    house.workers.faults = [CopyError("the storage cannot be reached from here", "transient")]
    assert (await house.done(copy("/a/f", "/b/g"))).state == "done"
    assert kinds(house.workers.copies()) == [Download, ThirdParty]
    assert data_of(house, "/b/g") == [b"data"] * 2


async def test_a_small_file_fails_with_the_error_of_the_relay(house: House) -> None:
    house.grid.put("/a/f", b"data")
    house.workers.bad_ses = {"A::B::SE2"}
    job = await house.submit(copy("/a/f", "/b/g", storage="A::B::SE2", retries=0))
    assert (await house.ended(job.id)).state == "failed"
    assert "the disk is full" in (await house.only(job.id)).message


async def test_a_file_with_unknown_md5_is_relayed(house: House) -> None:
    entry = house.grid.put("/a/f", b"data")
    house.grid.files["/a/f"] = type(entry)("/a/f", "file", 4, guid=entry.guid)
    house.workers.together = set(house.grid.ses)
    assert (await house.done(copy("/a/f", "/b/g"))).state == "done"
    assert kinds(house.workers.copies()) == [Download, Upload]
    assert house.grid.files["/b/g"].md5 == md5_of(b"data")


async def test_bytes_with_another_md5_are_not_registered(house: House) -> None:
    entry = house.grid.put("/a/f", b"data")
    house.grid.store(house.grid.replicas[entry.guid]["A::B::SE1"], b"tada")
    job = await house.done(copy("/a/f", "/b/g"))
    assert job.state == "failed"
    assert "/b/g" not in house.grid.files


async def test_a_directory_is_copied_below_the_target(house: House) -> None:
    for name in ("f", "s/f"):
        house.grid.put(f"/a/d/{name}", name.encode())
    await house.done(copy("/a/d", "/b"))
    await house.done(copy("/a/d/", "/c"))
    assert [data_of(house, f"{at}/{name}")[0] for at in ("/b/d", "/c") for name in ("f", "s/f")] == [b"f", b"s/f"] * 2


async def test_an_equal_file_is_kept_and_a_different_one_not_overwritten(house: House) -> None:
    house.grid.put("/a/f", b"data")
    house.grid.put("/b/same", b"data")
    house.grid.put("/b/other", b"other")
    same, other = [await house.done(copy("/a/f", f"/b/{name}")) for name in ("same", "other")]
    assert (same.state, other.state, house.workers.copies()) == ("done", "failed", [])
    assert data_of(house, "/b/other") == [b"other"]
    assert (await house.done(copy("/a/f", "/b/other", overwrite="changed"))).state == "done"
    assert set(data_of(house, "/b/other")) == {b"data"}


async def test_a_file_is_not_copied_onto_itself_and_an_empty_one_becomes_an_entry(house: House) -> None:
    house.grid.put("/a/f", b"data")
    await house.catalogue.touch("/a/empty")
    onto = await house.done(copy("/a/f", "/a/f", overwrite="always"))
    assert (onto.state, data_of(house, "/a/f")) == ("failed", [b"data"])
    assert (await house.done(copy("/a/empty", "/b/empty"))).state == "done"
    assert house.grid.files["/b/empty"].size == 0


async def test_an_interrupted_copy_continues_in_the_next_daemon_and_the_lost_commit_counts_once(
    house: House,
) -> None:
    house.grid.put("/a/f", b"data")
    house.workers.together = set(house.grid.ses)
    house.catalogue.after["commit"] = [LOST]
    house.workers.hold = asyncio.Event()
    job = await house.submit(copy("/a/f", "/b/g"))
    await house.until(job.id, "running")
    await house.restart()
    house.workers.hold.set()
    assert (await house.ended(job.id)).state == "done"
    assert data_of(house, "/b/g") == [b"data"] * 2


async def test_the_spool_of_a_copy_that_was_given_up_is_cleared_by_the_next_daemon_at_the_latest(house: House) -> None:
    house.grid.put("/a/f", b"data")
    house.workers.faults = [CopyError("no", "permanent")]
    await house.done(copy("/a/f", "/b/g"))
    left = house.path.parent / "spool" / "1"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"data")
    left.with_name(".1.1.part").write_bytes(b"da")
    await house.restart()
    await eventually(lambda: not spooled(house))


@pytest.mark.usefixtures("_nothing_is_small")
@pytest.mark.parametrize("together", [(), ("A::B::SE1", "A::B::SE2", "A::B::SE3")])
async def test_a_file_copied_before_a_crash_is_registered_after_it(house: House, together: tuple[str, ...]) -> None:
    house.grid.put("/a/f", b"data")
    house.workers.together = set(together)
    job = await crash_at(house, copy("/a/f", "/b/g"), "commit", "before", 1)
    written, copied = set(house.grid.stored), len(house.workers.copies())
    assert (await house.ended(job)).state == "done"
    assert set(house.grid.stored) == written
    assert data_of(house, "/b/g") == [b"data"] * 2
    assert all(isinstance(one, ThirdParty | Upload) and one.only_compare for one in house.workers.copies()[copied:])


@pytest.mark.usefixtures("_nothing_is_small")
async def test_tickets_of_a_dead_worker_are_not_used_again(house: House) -> None:
    house.grid.put("/a/f", b"data")
    house.workers.together = set(house.grid.ses)
    house.workers.faults = [WorkerDied("the worker process was killed by SIGKILL", "transient")]
    job = await house.submit(copy("/a/f", "/b/g"))
    await house.until(job.id, "waiting")
    assert kinds(house.workers.copies()) == [ThirdParty]
