"""Members of archives: one request for tickets serves all that lie beside each other."""

from __future__ import annotations

from pathlib import Path

from aliend.core.job import JobSpec
from aliend.storage.tasks import Download
from tests.unit.engine.conftest import House

MEMBERS = {f"{number}.root": f"member {number}".encode() for number in range(12)}


def down(source: str, target: Path, **more: object) -> JobSpec:
    return JobSpec("download", (source,), str(target), **more)  # type: ignore[arg-type]


async def test_all_members_of_an_archive_come_with_one_ticket(house: House, tmp_path: Path) -> None:
    house.grid.put_archive("/a/d/", MEMBERS)
    assert (await house.done(down("/a/d/", tmp_path / "in"))).state == "done"
    assert {name: (tmp_path / "in" / name).read_bytes() for name in MEMBERS} == MEMBERS
    assert house.catalogue.calls["access"] == 2  # the archive itself is a file of that directory, too


async def test_several_archives_in_one_directory_cost_a_ticket_each(house: House, tmp_path: Path) -> None:
    for directory in ("/a/d/1/", "/a/d/2/"):
        house.grid.put_archive(directory, MEMBERS)
    assert (await house.done(down("/a/d/", tmp_path / "in"))).files.done == 2 * len(MEMBERS) + 2
    assert house.catalogue.calls["access"] == 4


async def test_a_neighbour_with_the_name_and_size_of_a_member_but_other_bytes_gets_its_own(
    house: House, tmp_path: Path
) -> None:
    house.grid.put_archive("/a/d/", MEMBERS)
    del house.grid.archives["/a/d/7.root"]
    house.grid.put("/a/d/7.root", b"MEMBER 7")
    assert (await house.done(down("/a/d/", tmp_path / "in"))).state == "done"
    assert (tmp_path / "in/7.root").read_bytes() == b"MEMBER 7"
    assert house.catalogue.calls["access"] == 3


async def test_a_wish_for_whole_archives_asks_for_each_name_and_goes_with_the_copy(
    house: House, tmp_path: Path
) -> None:
    house.grid.put_archive("/a/d/", {"f": b"x"})
    assert (await house.done(down("/a/d/f", tmp_path / "f", whole_archives=True))).state == "done"
    (task,) = house.workers.copies()
    assert isinstance(task, Download)
    assert task.whole_archive
