"""Collects the facts of the network and of the central service: addresses, connections, a login, its clock."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from aliend.central.connection.jbox import find_services
from aliend.central.credentials.certificates import Credential, examined, facts_of, usable
from aliend.central.credentials.clock import local_time_ms, service_time_ms
from aliend.central.credentials.private_keys import Locked, read_key
from aliend.central.session import CentralSession
from aliend.config import Settings, configuration_file
from aliend.core.connection.context import Context
from aliend.core.doctor import service_checks as checks
from aliend.core.doctor.finding import Finding, unchecked
from aliend.core.doctor.service_checks import EndpointFacts, Reached, SessionFacts
from aliend.doctor.client_facts import ClientFacts
from aliend.doctor.credential_variables import unusable_variables
from aliend.doctor.groups import Group
from aliend.errors import AliendError

_CONNECT = 4.0
"""Seconds to wait for a connection."""
_FAMILIES: dict[int, str] = {socket.AF_INET: "IPv4", socket.AF_INET6: "IPv6"}


def groups(context: Context, settings: Settings, client: ClientFacts) -> list[Group]:
    """Return the checks of the service that a context uses."""
    service = _endpoint_facts(context, settings, client.environment)
    return [
        Group(("dns", "ipv6", "port"), lambda: list(_network(service))),
        Group(("login", "throttle"), lambda: list(_login(context, client))),
        Group(("clock",), lambda: [_clock(context)]),
    ]


def _endpoint_facts(context: Context, settings: Settings, environment: Mapping[str, str]) -> EndpointFacts:
    """Return who chose the service: the profile's own tables precede the variables."""
    own = settings.chosen.get("central", {})
    keys = {"ALIENPY_JCENTRAL": "host", "ALIENPY_JCENTRAL_PORT": "port"}
    names = tuple(name for name, key in keys.items() if environment.get(name) and key not in own)
    is_sandbox = settings.profile == "sandbox"
    return EndpointFacts(context.endpoint, names, str(configuration_file(environment)), is_sandbox=is_sandbox)


def _network(service: EndpointFacts) -> Iterator[Finding]:
    host, port = service.endpoint.host, service.endpoint.port
    found: list[tuple[int, str]] = []
    error = ""
    try:
        found = _addresses(host, port)
    except OSError as failure:
        error = failure.strerror or str(failure)
    yield checks.dns(service, [address for _, address in found], error)
    reached = _reached(found, port)
    yield checks.ipv6(reached)
    yield checks.port(service, reached)


def _addresses(host: str, port: int) -> list[tuple[int, str]]:
    """Return the families and addresses of a host. Raises OSError."""
    listed = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((int(family), str(address[0])) for family, _, _, _, address in listed))


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
    """Judge the daemon's session with these credentials, because a login costs throttle points; else log in."""
    try:
        subject = _subject(context)
    except AliendError as error:
        variables = unusable_variables(context, client.environment)
        yield checks.login(str(context.endpoint), 0.0, str(error), variables)
        yield unchecked("throttle", "no certificate can be used")
        return
    endpoints = [str(target.endpoint) for target in find_services(context)]
    sessions = checks.sessions_of(client.sessions, endpoints, subject)
    yield checks.session_login(sessions[0]) if _is_certain(sessions, context) else _own_login(context)
    reason = client.daemon.silence or "the daemon has no session with these credentials yet"
    yield checks.throttle(max((one.points for one in sessions), default=None), reason)


def _subject(context: Context) -> str:
    """Return the subject of the certificate with which a login would be made now. Raises AliendError."""
    try:
        return usable(context).facts.subject
    except AliendError:
        if _is_locked(context):  # the daemon may know the passphrase
            return facts_of(context.user.certificate).subject
        raise


def _is_certain(sessions: Sequence[SessionFacts], context: Context) -> bool:
    """Return whether the sessions show how a login of this context ends; their roles and sites are not known here."""
    return len({one.state for one in sessions}) == 1 and not context.role and not context.site


def _own_login(context: Context) -> Finding:
    endpoint = str(context.endpoint)
    try:
        usable(context)
    except AliendError:
        return unchecked("login", "the key is encrypted and no token is usable; run `alienctl login`")
    try:
        seconds, _ = asyncio.run(_connect_once(context))
    except AliendError as error:
        return checks.login(endpoint, 0.0, str(error))
    return checks.login(endpoint, seconds, "")


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
        return unchecked("clock", "the service reports its time only to clients with a certificate and an unlocked key")
    if not _is_reachable(context):
        return unchecked("clock", "the service cannot be reached")
    service_ms = asyncio.run(service_time_ms(context, credential))
    return checks.clock(local_time_ms(), service_ms, "the service did not report its time")


def _is_reachable(context: Context) -> bool:
    host, port = context.endpoint.host, context.endpoint.port
    try:
        addresses = _addresses(host, port)
    except OSError:
        return False
    return any(not one.error for one in _reached(addresses, port))


def _any_credential(context: Context) -> Credential | None:
    """Return the token or the certificate, even if its dates are wrong: with a wrong clock they seem so."""
    for files in (context.token, context.user):
        with suppress(AliendError, OSError):
            known, pair = examined(files, facts_of(files.certificate).begins_ms)
            return Credential(files, known, is_token=files is context.token, pair=pair)
    return None
