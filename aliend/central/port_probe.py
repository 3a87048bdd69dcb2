"""Which addresses of a host accept TCP connections."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from aliend.errors import NotConnected

CONNECT_TIMEOUT = 2.0
"""Seconds that an address has to accept a connection."""
_FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}


@dataclass(frozen=True, slots=True)
class AddressProbe:
    """One address, and whether it accepted a connection."""

    host: str
    address: str
    port: int
    answers: bool


async def probe_addresses(host: str, port: int, family: str = "") -> AsyncGenerator[AddressProbe]:
    """Try each address of `host`. Raises NotConnected where the name is not known."""
    wanted = _FAMILIES.get(family, socket.AF_UNSPEC)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, family=wanted, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NotConnected(f"{host} has no address: {error.strerror or error}") from error
    for address in dict.fromkeys(str(entry[4][0]) for entry in found):
        yield AddressProbe(host, address, port, await _accepts_connections(address, port))


async def _accepts_connections(address: str, port: int) -> bool:
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            _, writer = await asyncio.open_connection(address, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
