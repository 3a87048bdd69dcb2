"""TCP connections to the addresses of a host: to the first one that answers (RFC 8305), or a probe of each.

TLS and websockets are left to `aliend.central.connection.connection`.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from aiohappyeyeballs import AddrInfoType, start_connection

from aliend.errors import NotConnected

STAGGER = 0.25
"""Seconds after which the next address is tried in parallel (RFC 8305, section 5)."""
TRY_TIMEOUT = 0.75
"""Seconds for one address without racing."""
PROBE_TIMEOUT = 2.0
"""Seconds that an address has to accept a probe."""
_FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}


@dataclass(frozen=True, slots=True)
class AddressProbe:
    """One address, and whether it accepts connections."""

    host: str
    address: str
    port: int
    answers: bool


async def dial(host: str, port: int, family: str = "", *, racing: bool = True) -> socket.socket:
    """Connect to a host. Raises OSError if no address answers. The caller limits the time and closes the socket.

    `family` is `ipv4`, `ipv6` or empty (any). Without `racing`, the addresses are tried one after the other.
    """
    return await connect(await _addresses(host, port, family), racing=racing)


async def connect(addresses: Sequence[AddrInfoType], *, racing: bool = True) -> socket.socket:
    """Connect to the first of `addresses` that answers. Without `racing`, only the last one has no time limit."""
    if not racing:
        for address in addresses[:-1]:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(TRY_TIMEOUT):
                    return await start_connection([address])
    return await start_connection(addresses if racing else addresses[-1:], happy_eyeballs_delay=STAGGER)


async def probe_addresses(host: str, port: int, family: str = "") -> AsyncGenerator[AddressProbe]:
    """Try each address of `host`. Raises NotConnected if the name is unknown."""
    try:
        addresses = await _addresses(host, port, family)
    except OSError as error:
        raise NotConnected(f"{host} has no address: {error.strerror or error}") from error
    for address in addresses:
        yield AddressProbe(host, str(address[4][0]), port, await _accepts_connections(address))


async def _addresses(host: str, port: int, family: str) -> Sequence[AddrInfoType]:
    wanted = _FAMILIES.get(family, socket.AF_UNSPEC)
    try:
        return await asyncio.get_running_loop().getaddrinfo(host, port, family=wanted, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a label that is empty or longer than 63 bytes
        raise OSError(errno.EINVAL, "invalid host name") from error


async def _accepts_connections(address: AddrInfoType) -> bool:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT):
            (await start_connection([address])).close()
    except (OSError, TimeoutError):
        return False
    return True
