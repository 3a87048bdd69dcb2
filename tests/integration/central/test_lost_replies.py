"""Requests whose connection is lost: outcome by command, time and state of the catalogue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator

import pytest

from aliend.central.connection.login import Limits
from aliend.central.session import CentralSession
from aliend.core.protocol.requests import Request
from aliend.errors import NotConnected, OutcomeUnknown
from tests.integration.central.service import Authority, Issued, Service, document, eventually

LS = Request("ls", ("/alice",))
QUICK = Limits(first_pause=0.01, longest_pause=0.02, lost_reply_check_interval=0.01)


@pytest.fixture
async def central(service: Service, authority: Authority, alice: Issued) -> AsyncGenerator[CentralSession, None]:
    async with CentralSession(service.context(authority.ca, alice), limits=QUICK) as central:
        yield central


def there(*lfns: str, mode: str = "755") -> str:
    """The reply to `stat` that finds these names, changed a moment after the test; a directory's ends in a slash."""
    now = str(time.time_ns() // 1_000_000 + 3_600_000)
    kinds = {True: "d", False: "f"}
    return document(
        [{"lfn": lfn, "type": kinds[lfn.endswith("/")], "perm": mode, "ctime": now, "size": "0"} for lfn in lfns]
    )


GONE = document([], code=2, error="No such file or directory : ...")


def some(*lfns: str) -> str:
    """The reply to `stat` where other names are missing."""
    return there(*lfns).replace('"exitcode": "0"', '"exitcode": "2"')


CASES = [
    ("mkdir /a/d", there("/a/d/"), GONE),
    ("mkdir -p /a/d/e", there("/a/d/e/"), GONE),
    ("rmdir /a/d", GONE, there("/a/d/")),
    ("rm /a/f", GONE, there("/a/f")),
    ("rm -r /a/d", GONE, there("/a/d/")),
    ("mv /a/f /a/g", some("/a/g"), some("/a/f")),
    ("touch /a/f", there("/a/f"), GONE),
    ("chmod 700 /a/f", there("/a/f", mode="700"), there("/a/f", mode="755")),
]


@pytest.mark.parametrize(("words", "done", "not_done"), CASES, ids=[words for words, _, _ in CASES])
async def test_the_outcome_is_what_the_catalogue_shows(
    central: CentralSession, service: Service, words: str, done: str, not_done: str
) -> None:
    command, *options = words.split()
    request = Request(command, tuple(options))
    service.faults.append("drop-after")
    service.replies["stat"] = done
    assert (await central.request(request)).exit_code == 0
    service.faults.append("drop-before")
    service.replies["stat"] = not_done
    with pytest.raises(OutcomeUnknown, match="shows no effect") as caught:
        await central.request(request)
    assert words in str(caught.value)
    assert caught.value.exit_code == 75
    assert [executed[0] for executed in service.executed].count(command) == 1


async def test_the_effect_of_a_slow_command_is_checked_again(central: CentralSession, service: Service) -> None:
    service.faults.append("drop-after")
    service.first_replies["stat"] = GONE
    service.replies["stat"] = there("/a/d/")
    assert (await central.request(Request("mkdir", ("/a/d",)))).exit_code == 0
    assert [words[0] for words in service.executed] == ["mkdir", "stat", "stat"]


@pytest.mark.parametrize("words", ["rm /a/*", "submit /a.jdl", "chown bob /a", "mv /a/f /b/", "mirror /a SE"])
async def test_an_invisible_outcome_is_reported_as_unknown(
    central: CentralSession, service: Service, words: str
) -> None:
    command, *options = words.split()
    service.faults.append("drop-after")
    with pytest.raises(OutcomeUnknown, match="check before you repeat it") as caught:
        await central.request(Request(command, tuple(options)))
    assert words in str(caught.value)
    assert [executed[0] for executed in service.executed] == [command]


async def test_a_commit_without_a_reply_shows_no_envelope(central: CentralSession, service: Service) -> None:
    service.faults.append("drop-after")
    with pytest.raises(OutcomeUnknown) as caught:
        await central.request(Request("commit", ("-nomsg", "the-envelope", "5")))
    assert "the-envelope" not in str(caught.value)


async def test_without_network_the_outcome_is_unknown_and_the_next_command_fails_with_107(
    central: CentralSession, service: Service
) -> None:
    await central.request(LS)
    service.gated = {"rm"}
    service.gate.clear()
    task = asyncio.create_task(central.request(Request("rm", ("/a/f",))))
    await eventually(lambda: service.executed[-1][0] == "rm")
    assert service.server is not None
    service.server.close(close_connections=False)
    for peer in list(service.server.connections):
        peer.transport.abort()
    service.gate.set()
    with pytest.raises(OutcomeUnknown):
        await task
    with pytest.raises(NotConnected) as caught:
        await central.request(LS)
    assert caught.value.exit_code == 107
    status = central.status()
    assert (status.state, status.connections, status.since_ms) == ("failing", 0, 0)
    assert "cannot connect to" in status.problem


async def test_a_service_that_closes_every_connection_is_not_flooded(
    service: Service, authority: Authority, alice: Issued
) -> None:
    service.faults.extend(["drop-before"] * 1000)
    limits = Limits(first_pause=0.05, longest_pause=0.2)
    async with CentralSession(service.context(authority.ca, alice), chance=lambda: 0.999, limits=limits) as central:
        before = time.monotonic()
        for _ in range(3):
            with pytest.raises(NotConnected):
                await central.request(LS)
        took = time.monotonic() - before
    assert service.connections == 9
    assert took >= 0.05 + 0.1 + 6 * 0.19  # eight pauses: the first two are shorter


async def test_a_thousand_closed_connections_lose_no_command(
    service: Service, authority: Authority, alice: Issued
) -> None:
    ends = 1000
    async with CentralSession(service.context(authority.ca, alice), limits=QUICK) as central:
        for number in range(ends):
            reply = await central.request(Request("ls"), directory="/alice/data/")
            assert reply.exit_code == 0
            assert service.server is not None
            (peer,) = service.server.connections
            if number % 2:
                peer.transport.abort()
            else:
                await peer.close(1013, "Session timed out")
            await eventually(lambda: service.open == 0)
    assert service.executed == [("ls", "-pwd=/alice/data/")] * ends


async def test_a_suspend_or_network_change_drops_only_dead_connections(
    service: Service, authority: Authority, alice: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = Limits(first_pause=0.01, longest_pause=0.02, check_interval=0.05, ping_deadline=2.0)
    monkeypatch.setattr("aliend.central.connection.connection.route_changed", lambda *_: True)
    async with CentralSession(service.context(authority.ca, alice), limits=limits) as central:
        await central.request(LS)
        await asyncio.sleep(0.3)  # several looks: what is tested is that nothing happens
        assert central.status().connections == 1
        service.faults.append("hang")
        task = asyncio.create_task(central.request(LS))
        await eventually(lambda: len(service.executed) == 2)
        assert service.server is not None
        (peer,) = service.server.connections
        peer.transport.pause_reading()
        async with asyncio.timeout(60):
            assert (await task).exit_code == 0
        peer.transport.abort()
    assert service.connections == 2
