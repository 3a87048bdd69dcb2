"""Long replies: bounded memory from the socket to the client, even if the reader pauses."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from aliend.central.reply_buffer import MEMORY_LIMIT, buffer_reply
from aliend.central.session import CentralSession
from aliend.core.protocol.requests import Request
from tests.harness import User, make_user
from tests.integration.central.service import Authority, Issued, Service, document, eventually

MANY = 200_000
MAX_RSS = 250 << 20
PIECE = 8192 * "é"
ALICE = document([{"username": "alice", "homedir": "/a/"}])


async def pieces(count: int, taken: list[int]) -> AsyncGenerator[str, None]:
    for number in range(count):
        yield f"{number} {PIECE}"
        taken.append(number)
        await asyncio.sleep(0)


async def test_a_consumer_that_pauses_gets_everything_in_order() -> None:
    taken: list[int] = []
    async with aclosing(buffer_reply(pieces(1000, taken), grace=0.05)) as spool:
        first = await anext(spool)
        await eventually(lambda: len(taken) == 1000, within=30)
        rest = [piece async for piece in spool]
    assert [piece.split()[0] for piece in [first, *rest]] == [str(number) for number in range(1000)]
    assert rest[-1] == f"999 {PIECE}"


async def test_a_slightly_slower_consumer_needs_no_file() -> None:
    taken: list[int] = []
    async with aclosing(buffer_reply(pieces(1000, taken), grace=30)) as spool:
        await anext(spool)
        await asyncio.sleep(0.1)
        assert len(taken) <= MEMORY_LIMIT / len(PIECE) + 2
        assert sum([1 async for _ in spool]) == 999


async def test_an_error_is_raised_after_the_pieces_before_it() -> None:
    async def breaking() -> AsyncGenerator[str, None]:
        yield "one"
        raise ConnectionError("gone")

    async with aclosing(buffer_reply(breaking(), grace=1)) as spool:
        assert await anext(spool) == "one"
        with pytest.raises(ConnectionError, match="gone"):
            await anext(spool)


async def test_the_service_is_read_while_the_consumer_pauses(central: CentralSession, service: Service) -> None:
    service.long["find"] = 20_000
    central_find = central.stream(Request("find", ("/a", "*")))
    async with aclosing(central_find) as groups:
        count = len(await anext(groups))
        await asyncio.sleep(0.2)
        async for group in groups:
            count += len(group)
    assert count == 20_000
    assert central.status().connections == 1


@pytest.fixture
def daemon_of(service: Service, authority: Authority, alice: Issued) -> Iterator[User]:
    """A user whose daemon talks to the service of these tests."""
    yield from make_user(
        {
            "ALIENPY_JCENTRAL": "localhost",
            "ALIENPY_JCENTRAL_PORT": str(service.port),
            "X509_CERT_FILE": authority.ca,
            "X509_USER_CERT": alice.certificate,
            "X509_USER_KEY": alice.key,
            "JALIEN_TOKEN_CERT": "/nonexistent/token.pem",
            "JALIEN_TOKEN_KEY": "/nonexistent/key.pem",
            "ALIENPY_TIMEOUT": "4",
        }
    )


def peak(pid: int) -> int:
    """The peak memory of a process in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    raise AssertionError("the kernel reports no peak")


async def test_a_long_find_reaches_the_client_in_bounded_memory(daemon_of: User, service: Service) -> None:
    service.long["find"] = MANY
    service.replies["whoami"] = ALICE
    text, whole_reply = daemon_of.home / "text", daemon_of.home / "json"
    for words, output in ((("find", "/a", "*"), text), (("--json", "find", "/a", "*"), whole_reply)):
        with output.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                daemon_of.command, *words, env=daemon_of.environment, stdin=subprocess.DEVNULL, stdout=file
            )
            async with asyncio.timeout(100):
                assert await process.wait() == 0
    lines = text.read_text(encoding="ascii").split()
    assert (len(lines), lines[0], lines[-1]) == (MANY, "/a/0000000", f"/a/{MANY - 1:07}")
    whole = json.loads(whole_reply.read_text(encoding="utf-8"))
    assert len(whole["results"]) == MANY
    assert whole["metadata"]["exitcode"] == "0"
    pid = await asyncio.to_thread(daemon_of.pid)
    assert peak(pid) < MAX_RSS
    await asyncio.to_thread(daemon_of.must, "daemon", "stop")
    await eventually(lambda: not Path(f"/proc/{pid}").exists())


async def test_a_pager_that_stays_open_loses_nothing(daemon_of: User, service: Service) -> None:
    service.long["find"] = MANY
    service.replies["whoami"] = ALICE
    process = await asyncio.create_subprocess_exec(
        daemon_of.command,
        "find",
        "/a",
        "*",
        env=daemon_of.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    first = await process.stdout.readline()
    await asyncio.sleep(12)  # three ping intervals: the service would have given up on us
    rest = await process.stdout.read()
    assert await process.wait() == 0
    assert len((first + rest).split()) == MANY
    await asyncio.to_thread(daemon_of.must, "daemon", "stop")
