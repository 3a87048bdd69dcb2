"""TCP connections to a host with several addresses, some of them dead."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from aiohappyeyeballs import AddrInfoType

from aliend.central.connection.tcp import STAGGER, connect


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


def local(*ports: int) -> list[AddrInfoType]:
    """The addresses of these ports of this machine, as the resolver returns them."""
    return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port)) for port in ports]


async def connected(*ports: int, racing: bool = True) -> tuple[int, float]:
    """The port that answered, and after how many seconds."""
    before = time.monotonic()
    async with asyncio.timeout(60):
        sock = await connect(local(*ports), racing=racing)
    with sock:
        return sock.getpeername()[1], time.monotonic() - before


@pytest.mark.parametrize("racing", [True, False])
async def test_the_connection_uses_the_address_that_answers(racing: bool) -> None:
    with black_hole() as dead, socket.create_server(("127.0.0.1", 0)) as alive:
        port, took = await connected(dead, alive.getsockname()[1], racing=racing)
        assert port == alive.getsockname()[1]
    assert took >= STAGGER


@pytest.mark.parametrize("racing", [True, False])
async def test_the_next_address_is_tried_as_soon_as_one_refuses(racing: bool) -> None:
    with socket.socket() as closed, socket.create_server(("127.0.0.1", 0)) as alive:
        closed.bind(("127.0.0.1", 0))
        port, _ = await connected(closed.getsockname()[1], alive.getsockname()[1], racing=racing)
        assert port == alive.getsockname()[1]


@pytest.mark.parametrize("racing", [True, False])
@pytest.mark.parametrize("addresses", [1, 2])
async def test_the_error_is_that_of_the_addresses_if_none_answers(racing: bool, addresses: int) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            await connected(*[closed.getsockname()[1]] * addresses, racing=racing)
