"""Several addresses, some of them dead."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from aliend.central.connection.happy_eyeballs import STAGGER, interleave, race

V4, V6 = int(socket.AF_INET), int(socket.AF_INET6)


@contextmanager
def black_hole() -> Iterator[int]:
    """A port whose queue is full: connections to it hang, as behind a firewall that drops packets."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        yield port


async def raced(*addresses: tuple[str, int]) -> tuple[int, float]:
    """The port that answered, and after how many seconds."""
    before = time.monotonic()
    async with asyncio.timeout(10):
        made = await race([(V4, address) for address in addresses])
    with made:
        return made.getpeername()[1], time.monotonic() - before


def test_families_take_turns() -> None:
    six, four = [(V6, ("a",)), (V6, ("b",))], [(V4, ("c",)), (V4, ("d",)), (V4, ("e",))]
    assert [address[0] for _, address in interleave([*six, *four])] == ["a", "c", "b", "d", "e"]
    assert interleave([]) == []


async def test_a_dead_address_costs_one_stagger() -> None:
    with black_hole() as dead, socket.create_server(("127.0.0.1", 0)) as alive:
        port, took = await raced(("127.0.0.1", dead), alive.getsockname())
        assert port == alive.getsockname()[1]
    assert STAGGER <= took < 2


async def test_a_refusing_address_costs_nothing() -> None:
    with socket.socket() as closed, socket.create_server(("127.0.0.1", 0)) as alive:
        closed.bind(("127.0.0.1", 0))
        port, took = await raced(closed.getsockname(), alive.getsockname())
        assert port == alive.getsockname()[1]
    assert took < STAGGER


async def test_where_nobody_answers_the_last_reason_is_told() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            await raced(closed.getsockname())
