"""The session and the operations of the catalogue on a sandbox grid."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from aliend.central.catalogue import Catalogue
from aliend.central.session import CentralSession
from aliend.core.connection.context import Context, CredentialFiles, Endpoint
from aliend.core.connection.pem import pem_source
from aliend.core.protocol.requests import Request
from aliend.errors import ServiceError
from tests.harness import Grid

MD5 = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def context(grid: Grid) -> Context:
    values = grid.exports
    return Context(
        endpoint=Endpoint(values["ALIENPY_JCENTRAL"], int(values["ALIENPY_JCENTRAL_PORT"])),
        token=CredentialFiles(pem_source(values["JALIEN_TOKEN_CERT"]), pem_source(values["JALIEN_TOKEN_KEY"])),
        user=CredentialFiles(pem_source(values["X509_USER_CERT"]), pem_source(values["X509_USER_KEY"])),
        ca=values["X509_CERT_DIR"],
    )


@pytest.fixture
async def central(context: Context) -> AsyncGenerator[CentralSession, None]:
    async with CentralSession(context) as central:
        yield central


async def test_many_commands_are_one_login(central: CentralSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aliend.central.session.NEW_LOGIN_AFTER", 60.0)  # a busy machine needs more than 0.5 s
    await asyncio.gather(*(central.request(Request("pwd")) for _ in range(50)))
    status = central.status()
    assert (status.logins, status.commands, status.user) == (1, 50, "alice")
    assert "alice" in status.subject


async def test_a_file_is_created_read_moved_and_removed(central: CentralSession) -> None:
    catalogue = Catalogue(central)
    user, home = await catalogue.whoami()
    assert (user, home) == ("alice", "/alice/cern.ch/user/a/alice/")
    folder, lfn = f"{home}life/a_b", f"{home}life/a_b/one.root"
    await central.request(Request("mkdir", ("-p", folder)))
    tickets = await catalogue.access_write(lfn, 1234, MD5, "disk:2")
    assert len(tickets) == 2
    assert await catalogue.stat([lfn]) == ([], [lfn])
    for ticket in tickets:
        await catalogue.commit(ticket, 1234, lfn, MD5)
    with pytest.raises(ServiceError, match="Nothing was registered") as caught:
        await catalogue.commit(tickets[0], 1234, lfn, MD5)
    assert caught.value.code == 53
    (entry,), missing = await catalogue.stat([lfn, f"{home}life/none"])
    assert (entry.size, entry.md5, entry.guid, entry.owner) == (1234, MD5, tickets[0].guid, "alice")
    assert missing == [f"{home}life/none"]
    assert {replica.se for replica in await catalogue.whereis(lfn)} == {ticket.se for ticket in tickets}
    assert [(ticket.size, ticket.md5) for ticket in await catalogue.access_read(lfn)] == [(1234, MD5)] * 2
    await catalogue.move(lfn, f"{folder}/two.root")
    assert [listed.lfn for listed in await catalogue.list(folder)] == [f"{folder}/two.root"]
    await central.request(Request("rm", ("-r", f"{home}life")))
    assert (await catalogue.stat([folder]))[1] == [folder]


async def test_find_returns_new_files_and_no_similar_names(central: CentralSession) -> None:
    catalogue = Catalogue(central)
    home = (await catalogue.whoami())[1]
    for number, folder in enumerate(("f_d", "fxd")):
        await central.request(Request("mkdir", (f"{home}{folder}",)))
        lfn = f"{home}{folder}/{number}"
        (ticket,) = await catalogue.access_write(lfn, 5, "", "disk:1")
        await catalogue.commit(ticket, 5, lfn, MD5)
        async with aclosing(catalogue.find_files(f"{home}f_d")) as groups:
            found = [entry async for group in groups for entry in group]
        assert [(entry.lfn, entry.md5) for entry in found] == [(f"{home}f_d/0", MD5)]


async def test_moving_onto_a_file_and_listing_a_missing_name_fail(central: CentralSession) -> None:
    catalogue = Catalogue(central)
    home = (await catalogue.whoami())[1]
    for name in ("m1", "m2"):
        assert (await central.request(Request("touch", (name,)), directory=home)).exit_code == 0
    with pytest.raises(ServiceError, match="exists"):
        await catalogue.move(f"{home}m1", f"{home}m2")
    with pytest.raises(ServiceError, match="No such file or directory") as caught:
        await catalogue.list(f"{home}none")
    assert caught.value.exit_code == 2


async def test_bulk_and_interactive_work_use_two_logins(
    central: CentralSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aliend.central.session.NEW_LOGIN_AFTER", 60.0)  # a busy machine needs more than 0.5 s
    await asyncio.gather(*(central.request(Request("pwd"), bulk=bool(n % 2)) for n in range(20)))
    assert central.status().logins <= 2
