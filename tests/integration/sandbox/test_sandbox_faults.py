"""Injected faults: their effect on clients of the sandbox, and their end when cleared."""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.harness import Grid, eventually, new_grid
from tests.integration.websocket_client import HOME, ask, request, session

pytestmark = pytest.mark.xdist_group("sandbox faults")

SE1, SE2 = "ALICE::SANDBOX::SE1", "ALICE::SANDBOX::SE2"


@pytest.fixture(scope="module")
def grid() -> Iterator[Grid]:
    with new_grid() as made:
        made.must("set", "find_cache=0", "replica_cache=0")
        yield made


async def names(connection: ClientConnection) -> list[str]:
    return [result["name"] for result in (await ask(connection, "ls", HOME))["results"]]


@pytest.mark.parametrize(("kind", "is_done"), [("drop-before", False), ("drop-after", True)])
async def test_the_connection_is_dropped_before_or_after_a_command(grid: Grid, kind: str, is_done: bool) -> None:
    with grid.fault(kind, "--command", "mkdir"):
        async with session(grid) as connection:
            await ask(connection, "pwd")
            await connection.send(request("mkdir", kind))
            with pytest.raises(ConnectionClosed):
                await connection.recv()
        async with session(grid) as connection:
            assert (kind in await names(connection)) == is_done
            assert (await ask(connection, "mkdir", f"{kind}-again"))["metadata"]["exitcode"] == "0"


async def test_a_stuck_command_delays_the_other_commands_of_its_user(grid: Grid) -> None:
    with grid.settings("user_threads=1"), grid.fault("delay", "2", "--command", "find"):
        async with session(grid) as stuck, session(grid) as other:
            grid.must("stats", "--reset")
            slow = asyncio.create_task(ask(stuck, "find", f"{HOME}files", "*"))
            await asyncio.to_thread(eventually, lambda: "find" in grid.must("stats")["commands"])
            quick = asyncio.create_task(ask(other, "pwd"))
            done, _ = await asyncio.wait({slow, quick}, return_when=asyncio.FIRST_COMPLETED)
            assert slow in done
            assert (await quick)["metadata"]["exitcode"] == "0"


async def test_a_hanging_command_is_not_executed(grid: Grid) -> None:
    with grid.fault("hang"):
        async with session(grid) as connection:
            await connection.send(request("mkdir", "hanging"))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.5):
                    await connection.recv()
            await asyncio.wait_for(await connection.ping(), 60)
            assert "hanging" not in await names(connection)


@pytest.mark.parametrize("code", [1002, 1013])
async def test_a_connection_is_closed_with_a_code(grid: Grid, code: int) -> None:
    with grid.fault("close", str(code)):
        async with session(grid) as connection:
            await connection.send(request("pwd"))
            with pytest.raises(ConnectionClosed) as closed:
                await connection.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code


async def test_a_session_expires_on_demand(grid: Grid) -> None:
    async with session(grid) as connection:
        await ask(connection, "pwd")
        grid.must("fault", "expire-session")
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1013


async def test_one_reply_is_garbage_empty_or_merged(grid: Grid) -> None:
    async with session(grid) as connection:
        with grid.fault("garbage"):
            await connection.send(request("pwd"))
            with pytest.raises(ValueError, match="Unterminated"):
                json.loads(await connection.recv())
        with grid.fault("empty"):
            await connection.send(request("pwd"))
            assert await connection.recv() == ""
        with grid.fault("merged"):
            await connection.send(request("whoami"))
            mixed, whoami = json.loads(await connection.recv())["results"]
            assert ("pwd" in mixed, "username" in whoami) == (True, True)
            assert await connection.recv() == ""
        assert (await ask(connection, "pwd"))["results"][0]["pwd"] == HOME


async def test_logins_are_refused(grid: Grid) -> None:
    with grid.fault("refuse-logins"), pytest.raises(InvalidStatus) as refused:
        async with session(grid):
            pass
    assert refused.value.response.status_code == 401
    async with session(grid) as connection:
        await ask(connection, "pwd")


async def test_a_certificate_expires_on_demand(grid: Grid) -> None:
    async with session(grid) as connection:
        old = session(grid)
        with grid.fault("expire-certificate"):
            with pytest.raises(ConnectionClosed):
                await connection.recv()
            with pytest.raises(InvalidStatus):
                await old
            with pytest.raises((ssl.SSLError, ConnectionResetError)):
                async with session(grid) as refused:
                    await ask(refused, "pwd")
            async with session(grid, "user-alice") as other:
                await ask(other, "pwd")
    async with session(grid) as connection:
        await ask(connection, "pwd")


async def test_commits_are_refused(grid: Grid, tmp_path: Path) -> None:
    async with session(grid) as connection:
        ticket, local = await book(connection, tmp_path, f"{HOME}uncommitted")
        assert xrdcp(str(local), address(ticket)).returncode == 0
        words = ("commit", ticket["envelope"], "1000", f"{HOME}uncommitted")
        with grid.fault("refuse-commits"):
            assert (await ask(connection, *words))["metadata"]["exitcode"] == "53"
        assert (await ask(connection, *words))["metadata"]["exitcode"] == "0"


