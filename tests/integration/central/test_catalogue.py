"""The operations of the catalogue: the requests, and the parsed answers (as recorded)."""

from __future__ import annotations

import json
import tracemalloc
from contextlib import aclosing

import pytest

from aliend.central.catalogue import Catalogue
from aliend.central.session import CentralSession
from aliend.core.catalogue.entries import Entry, Ticket
from aliend.errors import BadReply, NotConnected, OutcomeUnknown, ServiceError, UsageError
from tests.integration.central.service import Service, document

MD5 = "3e8381becc0ec67e19f76f1b6aadb675"
GUID = "f0a899ac-e766-11f1-a3de-02fc00000001"
URL = "root://localhost:41094//02/56222/" + GUID
TICKET = Ticket(URL, "sealed", GUID, "ALICE::JTESTSITE::FIRSTSE", 11, MD5)


@pytest.fixture
def catalogue(central: CentralSession) -> Catalogue:
    return Catalogue(central)


def described(lfn: str, kind: str = "f") -> dict[str, str]:
    """One result of `stat`, and of `find -f` without what nobody reads."""
    values = {"lfn": lfn, "type": kind, "owner": "jalien", "gowner": "vo", "perm": "755", "ctime": "1795456473000"}
    return values | ({"size": "11", "md5": MD5, "guid": GUID} if kind == "f" else {})


async def collect(catalogue: Catalogue, found: list[Entry]) -> None:
    """Add all files below `/a` to `found`."""
    async with aclosing(catalogue.find_files("/a")) as groups:
        async for group in groups:
            found += group


async def test_a_listing_becomes_entries(catalogue: Catalogue, service: Service) -> None:
    long = {"permissions": "-rwxr-xr-x", "user": "jalien", "group": "vo", "size": "11", "ctime": "1795456473000"}
    service.replies["ls"] = document([{**long, "name": "f", "path": "/a/f"}])
    assert await catalogue.list("/a/") == [Entry("/a/f", "file", 11, "jalien", "vo", "755", 1795456473000)]
    assert service.executed == [("ls", "-nomsg", "-l", "/a/")]


async def test_a_listing_of_a_name_with_a_star_is_not_that_of_its_siblings(
    catalogue: Catalogue, service: Service
) -> None:
    names = ["/a/b*/x", "/a/bc/y", "/a/b*/z/"]
    service.replies["ls"] = document([{"permissions": "-rwxr-xr-x", "path": path} for path in names])
    assert [entry.lfn for entry in await catalogue.list("/a/b*", all=True)] == ["/a/b*/x", "/a/b*/z/"]


async def test_names_that_do_not_exist_are_listed_as_missing(catalogue: Catalogue, service: Service) -> None:
    results = [described("/a/f"), described("/a/d/", "d")]
    service.replies["stat"] = document(results, code=2, error="No such file or directory : /a/none")
    present, missing = await catalogue.stat(["/a/none", "/a/d", "/a/f"])
    assert [entry.lfn for entry in present] == ["/a/d/", "/a/f"]
    assert missing == ["/a/none"]
    assert (present[1].md5, present[1].guid, present[1].size) == (MD5, GUID, 11)


async def test_a_hundred_names_need_two_requests(catalogue: Catalogue, service: Service) -> None:
    service.replies["stat"] = document([], code=2, error="No such file or directory")
    _, missing = await catalogue.stat([f"/a/{n}" for n in range(100)])
    assert len(missing) == 100
    assert [words[0] for words in service.executed] == ["stat", "stat"]


async def test_another_failure_of_stat_is_not_taken_for_absence(catalogue: Catalogue, service: Service) -> None:
    service.replies["stat"] = document([], code=121, error="Remote I/O error")
    with pytest.raises(ServiceError, match="Remote"):
        await catalogue.stat(["/a"])


async def test_files_are_found_only_below_the_directory_and_never_from_a_cache(
    catalogue: Catalogue, service: Service
) -> None:
    lfns = ["/a/b_c/f", "/a/bxc/f", "/a/b_c/d/g"]
    service.replies["find"] = document([described(lfn) for lfn in lfns] + [described("/a/b_c/d/", "d")])
    for _ in range(2):
        async with aclosing(catalogue.find_files("/a/b_c/")) as groups:
            assert [entry.lfn async for group in groups for entry in group] == ["/a/b_c/f", "/a/b_c/d/g"]
    first, second = service.executed
    assert first[:6] == ("find", "-nomsg", "-f", "-a", "-s", "-l")
    assert first[7:] == ("/a/b_c", "*")
    assert first[6] != second[6]


async def test_many_files_are_found_in_bounded_memory(catalogue: Catalogue, service: Service) -> None:
    extra = {"name": "f", "aclId": "", "broken": "0", "dir": "118", "entryId": "135", "expiretime": "", "jobid": "-1"}
    results = [described(f"/a/{n:06}/AO2D.root") | extra for n in range(40_000)]
    service.replies["find"] = document(results)
    del results
    tracemalloc.start()
    try:
        count, largest = 0, 0
        async with aclosing(catalogue.find_files("/a")) as groups:
            async for group in groups:
                count += len(group)
                largest = max(largest, len(group))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 40_000
    assert largest < 1000
    assert peak < 40 << 20  # far less than 40,000 results as objects, beside the service's own frames


