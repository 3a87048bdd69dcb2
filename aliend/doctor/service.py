"""Collects the facts of the network and of the central service: addresses, connections, a login, its clock."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress

from aliend.central.credentials.certificates import Credential, Pair, facts_of, usable
from aliend.central.credentials.clock import local_time_ms, service_time_ms
from aliend.central.credentials.pem_files import text_of
from aliend.central.credentials.private_keys import Locked, read_key
from aliend.central.session import CentralSession
from aliend.core.connection.context import Context
from aliend.core.doctor import service_checks as checks
from aliend.core.doctor.finding import Finding, unchecked
from aliend.core.doctor.service_checks import Reached
from aliend.doctor.client_facts import ClientFacts
from aliend.doctor.groups import Group
from aliend.errors import AliendError

_CONNECT = 4.0
"""Seconds to wait for a connection."""
_FAMILIES: dict[int, str] = {socket.AF_INET: "IPv4", socket.AF_INET6: "IPv6"}


def groups(context: Context, client: ClientFacts) -> list[Group]:
    """Return the checks of the service that a context uses."""
    return [
        Group(("dns", "ipv6", "port"), lambda: list(_network(context))),
        Group(("login", "throttle"), lambda: list(_login(context, client))),
        Group(("clock",), lambda: [_clock(context)]),
    ]


def _network(context: Context) -> Iterator[Finding]:
    host, port = context.endpoint.host, context.endpoint.port
    found: list[tuple[int, str]] = []
    error = ""
    try:
        listed = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        found = list(dict.fromkeys((int(family), str(address[0])) for family, _, _, _, address in listed))
    except OSError as failure:
        error = failure.strerror or str(failure)
    yield checks.dns(host, [address for _, address in found], error)
    reached = _reached(found, port)
    yield checks.ipv6(reached)
    yield checks.port(str(context.endpoint), reached)


def _reached(addresses: Sequence[tuple[int, str]], port: int) -> list[Reached]:
    """Connect to the first address of each family."""
    first: dict[int, str] = {}
    for family, address in addresses:
        first.setdefault(family, address)
    return [
        Reached(_FAMILIES.get(family, "other"), address, _connect(family, address, port))
        for family, address in first.items()
    ]


def _connect(family: int, address: str, port: int) -> str:
    """Return why no connection was made; empty: it was."""
    with socket.socket(family, socket.SOCK_STREAM) as attempt:
        attempt.settimeout(_CONNECT)
        try:
            attempt.connect((address, port))
        except TimeoutError:
            return f"no answer within {_CONNECT:.0f} s"
        except OSError as error:
            return error.strerror or str(error)
    return ""


def _login(context: Context, client: ClientFacts) -> Iterator[Finding]:
    """Take the daemon's word where it has one: a login costs throttle points."""
    central = client.central
    if central:
        error = central["problem"] if central["state"] == "failing" else ""
        yield checks.login(central["endpoint"], central["user"], 0.0, error, by_daemon=True)
        yield checks.throttle(central["points"])
        return
    yield _own_login(context)
    yield checks.throttle(None)


def _own_login(context: Context) -> Finding:
    try:
        usable(context)
    except AliendError as error:
        if _is_locked(context):
            return unchecked("login", "the key is encrypted and no token is usable; run `alienctl login`")
        return checks.login(str(context.endpoint), "", 0.0, str(error))
    try:
        seconds, _ = asyncio.run(_connect_once(context))
    except AliendError as error:
        return checks.login(str(context.endpoint), "", 0.0, str(error))
    return checks.login(str(context.endpoint), "", seconds, "")


async def _connect_once(context: Context) -> tuple[float, str]:
    async with CentralSession(context) as session:
        return await session.connect_once()


def _is_locked(context: Context) -> bool:
    try:
        facts_of(context.user.certificate)
        read_key(context.user.key).parsed()
    except Locked:
        return True
    except AliendError:
        return False
    return False


def _clock(context: Context) -> Finding:
    credential = _any_credential(context)
    if credential is None:
        return unchecked("clock", "the service tells its time only to holders of a certificate with an open key")
    service_ms = asyncio.run(service_time_ms(context, credential))
    return checks.clock(local_time_ms(), service_ms, "the service did not tell its time")


def _any_credential(context: Context) -> Credential | None:
    """Return the token or the certificate, even if its dates are wrong: with a wrong clock they seem so."""
    for files in (context.token, context.user):
        with suppress(AliendError, OSError):
            key = read_key(files.key)
            key.parsed()
            pair = Pair(text_of(files.certificate), key.pem.decode())
            return Credential(files, facts_of(files.certificate), is_token=files is context.token, pair=pair)
    return None
