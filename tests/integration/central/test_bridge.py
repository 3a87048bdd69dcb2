"""The bridge: who may connect, how requests share connections, and how programs, but no daemons, find it."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import stat
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from aliend.bridge import announcement, server
from aliend.bridge.server import Bridge, DaemonParts
from aliend.central.connection.jbox import find_services
from aliend.central.session import CentralSession
from aliend.core.connection.context import Context, DiscoverySettings, Endpoint
from aliend.core.connection.discovery import Target
from aliend.core.protocol.requests import Request
from aliend.errors import ConfigurationError, NotConnected
from tests.integration.central.conftest import QUICK
from tests.integration.central.service import HOME, Authority, Issued, Service, document, eventually

Opened = tuple[Bridge, CentralSession]
JBOX = "JALIEN_HOST = localhost\nJALIEN_WSPORT = 9\nJALIEN_PID = {}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "jclient_token_7"


@pytest.fixture
async def opened(service: Service, authority: Authority, alice: Issued, file: Path) -> AsyncGenerator[Opened, None]:
    context = replace(service.context(authority.ca, alice), token=alice.files)

    async def account(_: Context) -> tuple[str, str]:
        return "alice", HOME

    async with CentralSession(context, limits=QUICK) as central:
        bridge = Bridge(DaemonParts(lambda: context, lambda _: central, account, file))
        await bridge.open()
        try:
            yield bridge, central
        finally:
            await bridge.close()


@pytest.fixture
def client(opened: Opened, authority: Authority, alice: Issued) -> Callable[..., connect]:
    def to_bridge(issued: Issued | None = alice, path: str = "websocket/json") -> connect:
        tls = ssl.create_default_context(cafile=authority.ca)
        tls.check_hostname = False
        if issued is not None:
            tls.load_cert_chain(issued.certificate, issued.key)
        return connect(f"wss://127.0.0.1:{opened[0].port}/{path}", ssl=tls, proxy=None, max_size=None)

    return to_bridge


async def ask(socket: ClientConnection, command: str, *options: str) -> dict[str, Any]:
    await socket.send(json.dumps({"command": command, "options": options}))
    reply: dict[str, Any] = json.loads(await socket.recv())
    return reply


async def test_a_request_carries_the_directory_of_its_client(client: Callable[..., connect], service: Service) -> None:
    service.replies["cd"] = document([], directory="/alice/data/")
    async with client() as one, client() as other:
        await ask(one, "cd", "/alice/data")
        await ask(one, "ls", "x")
        await ask(other, "ls", "x")
    assert service.executed[1:] == [("ls", "-pwd=/alice/data/", "x"), ("ls", f"-pwd={HOME}", "x")]


async def test_many_clients_share_few_connections(client: Callable[..., connect], service: Service) -> None:
    service.delay = 0.02
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(client()) for _ in range(20)]
        await asyncio.gather(*(ask(socket, "stat", "/alice") for socket in sockets))
    assert len(service.executed) == 20
    assert service.connections <= 3
    assert service.most_outstanding == 1


async def test_a_changed_identity_stays_with_its_client(client: Callable[..., connect], service: Service) -> None:
    async with client() as socket:
        await ask(socket, "pwd")
        await ask(socket, "timing", "on")
        await eventually(lambda: service.open == 0)  # the connection whose timing was changed is closed
        await ask(socket, "pwd")


async def test_only_the_same_user_may_connect(client: Callable[..., connect], authority: Authority) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with client(authority.issue("bob")):
            pass
    assert refused.value.response.status_code == 401
    with pytest.raises((OSError, InvalidHandshake)):  # TLS refuses a client without any certificate
        async with client(None):
            pass
    with pytest.raises(InvalidStatus, match="404"):
        async with client(path="websocket/plain"):
            pass


async def test_malformed_requests_are_answered_as_the_service_does(client: Callable[..., connect]) -> None:
    async with client() as socket:
        await socket.send(b"binary")
        await socket.send("notjson")
        assert json.loads(await socket.recv())["metadata"]["error"] == "Incoming JSON is not ok"
        await socket.send(json.dumps({"command": "pwd", "options": ["x" * 140000]}))
        assert json.loads(await socket.recv())["metadata"]["error"] == "Message too big, limit is at 133120"
        await socket.send("[]")
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1002


async def test_an_unknown_outcome_is_a_reply(client: Callable[..., connect], service: Service) -> None:
    """A client that loses its connection would send the request again."""
    service.faults += ["drop-after"]
    async with client() as socket:
        reply = await ask(socket, "chown", "bob", "/alice/x")
        assert reply["metadata"]["exitcode"] == "75"
        assert (await ask(socket, "pwd"))["metadata"]["exitcode"] == "0"


async def test_the_file_is_private_and_leaves_with_the_bridge(opened: Opened, file: Path) -> None:
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600  # noqa: PTH116
    assert opened[0].announced()
    await opened[0].close()
    assert file.name not in os.listdir(file.parent)  # noqa: PTH208


async def test_a_removed_file_is_written_again(opened: Opened, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bridge, _ = opened
    os.unlink(file)  # noqa: PTH108
    assert not bridge.announced()
    await bridge.announce()
    assert bridge.announced()
    await bridge.close()
    monkeypatch.setattr(server, "_CHECK_INTERVAL", 0.01)
    await bridge.open()
    os.unlink(file)  # noqa: PTH108
    await eventually(bridge.announced)


def test_a_running_jbox_keeps_its_file(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.write_text(JBOX.format(os.getppid()))  # a JBox was there first
    with pytest.raises(announcement.NotAnnounced, match="belongs to a JBox"):
        announcement.write(first, 1, "alice", HOME)
    second = tmp_path / "second"
    announcement.write(second, 1, "alice", HOME)
    second.write_text(JBOX.format(os.getppid()))  # a JBox started later, and took the file
    assert not announcement.is_ours(second, 1)
    announcement.remove(second, 1)
    assert [path.read_text() for path in (first, second)] == [JBOX.format(os.getppid())] * 2


def test_a_file_of_no_running_jbox_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "file"
    for content in ("nonsense", JBOX.format(2**22 + 1)):
        file.write_text(content)
        announcement.write(file, 5, "alice", HOME)
        assert announcement.is_ours(file, 5)


def test_a_zombie_does_not_keep_its_file(tmp_path: Path) -> None:
    status, file = tmp_path / "7" / "status", tmp_path / "file"
    status.parent.mkdir()
    file.write_text(JBOX.format(7))
    status.write_text(f"Name:\tjava\nState:\tS (sleeping)\nUid:\t{os.getuid()}\t0\t0\t0\n")
    with pytest.raises(announcement.NotAnnounced):
        announcement.write(file, 5, "alice", HOME, tmp_path)
    status.write_text(f"Name:\tjava\nState:\tZ (zombie)\nUid:\t{os.getuid()}\t0\t0\t0\n")
    announcement.write(file, 5, "alice", HOME, tmp_path)
    assert announcement.is_ours(file, 5)


def test_a_link_is_neither_followed_nor_replaced(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    with pytest.raises(announcement.NotAnnounced, match="is a link"):
        announcement.write(link, 1, "alice", HOME)
    announcement.remove(link, 1)
    assert link.is_symlink()
    assert not target.exists()


async def test_no_daemon_takes_a_bridge_for_a_jbox(opened: Opened, service: Service, file: Path) -> None:
    bridge, central = opened
    context = replace(central.context, finding=DiscoverySettings(jbox_file=str(file)))
    assert find_services(context) == [Target(context.endpoint)]
    named = replace(context, finding=DiscoverySettings(jbox=Endpoint("127.0.0.1", bridge.port)))
    async with CentralSession(named, limits=QUICK) as other:
        await other.request(Request("pwd"))
        assert other.status().endpoint == str(context.endpoint)
    chosen = replace(context, endpoint=Endpoint("127.0.0.1", bridge.port), server_name="localhost")
    async with CentralSession(chosen, limits=QUICK) as other:
        with pytest.raises(NotConnected):
            await other.request(Request("pwd"))
    assert bridge.requests == 0


async def test_a_credential_without_a_token_is_refused(service: Service, authority: Authority, alice: Issued) -> None:
    context = service.context(authority.ca, alice)

    async def account(_: Context) -> tuple[str, str]:
        raise ConfigurationError("not asked for")

    bridge = Bridge(DaemonParts(lambda: context, lambda _: CentralSession(context), account, Path("/nonexistent/x")))
    with pytest.raises(NotConnected, match="alienctl token-init"):
        await bridge.open()


async def test_a_long_reply_passes_in_pieces(client: Callable[..., connect], service: Service) -> None:
    service.long["find"] = 20000
    async with client() as socket:
        await socket.send(json.dumps({"command": "find", "options": ["/a", "AO2D"]}))
        pieces = [piece async for piece in socket.recv_streaming()]
    reply = json.loads("".join(map(str, pieces)))
    assert len(reply["results"]) == 20000
    assert len(pieces) > 10
    assert reply["metadata"]["exitcode"] == "0"