async def test_a_truncated_search_is_not_complete(catalogue: Catalogue, service: Service) -> None:
    service.replies["find"] = document([described(f"/a/{n}") for n in range(5000)])
    service.faults.append("half")
    found: list[Entry] = []
    with pytest.raises(NotConnected):
        await collect(catalogue, found)
    assert 0 < len(found) < 5000
    assert len(service.executed) == 1


async def test_a_search_lost_before_its_first_result_is_repeated(catalogue: Catalogue, service: Service) -> None:
    service.replies["find"] = document([described("/a/f")])
    service.faults.append("drop-after")
    async with aclosing(catalogue.find_files("/a")) as groups:
        assert [len(group) async for group in groups] == [1]
    assert service.connections == 2


async def test_a_failed_search_is_an_error(catalogue: Catalogue, service: Service) -> None:
    service.replies["find"] = document([], code=20, error="Not a directory : /a")
    with pytest.raises(ServiceError, match="Not a directory"):
        await anext(catalogue.find_files("/a"))
    service.faults.append("garbage")
    with pytest.raises(BadReply):
        await anext(catalogue.find_files("/a"))
    service.replies["find"] = document([described("/a/f")])
    async with aclosing(catalogue.find_files("/a")) as groups:
        assert [len(group) async for group in groups] == [1]


async def test_a_search_may_be_stopped_early(central: CentralSession, service: Service) -> None:
    service.replies["find"] = document([described(f"/a/{n}") for n in range(50_000)])
    async with aclosing(Catalogue(central).find_files("/a")) as groups:
        async for _ in groups:
            break
    service.replies.clear()
    assert central.status().connections == 0
    with pytest.raises(BadReply, match="no user name"):
        await Catalogue(central).whoami()


async def test_tickets_are_requested_with_size_and_checksum(catalogue: Catalogue, service: Service) -> None:
    result = {"url": URL, "envelope": "sealed", "guid": GUID, "se": TICKET.se, "size": "11", "md5": MD5, "nSEs": "1"}
    service.replies["access"] = document([result, {"message": "unknown"}])
    assert await catalogue.access_write("/a/f", 11, MD5, "disk:1") == [TICKET]
    assert await catalogue.access_read("/a/f") == [TICKET]
    assert service.executed == [
        ("access", "-nomsg", "-s", "11", "-m", MD5, "write", "/a/f", "disk:1"),
        ("access", "-nomsg", "read", "/a/f"),
    ]


async def test_a_commit_has_all_arguments_and_must_be_confirmed(catalogue: Catalogue, service: Service) -> None:
    """F208"""
    service.replies["commit"] = document([{"path": "/a/f", "lfn": "1", "pfn": URL}])
    await catalogue.commit(TICKET, 11, "/a/f", MD5)
    assert service.executed == [("commit", "-nomsg", "sealed", "11", "/a/f", "644", "0", URL, TICKET.se, GUID, MD5)]
    service.replies["commit"] = document([{"path": "/a/f", "lfn": "0"}])
    with pytest.raises(ServiceError, match="not registered"):
        await catalogue.commit(TICKET, 11, "/a/f", MD5)


async def test_a_commit_is_never_repeated(catalogue: Catalogue, service: Service) -> None:
    service.faults.append("drop-after")
    with pytest.raises(OutcomeUnknown, match="commit"):
        await catalogue.commit(TICKET, 11, "/a/f", MD5)
    assert len(service.executed) == 1


async def test_an_existing_target_is_not_moved_onto(catalogue: Catalogue, service: Service) -> None:
    service.replies["stat"] = document([described("/a/g")])
    with pytest.raises(ServiceError, match="exists") as caught:
        await catalogue.move("/a/f", "/a/g")
    assert caught.value.exit_code == 17
    service.replies["stat"] = document([], code=2, error="No such file or directory : /a/g")
    await catalogue.move("/a/f", "/a/g/")
    assert service.executed[-1] == ("mv", "/a/f", "/a/g")
    assert [words[0] for words in service.executed].count("mv") == 1


async def test_a_name_with_a_wildcard_is_not_removed(catalogue: Catalogue, service: Service) -> None:
    with pytest.raises(UsageError, match="wildcard"):
        await catalogue.remove("/a/*")
    assert not service.executed
    await catalogue.remove("/a/b")
    assert service.executed == [("rm", "/a/b")]


async def test_replicas_name_their_storage_elements(catalogue: Catalogue, service: Service) -> None:
    service.replies["whereis"] = document([{"seNumber": "1", "seName": TICKET.se, "pfn": URL}])
    assert [(replica.se, replica.pfn) for replica in await catalogue.whereis("/a/f")] == [(TICKET.se, URL)]


async def test_whoami_returns_account_and_home(catalogue: Catalogue, service: Service) -> None:
    service.replies["whoami"] = document([json.loads('{"username": "alice", "homedir": "/alice/home/"}')])
    assert await catalogue.whoami() == ("alice", "/alice/home/")