async def book(connection: ClientConnection, directory: Path, lfn: str) -> tuple[dict[str, Any], Path]:
    local = directory / "local"
    local.write_bytes(bytes(1000))
    md5 = hashlib.md5(bytes(1000), usedforsecurity=False).hexdigest()
    reply = await ask(connection, "access", "-s", "1000", "-m", md5, "write", lfn, SE1)
    return reply["results"][0], local


def address(ticket: dict[str, Any]) -> str:
    return f"{ticket['url']}?authz={ticket['envelope']}"


def xrdcp(source: str, target: str, limit: float = 60) -> subprocess.CompletedProcess[str]:
    words = ["xrdcp", "-f", "-N", source, target]
    return subprocess.run(words, capture_output=True, text=True, timeout=limit, check=False)


def element(grid: Grid, name: str) -> dict[str, Any]:
    return next(one for one in grid.must("status")["elements"] if one["name"] == name)


def stat(url: str, limit: float = 30) -> int:
    return subprocess.run(["xrdfs", url, "stat", "/"], capture_output=True, timeout=limit, check=False).returncode


def test_a_storage_element_is_stopped_and_started(grid: Grid) -> None:
    url = element(grid, SE2)["url"]
    with grid.fault("stop", "SE2"):
        with pytest.raises((subprocess.TimeoutExpired, AssertionError)):
            assert stat(url, limit=2) == 0
        assert stat(element(grid, SE1)["url"]) == 0
    assert element(grid, SE2)["url"] == url
    assert stat(url) == 0


def test_a_frozen_storage_element_resumes(grid: Grid) -> None:
    before = element(grid, SE2)
    with grid.fault("freeze", SE2), pytest.raises(subprocess.TimeoutExpired):
        stat(before["url"], limit=2)
    assert stat(before["url"]) == 0
    assert element(grid, SE2)["pid"] == before["pid"]


def test_a_slow_storage_element_works(grid: Grid) -> None:
    with grid.fault("slow", SE2, "0.1"):
        assert stat(element(grid, SE2)["url"], limit=60) == 0
    assert grid.must("fault") == {"faults": []}


async def test_one_replica_is_corrupted_and_repaired(grid: Grid, tmp_path: Path) -> None:
    lfn = f"{HOME}files/small.dat"
    async with session(grid) as connection:
        tickets = (await ask(connection, "access", "read", lfn))["results"]

    def read() -> dict[str, bool]:
        reported = {}
        for ticket in tickets:
            assert xrdcp(address(ticket), str(tmp_path / "copy")).returncode == 0
            reported[ticket["se"]] = hashlib.md5((tmp_path / "copy").read_bytes()).hexdigest() == ticket["md5"]
        return reported

    with grid.fault("corrupt", SE1, lfn):
        assert read() == {SE1: False, SE2: True}
    with grid.fault("corrupt", SE2):
        assert read() == {SE1: True, SE2: False}
    assert read() == {SE1: True, SE2: True}


async def test_a_full_storage_element_reports_no_space(grid: Grid, tmp_path: Path) -> None:
    async with session(grid) as connection:
        ticket, local = await book(connection, tmp_path, f"{HOME}full")
        with grid.fault("fill", SE1):
            done = xrdcp(str(local), address(ticket))
            assert done.returncode != 0
            assert "no space" in done.stderr.lower()
        assert xrdcp(str(local), address(ticket)).returncode == 0


@pytest.mark.parametrize(
    "words", [("nonsense",), ("close",), ("stop",), ("stop", "SE9"), ("slow", "SE1", "2"), ("hang", "5")]
)
def test_invalid_faults_are_refused_with_a_message(grid: Grid, words: tuple[str, ...]) -> None:
    done = grid.control("fault", *words)
    assert done.returncode == 1
    assert done.stderr
    assert "Traceback" not in done.stderr


async def test_logins_commands_and_connections_are_counted(grid: Grid) -> None:
    grid.stats("--reset")
    async with session(grid) as first, session(grid):
        await ask(first, "pwd")
        await ask(first, "pwd")
        await ask(first, "ls")
        assert grid.stats() == {
            "logins": 2,
            "commands": {"ls": 1, "pwd": 2},
            "connections": {"now": 2, "most": 2},
            "hanging": 0,
        }
        assert grid.stats("--reset")["logins"] == 2
        assert grid.stats() == {"logins": 0, "commands": {}, "connections": {"now": 2, "most": 2}, "hanging": 0}


async def test_a_file_of_a_given_size_is_created_and_read(grid: Grid, tmp_path: Path) -> None:
    lfn = "/alice/data/chosen.dat"
    assert grid.must("file", lfn, "3M", "--copies", "2") == {"lfn": lfn, "size": 3 << 20, "copies": 2}
    assert "exists" in grid.control("file", lfn.replace("/", "//"), "3M").stderr
    async with session(grid) as connection:
        ticket = (await ask(connection, "access", "read", lfn))["results"][0]
    assert xrdcp(address(ticket), str(tmp_path / "copy")).returncode == 0
    assert (tmp_path / "copy").read_bytes() == hashlib.shake_128(lfn.encode()).digest(3 << 20)
