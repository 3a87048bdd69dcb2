"""Replication of registered files, by aliend or by the service."""

from __future__ import annotations

import pytest

from aliend.core.transfers.job import JobSpec
from aliend.engine import JobView
from aliend.engine.attempts import replica_registration
from aliend.engine.attempts import replicate as module
from aliend.errors import CopyError
from tests.unit.engine.conftest import House
from tests.unit.engine.fakes import LOST


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica_registration, "_CHECK_INTERVAL", 0.0)
    monkeypatch.setattr(module, "POLL_INTERVAL", 0.0)


async def replicated(house: House, *lfns: str, to: str, purpose: str = "replicate") -> JobView:
    spec = JobSpec("copy", lfns, lfns[0], storage=to, purpose=purpose)  # type: ignore[arg-type]
    return await house.done(spec)


def holders(house: House, lfn: str) -> list[str]:
    """Return the storage elements that hold the right bytes of a file."""
    found = house.grid.replicas[house.grid.files[lfn].guid]
    return sorted(se for se, url in found.items() if house.grid.content(url) == b"data")


async def test_replicas_are_added_to_the_same_file(house: House) -> None:
    guid = house.grid.put("/a/f", b"data").guid
    assert (await replicated(house, "/a/f", to="disk:1")).state == "done"
    assert holders(house, "/a/f") == ["A::B::SE1", "A::B::SE2"]
    assert (await replicated(house, "/a/f", to="A::B::SE3")).state == "done"
    assert holders(house, "/a/f") == ["A::B::SE1", "A::B::SE2", "A::B::SE3"]
    assert house.grid.files["/a/f"].guid == guid


@pytest.mark.parametrize("purpose", ["replicate", "mirror"])
async def test_an_existing_replica_is_not_created_again(house: House, purpose: str) -> None:
    house.grid.put("/a/f", b"data")
    job = await replicated(house, "/a/f", to="A::B::SE1", purpose=purpose)
    assert (job.state, (await house.only(job.id)).message) == ("done", "all requested replicas exist already")
    assert house.workers.tasks == []


async def test_a_directory_is_replicated_file_by_file(house: House) -> None:
    for name in ("/d/f", "/d/s/g"):
        house.grid.put(name, b"data")
    job = await replicated(house, "/d", to="disk:1")
    assert (job.state, job.files.done) == ("done", 2)
    assert holders(house, "/d/f") == holders(house, "/d/s/g") == ["A::B::SE1", "A::B::SE2"]


@pytest.mark.parametrize("purpose", ["replicate", "mirror"])
async def test_a_file_that_cannot_be_replicated_fails_with_the_reason(house: House, purpose: str) -> None:
    await house.catalogue.touch("/a/empty")
    house.grid.put("/a/full", b"data", house.grid.ses)
    for lfn, reason in (("/a/none", "does not exist"), ("/a/empty", "no content"), ("/a/full", "")):
        job = await replicated(house, lfn, to="disk:1", purpose=purpose)
        assert job.state == "failed"
        assert reason in (await house.only(job.id)).message


async def test_a_second_attempt_creates_only_missing_replicas(house: House) -> None:
    house.grid.put("/a/f", b"data")
    house.catalogue.after["commit"] = [LOST]
    house.workers.faults = [CopyError("later", "transient")]
    job = await house.submit(JobSpec("copy", ("/a/f",), "/a/f", storage="disk:1", purpose="replicate"))
    await house.until(job.id, "waiting")
    await house.restart()
    house.clock.now += 1000
    house.engine._wake.set()
    assert (await house.ended(job.id)).state == "done"
    assert holders(house, "/a/f") == ["A::B::SE1", "A::B::SE2"]


async def test_a_file_removed_meanwhile_is_not_created_again(house: House) -> None:
    entry = house.grid.put("/a/f", b"data")

    async def access_read(lfn: str, storage: str = "", *, strict: bool = False) -> object:
        tickets = await type(house.catalogue).access_read(house.catalogue, lfn, storage, strict=strict)
        del house.grid.files["/a/f"]
        return tickets

    house.catalogue.access_read = access_read  # type: ignore[method-assign, assignment]
    job = await replicated(house, "/a/f", to="A::B::SE2")
    assert (job.state, house.grid.files) == ("failed", {})
    assert list(house.grid.replicas[entry.guid]) == ["A::B::SE1"]


async def test_a_mirror_request_is_polled_to_the_end(house: House) -> None:
    house.grid.put("/a/f", b"data")
    house.catalogue.mirror_states = ["waiting", "waiting", "done"]
    job = await replicated(house, "/a/f", to="A::B::SE2", purpose="mirror")
    assert (job.state, job.purpose) == ("done", "mirror")
    assert "transfer 0 to A::B::SE2" in (await house.only(job.id)).message
    assert house.catalogue.calls["mirror_state"] == 3
    assert house.workers.tasks == []


async def test_a_failed_mirror_is_an_error_and_an_unknown_one_is_left_to_the_service(
    house: House,
) -> None:
    house.grid.put("/a/f", b"data")
    house.catalogue.mirror_states = ["failed", "unknown"]
    failed = await replicated(house, "/a/f", to="A::B::SE2", purpose="mirror")
    left = await replicated(house, "/a/f", to="A::B::SE2", purpose="mirror")
    assert (failed.state, left.state) == ("failed", "done")
    assert "listTransfer -id 0" in (await house.only(failed.id)).message
    assert "is still copying" in (await house.only(left.id)).message


async def test_the_name_of_an_unfinished_copy_is_waited_for(house: House) -> None:
    entry = house.grid.put("/a/f", b"data")
    house.workers.unfinished = {house.grid.url("A::B::SE2", entry.guid)}
    job = await house.submit(
        JobSpec("copy", ("/a/f",), "/a/f", storage="A::B::SE2", overwrite="never", purpose="replicate")
    )
    await house.until(job.id, "waiting")
    assert "unfinished" in (await house.only(job.id)).message
    house.workers.unfinished = set()
    house.clock.now += 1000
    house.engine._wake.set()
    assert (await house.ended(job.id)).state == "done"
    assert set(house.grid.replicas[entry.guid]) == {"A::B::SE1", "A::B::SE2"}


async def test_a_storage_element_that_refuses_the_file_is_replaced(house: House) -> None:
    house.grid.put("/a/f", b"data")
    house.workers.bad_ses = {"A::B::SE2"}
    assert (await replicated(house, "/a/f", to="disk:1")).state == "done"
    assert holders(house, "/a/f") == ["A::B::SE1", "A::B::SE3"]
