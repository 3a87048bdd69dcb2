"""Discovery of the service and keeping the connection: alien.py's features F001 to F019."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncGenerator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import pytest

from aliend.central.connection.jbox import find_services
from aliend.central.connection.login import Limits
from aliend.central.connection.tcp import connect, dial
from aliend.central.session import CentralSession
from aliend.config import load
from aliend.core.connection.context import Context, DiscoverySettings, Endpoint
from aliend.core.connection.discovery import Target
from aliend.core.protocol.requests import Request
from aliend.errors import ConfigurationError, LoginRefused, NotConnected, OutcomeUnknown
from tests.integration.central.conftest import QUICK
from tests.integration.central.service import Authority, Issued, Service, eventually, running
from tests.integration.central.test_tcp import black_hole, local

LS = Request("ls", ("/alice",))
SLACK = 30


@pytest.fixture
async def jbox(authority: Authority, alice: Issued) -> AsyncGenerator[Service, None]:
    """A JBox of alice: it has a certificate of alice, not of its host."""
    async with running(authority, alice) as jbox:
        yield jbox


class Place:
    """The home of a user, and the contexts from variables."""

    def __init__(self, home: Path, authority: Authority, alice: Issued) -> None:
        self.home, self.file = home, home / f"jclient_token_{os.getuid()}"
        self._variables = {
            "HOME": str(home),
            "TMPDIR": str(home),
            "X509_CERT_FILE": authority.ca,
            "X509_USER_CERT": alice.certificate,
            "X509_USER_KEY": alice.key,
        }

    def context(self, **variables: str) -> Context:
        return load("default", {**self._variables, **variables}).context()

    def write(self, pid: int | str, port: int) -> None:
        self.file.write_text(f"JALIEN_HOST = localhost\nJALIEN_PID={pid}\nJALIEN_WSPORT = {port}\nOTHER\n")


@pytest.fixture
def place(tmp_path: Path, authority: Authority, alice: Issued) -> Place:
    home = tmp_path / "home"
    home.mkdir()
    return Place(home, authority, alice)


def near(context: Context, service: Service) -> Context:
    """The context with `service` instead of the production service."""
    return replace(context, endpoint=Endpoint("localhost", service.port))


def closed_port() -> int:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port: int = closed.getsockname()[1]
        return port


async def asked(context: Context, limits: Limits = QUICK) -> str:
    """Send one request. Return the service that answered."""
    async with CentralSession(context, limits=limits) as central:
        await central.request(LS)
        return central.status().endpoint


async def test_f001_the_production_service_is_the_default(place: Place, service: Service) -> None:
    context = place.context()
    assert find_services(context) == [Target(Endpoint("alice-jcentral.cern.ch", 8097))]
    await asked(near(context, service))
    assert service.paths == ["/websocket/json"]


async def test_f002_a_chosen_service_is_the_only_one(place: Place, jbox: Service) -> None:
    place.write(os.getpid(), jbox.port)
    chosen = {"ALIENPY_JCENTRAL": "localhost", "ALIENPY_JCENTRAL_PORT": str(closed_port())}
    context = place.context(**chosen, JALIEN_HOST="localhost", JALIEN_WSPORT=str(jbox.port))
    with pytest.raises(NotConnected, match="cannot connect to") as caught:
        await asked(context)
    assert caught.value.exit_code == 107
    assert jbox.connections == 0


async def test_f003_the_port_may_be_chosen(place: Place, service: Service) -> None:
    context = place.context(ALIENPY_JCENTRAL="localhost", ALIENPY_JCENTRAL_PORT=str(service.port))
    assert await asked(context) == f"localhost:{service.port}"
    assert str(place.context(ALIENPY_JCENTRAL_PORT="18097").endpoint) == "alice-jcentral.cern.ch:18097"


async def test_f004_a_configured_jbox_is_preferred(place: Place, jbox: Service, service: Service) -> None:
    context = place.context(JALIEN_HOST="localhost", JALIEN_WSPORT=str(jbox.port))
    assert await asked(near(context, service)) == f"localhost:{jbox.port}"
    assert (jbox.connections, service.connections) == (1, 0)


async def test_f004_an_unreachable_jbox_is_skipped(place: Place, service: Service) -> None:
    context = place.context(JALIEN_HOST="localhost", JALIEN_WSPORT=str(closed_port()))
    assert await asked(near(context, service)) == f"localhost:{service.port}"
    assert place.context(JALIEN_HOST="box").finding.jbox == Endpoint("box", 8097)
    with pytest.raises(ConfigurationError, match="JALIEN_WSPORT"):
        place.context(JALIEN_HOST="box", JALIEN_WSPORT="many")


async def test_f004_a_jbox_of_another_user_receives_nothing(
    place: Place, authority: Authority, service: Service
) -> None:
    async with running(authority, authority.issue("mallory", host="localhost")) as mallory:
        context = place.context(JALIEN_HOST="localhost", JALIEN_WSPORT=str(mallory.port))
        assert await asked(near(context, service)) == f"localhost:{service.port}"
        assert mallory.executed == []


async def test_f005_a_jbox_of_the_user_is_found_by_its_file(place: Place, jbox: Service, service: Service) -> None:
    place.write(os.getpid(), jbox.port)
    assert await asked(near(place.context(), service)) == f"localhost:{jbox.port}"


async def test_f005_a_file_of_a_dead_or_foreign_process_is_ignored(place: Place, tmp_path: Path) -> None:
    here = Target(Endpoint("localhost", 5), is_jbox=True)
    processes = tmp_path / "proc"
    for number, uid in ((7, os.getuid()), (8, os.getuid() + 1)):
        (processes / str(number)).mkdir(parents=True)
        (processes / str(number) / "status").write_text(f"Name:\tjava\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n")
    expectations: list[tuple[int | str, bool]] = [(7, True), (8, False), (9, False), ("x", False)]
    for pid, expected in expectations:
        place.write(pid, 5)
        assert (here in find_services(place.context(), processes)) is expected, pid
    place.write(7, 70000)
    assert len(find_services(place.context(), processes)) == 1


async def test_f005_a_foreign_file_or_a_link_is_ignored(place: Place, tmp_path: Path) -> None:
    place.write(os.getpid(), 5)
    assert len(find_services(place.context())) == 2
    place.file.rename(tmp_path / "elsewhere")
    place.file.symlink_to(tmp_path / "elsewhere")
    assert len(find_services(place.context())) == 1
    place.file.unlink()
    place.write(os.getpid(), 5)
    if os.getuid() == 0:
        os.chown(place.file, 65534, 65534)
        assert len(find_services(place.context())) == 1


async def test_f006_when_the_jbox_dies_commands_still_succeed(
    place: Place, authority: Authority, alice: Issued, service: Service
) -> None:
    async with running(authority, alice) as jbox:
        context = near(place.context(JALIEN_HOST="localhost", JALIEN_WSPORT=str(jbox.port)), service)
        central = CentralSession(context, limits=QUICK)
        await central.request(LS)
    async with central:
        assert (await central.request(LS)).exit_code == 0
        assert central.status().endpoint == f"localhost:{service.port}"
    assert (jbox.connections, service.connections) == (1, 1)


async def test_f007_the_number_of_tries_and_their_interval_may_be_chosen(place: Place, service: Service) -> None:
    service.status = HTTPStatus.BAD_GATEWAY
    once = near(place.context(ALIENPY_CONNECT_TRIES="1"), service)
    with pytest.raises(NotConnected):
        await asked(once)
    assert len(service.agents) == 1
    twice = near(place.context(ALIENPY_CONNECT_TRIES="2", ALIENPY_CONNECT_TRIES_INTERVAL="0.4"), service)
    before = time.monotonic()
    with pytest.raises(NotConnected):
        await asked(twice)
    assert len(service.agents) == 3
    assert time.monotonic() - before >= 0.4
    with pytest.raises(ConfigurationError, match="ALIENPY_CONNECT_TRIES"):
        place.context(ALIENPY_CONNECT_TRIES="0")


async def test_f008_the_family_of_addresses_may_be_chosen(place: Place) -> None:
    families = {text: place.context(ALIENPY_NETWORKSTACK=text).finding.family for text in ("IPv4", "v6", "4", "any")}
    assert families == {"IPv4": "ipv4", "v6": "ipv6", "4": "ipv4", "any": ""}
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with await dial("localhost", port, "ipv4") as made:
            assert made.family == socket.AF_INET
        with pytest.raises(OSError, match=r".*"):
            await dial("127.0.0.1", port, "ipv6")


async def test_f008_a_broken_family_costs_less_than_two_seconds() -> None:
    with black_hole() as dead, socket.create_server(("127.0.0.1", 0)) as alive:
        async with asyncio.timeout(2):
            (await connect(local(dead, alive.getsockname()[1]))).close()


async def test_f009_one_dead_address_of_two_causes_no_long_delay(place: Place) -> None:
    assert place.context().finding.racing
    assert not place.context(ALIENPY_NO_STAGGER="1").finding.racing
    for racing in (True, False):
        with black_hole() as dead, socket.create_server(("127.0.0.1", 0)) as alive:
            before = time.monotonic()
            (await connect(local(dead, alive.getsockname()[1]), racing=racing)).close()
            assert time.monotonic() - before < SLACK


async def test_f010_a_service_without_a_handshake_fails_after_a_time_limit(place: Place) -> None:
    assert Limits().open_timeout == 5.0
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        context = place.context(ALIENPY_JCENTRAL="127.0.0.1", ALIENPY_JCENTRAL_PORT=str(port))
        async with asyncio.timeout(60):
            with pytest.raises(NotConnected, match=r"no answer within 0\.3 s") as caught:
                await asked(context, replace(QUICK, open_timeout=0.3))
    assert caught.value.exit_code == 107


async def test_f011_http_401_is_129_with_a_hint(place: Place, service: Service) -> None:
    service.status = HTTPStatus.UNAUTHORIZED
    with pytest.raises(LoginRefused, match="register it") as caught:
        await asked(near(place.context(), service))
    assert caught.value.exit_code == 129
    assert len(service.agents) == 1


async def test_f012_another_http_error_is_107_after_the_tries(place: Place, service: Service) -> None:
    service.status = HTTPStatus.SERVICE_UNAVAILABLE
    with pytest.raises(NotConnected, match="503") as caught:
        await asked(near(place.context(), service))
    assert caught.value.exit_code == 107
    assert len(service.agents) == 3


async def test_f013_the_user_agent_names_version_user_and_job(place: Place, service: Service) -> None:
    await asked(near(place.context(ALIEN_PROC_ID="42", ALIEN_MASTERJOB_ID="41"), service))
    (agent,) = service.agents
    assert agent.startswith("aliend/")
    assert " id/" in agent
    assert agent.endswith(" jobid/42 masterjobid/41")


async def test_f014_a_service_without_compression_works(place: Place, authority: Authority, service: Service) -> None:
    async with running(authority, authority.issue("plain", host="localhost"), deflate=False) as plain:
        await asked(near(place.context(), plain))
    await asked(near(place.context(), service))
    assert len(plain.executed) == len(service.executed) == 1


async def test_f015_pings_keep_an_idle_connection_and_find_a_dead_peer(place: Place, service: Service) -> None:
    assert place.context(ALIENPY_TIMEOUT="7").finding.ping == 7
    context = near(place.context(ALIENPY_TIMEOUT="1"), service)
    async with CentralSession(context, limits=replace(QUICK, check_interval=0.1)) as central:
        await central.request(LS)
        await asyncio.sleep(2.5)  # more than two intervals: what is tested is that nothing happens
        assert (service.open, service.connections) == (1, 1)
        assert service.server is not None
        (peer,) = service.server.connections
        peer.transport.pause_reading()
        await eventually(lambda: central.status().state == "failing", within=2 + SLACK)
        assert central.status().connections == 0
        peer.transport.abort()


async def test_f015_a_slow_reply_without_a_pong_keeps_the_connection(place: Place, service: Service) -> None:
    service.faults.append("drip")
    context = near(place.context(ALIENPY_TIMEOUT="1"), service)
    async with CentralSession(context, limits=QUICK) as central:
        reply = await central.request(Request("whoami"))
    assert reply.results
    assert (service.connections, len(service.executed)) == (1, 1)


async def test_f016_after_a_reconnect_the_directory_is_the_same_and_the_connection_stays(
    central: CentralSession, service: Service
) -> None:
    await central.request(LS, directory="/alice/data/")
    assert service.server is not None
    for peer in list(service.server.connections):
        await peer.close(1013, "Session timed out")
    for _ in range(3):
        await central.request(Request("ls"), directory="/alice/data/")
    assert service.executed[1:] == [("ls", "-pwd=/alice/data/")] * 3
    assert service.connections == 2


async def test_f017_a_submission_with_a_lost_reply_is_not_repeated(central: CentralSession, service: Service) -> None:
    service.faults.append("drop-after")
    with pytest.raises(OutcomeUnknown, match=r"submit /alice/a\.jdl 7") as caught:
        await central.request(Request("submit", ("/alice/a.jdl", "7")))
    assert caught.value.exit_code == 75
    assert service.executed == [("submit", "/alice/a.jdl", "7")]


async def test_f018_a_service_that_answers_pings_but_no_request_ends_with_an_error(
    place: Place, service: Service
) -> None:
    service.faults.append("hang")
    context = near(place.context(ALIEND_REPLY_TIMEOUT="1"), service)
    assert DiscoverySettings().reply == 120
    with pytest.raises(NotConnected, match="did not answer within 1 s"):
        await asked(context)


async def test_f019_the_site_is_set_before_anything_else(place: Place, service: Service) -> None:
    await asked(near(place.context(ALIEN_SITE="CERN"), service))
    assert service.executed[0] == ("setSite", "CERN")
