"""The sandbox's websocket: overlapping commands, long requests, session limits, cached answers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosedError

from tests.harness import Grid, eventually, new_grid
from tests.integration.websocket_client import HOME, ask, request, session

pytestmark = pytest.mark.xdist_group("sandbox transport")


@pytest.fixture(scope="module")
def grid() -> Iterator[Grid]:
    with new_grid() as made:
        yield made


async def close_code(connection: ClientConnection) -> int:
    with pytest.raises(ConnectionClosedError) as closed:
        async with asyncio.timeout(60):
            await connection.recv()
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


async def keep_pinging(connection: ClientConnection) -> None:
    while True:
        await connection.ping()
        await asyncio.sleep(0.2)


async def test_requests_sent_back_to_back_are_answered_in_order(grid: Grid) -> None:
    with grid.fault("delay", "0.2", "--command", "pwd"):
        async with session(grid) as connection:
            for command in ("pwd", "whoami"):
                await connection.send(request(command))
            replies = [json.loads(await connection.recv()) for _ in range(2)]
    assert "pwd" in replies[0]["results"][0]
    assert "username" in replies[1]["results"][0]


async def test_a_delay_affects_only_its_own_connection(grid: Grid) -> None:
    with grid.fault("delay", "60", "--command", "pwd", "--times", "2"):
        async with session(grid) as first, session(grid) as second, session(grid) as third:
            for late in (first, second):
                await late.send(request("pwd"))
            eventually(lambda: not grid.must("fault")["faults"])  # both are late at the same time
            assert (await ask(third, "pwd"))["results"][0]["pwd"] == HOME
            for late in (first, second):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(late.recv(), 0.05)


async def test_overlapping_commands_get_one_merged_and_one_empty_reply(grid: Grid) -> None:
    with grid.fault("delay", "2.5", "--command", "pwd"):
        async with session(grid) as connection:
            for command in ("pwd", "whoami"):
                await connection.send(request(command))
            merged, empty = json.loads(await connection.recv()), await connection.recv()
            assert ("pwd" in merged["results"][0], "username" in merged["results"][0]) == (True, True)
            assert empty == ""
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(2.5):
                    await connection.recv()


async def test_pings_are_not_answered_while_a_command_runs(grid: Grid) -> None:
    with grid.fault("delay", "3", "--command", "pwd"), grid.settings("reader_wait=2"):
        async with session(grid) as connection:
            begin = time.monotonic()
            await connection.send(request("pwd"))
            # a ping that arrives together with the request was read with it
            await asyncio.sleep(0.3)
            await asyncio.wait_for(await connection.ping(), 60)
            assert time.monotonic() - begin > 1.5
            await connection.recv()


async def test_malformed_text_is_answered_while_a_command_runs(grid: Grid) -> None:
    with grid.fault("delay", "3", "--command", "pwd"):
        async with session(grid) as connection:
            await connection.send(request("pwd"))
            await connection.send("x")
            refused, reply = json.loads(await connection.recv()), json.loads(await connection.recv())
    assert refused["metadata"]["error"] == "Incoming JSON is not ok"
    assert reply["results"][0]["pwd"] == HOME


async def test_a_long_request_works_once_and_breaks_its_connection(grid: Grid) -> None:
    async with session(grid) as connection:
        assert (await ask(connection, "echo", "x" * 9000))["metadata"]["exitcode"] != "22"
        for _ in range(2):
            reply = await ask(connection, "pwd")
            assert reply["metadata"]["error"] == "Incoming JSON is not ok"
    async with session(grid) as connection:
        assert (await ask(connection, "pwd"))["metadata"]["exitcode"] == "0"


async def test_several_frames_break_a_connection_unless_disabled(grid: Grid) -> None:
    frames = ['{"command":"pwd",', '"options":[]}']
    async with session(grid) as connection:
        await connection.send(frames)
        assert json.loads(await connection.recv())["metadata"]["exitcode"] == "0"
        assert (await ask(connection, "pwd"))["metadata"]["exitcode"] == "22"
    with grid.settings("poison=off"):
        async with session(grid) as connection:
            for _ in range(2):
                await connection.send(frames)
                assert json.loads(await connection.recv())["metadata"]["exitcode"] == "0"


async def test_an_oversized_request_gets_an_error(grid: Grid) -> None:
    async with session(grid) as connection:
        await connection.send(request("echo", "x" * 140_000))
        assert json.loads(await connection.recv())["metadata"]["error"] == "Message too big, limit is at 133120"


@pytest.mark.parametrize("limit", ["idle_limit=1", "session_limit=2"])
async def test_sessions_end_with_1013(grid: Grid, limit: str) -> None:
    async with session(grid) as connection:
        await ask(connection, "pwd")
        with grid.settings(limit):
            assert await close_code(connection) == 1013
            assert connection.close_reason == "Session timed out"


async def test_a_command_keeps_a_session_alive_and_a_ping_does_not(grid: Grid) -> None:
    with grid.settings("idle_limit=3"):
        async with session(grid) as connection:
            end = time.monotonic() + 4.5
            while time.monotonic() < end:
                await ask(connection, "pwd")
                await asyncio.sleep(0.5)
            pinging = asyncio.create_task(keep_pinging(connection))
            assert await close_code(connection) == 1013
            pinging.cancel()
            await asyncio.gather(pinging, return_exceptions=True)


async def test_the_throttle_delays_a_busy_certificate(grid: Grid) -> None:
    with grid.fault("throttle", "600"):
        async with session(grid) as connection:
            begin = time.monotonic()
            await ask(connection, "pwd")
            assert time.monotonic() - begin > 0.5


async def test_find_and_whereis_may_be_stale(grid: Grid) -> None:
    async with session(grid) as connection, session(grid, "user-bob") as other:

        async def names(asking: ClientConnection) -> list[str]:
            return [result["lfn"] for result in (await ask(asking, "find", HOME, "stale"))["results"]]

        await ask(connection, "mkdir", "stale")
        assert await names(connection) == []
        await ask(connection, "touch", "stale/file")
        assert await names(other) == []
        with grid.settings("find_cache=0"):
            assert await names(connection) == [f"{HOME}stale/file"]


async def test_a_reply_of_two_megabytes_is_complete(grid: Grid) -> None:
    async with session(grid) as connection:
        found = await ask(connection, "find", "-f", "/alice/data/crowded/", "*")
        assert len(found["results"]) == 2000
