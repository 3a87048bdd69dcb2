"""Members of the same archive share one request for tickets."""

from __future__ import annotations

from pathlib import Path

from aliend.core.transfers.job import JobSpec
from aliend.errors import ServiceError
from aliend.storage.tasks import Download
from tests.unit.engine.conftest import House

MEMBERS = {f"{number}.root": f"member {number}".encode() for number in range(12)}


def down(source: str, target: Path, **more: object) -> JobSpec:
    return JobSpec("download", (source,), str(target), **more)  # type: ignore[arg-type]


def tickets_of_members(house: House) -> int:
    """Return how many tickets were requested for members; a busy machine may request the archive's own one twice."""
    return sum(request[0] == "access" and not request[1].endswith(".zip") for request in house.catalogue.log)


async def test_all_members_of_an_archive_share_one_ticket(house: House, tmp_path: Path) -> None:
    house.grid.put_archive("/a/d/", MEMBERS)
    assert (await house.done(down("/a/d/", tmp_path / "in"))).state == "done"
    assert {name: (tmp_path / "in" / name).read_bytes() for name in MEMBERS} == MEMBERS
    assert house.catalogue.calls["access"] == 2  # the archive itself is a file of that directory, too


async def test_several_archives_in_one_directory_cost_a_ticket_each(house: House, tmp_path: Path) -> None:
    for directory in ("/a/d/1/", "/a/d/2/"):
        house.grid.put_archive(directory, MEMBERS)
    assert (await house.done(down("/a/d/", tmp_path / "in"))).files.done == 2 * len(MEMBERS) + 2
    assert house.catalogue.calls["access"] == 4


async def test_a_file_with_a_members_name_and_size_but_other_bytes_gets_its_own_ticket(
    house: House, tmp_path: Path
) -> None:
    house.grid.put_archive("/a/d/", MEMBERS)
    del house.grid.archives["/a/d/7.root"]
    house.grid.put("/a/d/7.root", b"MEMBER 7")
    assert (await house.done(down("/a/d/", tmp_path / "in"))).state == "done"
    assert (tmp_path / "in/7.root").read_bytes() == b"MEMBER 7"
    assert house.catalogue.calls["access"] == 3


async def test_two_archives_in_one_directory_cost_a_ticket_each_and_one_lookup(house: House, tmp_path: Path) -> None:
    """F209: the members of the second archive come from the catalogue, many with one request."""
    logs = {f"{number}.log": f"log {number}".encode() for number in range(12)}
    house.grid.put_archive("/a/d/", MEMBERS)
    house.grid.put_archive("/a/d/", logs, "logs.zip")
    house.catalogue.page = 1000
    house.grid.put("/a/d/plain", b"plain")
    assert (await house.done(down("/a/d/", tmp_path / "in"))).state == "done"
    assert {name: (tmp_path / "in" / name).read_bytes() for name in logs} == logs
    assert house.catalogue.calls["access"] == 5  # two archives, their own files, and the plain one
    assert 1 <= house.catalogue.calls["members"] < 5  # who overtakes others asks without them


async def test_members_with_other_names_in_the_archive_cost_one_ticket(house: House, tmp_path: Path) -> None:
    house.grid.put_archive("/a/d/", MEMBERS, prefix="job/")
    house.catalogue.page = 1000
    assert (await house.done(down("/a/d/", tmp_path / "in"))).state == "done"
    assert {name: (tmp_path / "in" / name).read_bytes() for name in MEMBERS} == MEMBERS
    assert tickets_of_members(house) == 1
    assert 1 <= house.catalogue.calls["members"] < 5


async def test_names_are_looked_up_in_groups_of_fifty(house: House, tmp_path: Path) -> None:
    many = {f"{number:03}": f"member {number}".encode() for number in range(120)}
    house.grid.put_archive("/a/d/", many, prefix="job/")
    house.catalogue.page = 1000
    assert (await house.done(down("/a/d/", tmp_path / "in"))).state == "done"
    assert tickets_of_members(house) == 1
    asked = [len(words) - 1 for words in house.catalogue.log if words[0] == "members"]
    assert max(asked) == 50
    assert len(asked) < 20, "however late some files start, most are looked up together"


async def test_without_archives_only_tickets_are_requested(house: House, tmp_path: Path) -> None:
    for name in MEMBERS:
        house.grid.put(f"/a/d/{name}", MEMBERS[name])
    assert (await house.done(down("/a/d/", tmp_path / "in"))).state == "done"
    assert (house.catalogue.calls["access"], house.catalogue.calls["members"]) == (len(MEMBERS), 0)


async def test_a_failing_lookup_costs_a_ticket_each(house: House, tmp_path: Path) -> None:
    house.grid.put_archive("/a/d/", MEMBERS, prefix="job/")
    house.catalogue.before["members"] = [ServiceError("stat", 1, "no") for _ in MEMBERS]
    assert (await house.done(down("/a/d/", tmp_path / "in"))).state == "done"
    assert tickets_of_members(house) == len(MEMBERS)


async def test_members_of_a_whole_archive_cost_one_ticket(house: House, tmp_path: Path) -> None:
    """F210"""
    house.grid.put_archive("/a/d/", MEMBERS)
    house.catalogue.page = 1000
    assert (await house.done(down("/a/d/", tmp_path / "in", whole_archives=True))).state == "done"
    assert {name: (tmp_path / "in" / name).read_bytes() for name in MEMBERS} == MEMBERS
    assert tickets_of_members(house) == 1
    assert 1 <= house.catalogue.calls["members"] < 5


async def test_the_whole_archives_option_is_passed_to_the_copy(house: House, tmp_path: Path) -> None:
    house.grid.put_archive("/a/d/", {"f": b"x"})
    assert (await house.done(down("/a/d/f", tmp_path / "f", whole_archives=True))).state == "done"
    (task,) = house.workers.copies()
    assert isinstance(task, Download)
    assert task.whole_archive
