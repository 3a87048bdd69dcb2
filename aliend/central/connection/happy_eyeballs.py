"""A TCP connection to the first address that answers ("happy eyeballs", RFC 8305); TLS is left to the caller."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import chain, zip_longest

STAGGER = 0.25
"""Seconds that one address has before the next one is tried beside it (RFC 8305, section 5)."""

TURN = 0.75
"""Seconds that one address has where addresses are not raced."""

Address = tuple[int, tuple[object, ...]]
"""Family and socket address."""


def interleave(addresses: Iterable[Address]) -> list[Address]:
    """The resolver's order, but families take turns: a family that is broken costs one stagger, not one an address."""
    ordered = list(dict.fromkeys(addresses))
    first = [address for address in ordered if address[0] == ordered[0][0]]
    others = [address for address in ordered if address[0] != ordered[0][0]]
    pairs = zip_longest(first, others)
    return [address for address in chain.from_iterable(pairs) if address is not None]


_FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}


async def dial(host: str, port: int, family: str = "", *, racing: bool = True) -> socket.socket:
    """Connect; OSError where no address answers. The caller bounds the time and closes the socket.

    `family` is `ipv4`, `ipv6` or empty (any). Without `racing`, one address is tried after the other.
    """
    wanted = _FAMILIES.get(family, socket.AF_UNSPEC)
    found = await asyncio.get_running_loop().getaddrinfo(host, port, family=wanted, type=socket.SOCK_STREAM)
    addresses = interleave((int(kind), address) for kind, _, _, _, address in found)
    return await (race(addresses) if racing else in_turn(addresses))


async def in_turn(addresses: Sequence[Address]) -> socket.socket:
    """Connect to the first of `addresses` that answers in time; only the last one has no limit here."""
    for family, address in addresses[:-1]:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(TURN):
                return await _connect(family, address)
    return await _connect(*addresses[-1])


async def race(addresses: Iterable[Address]) -> socket.socket:
    """Connect to the first of `addresses` that answers; the error of the last one where none does."""
    waiting = deque(addresses)
    trying: set[asyncio.Task[socket.socket]] = set()
    error: BaseException | None = None
    try:
        while waiting or trying:
            if waiting:
                trying.add(asyncio.create_task(_connect(*waiting.popleft())))
            patience = STAGGER if waiting else None
            done, _ = await asyncio.wait(trying, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                trying.remove(task)
                error = task.exception()
                if error is None:
                    return task.result()
    finally:
        await _abandon(trying)
    raise error or OSError("there is no address to connect to")


async def _connect(family: int, address: tuple[object, ...]) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(made, address)
    except BaseException:
        made.close()
        raise
    return made


async def _abandon(tasks: set[asyncio.Task[socket.socket]]) -> None:
    """Stop the slower ones; one that has just succeeded is closed."""
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, socket.socket):
            outcome.close()
