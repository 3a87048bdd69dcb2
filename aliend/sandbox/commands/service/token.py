"""Token certificates for users, jobs, job agents and hosts (wire specification, section 6): `token`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import NameOID

from aliend.sandbox import certificates
from aliend.sandbox.errors import CommandCrashError, CommandFailedError
from aliend.sandbox.protocol.options import option_set
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.state.accounts import JOB_AGENT

_MIN_DAYS = 2
_MAX_DAYS_FOR_ADMIN = 400


@dataclass(frozen=True, slots=True)
class _TokenType:
    """A type of token: its maximum lifetime in days, and whether it may outlive an admin's own certificate."""

    days: int
    unbound_for_admin: bool = False
    for_server: bool = True


_TOKEN_TYPES = {
    "user": _TokenType(31, unbound_for_admin=True),
    "job": _TokenType(2),
    "jobagent": _TokenType(2, for_server=False),
    "host": _TokenType(365, unbound_for_admin=True),
}

Names = list[tuple[x509.ObjectIdentifier, str]]


async def token(call: Call) -> None:
    """Issue a certificate for the user, or with `-u` for a role, to which the connection switches."""
    kind = _kind(call)
    _require_right(call, kind)
    subject, host = await _subject(call, kind)
    until = _expiry(call, kind)
    if call.service.layout is None:
        raise CommandCrashError("there is no authority")
    uses = certificates.TokenUse(for_server=_TOKEN_TYPES[kind].for_server, host=host)
    certificate, key = await asyncio.to_thread(certificates.issue_token, call.service.layout, subject, until, uses)
    call.out.keys(tokencert=certificate, tokenkey=key)
    call.out.line(f"DN: {certificates.slash_form(certificates.name_of(subject))}")
    if host:
        call.out.line(f"The certificate is mapped to the host {host}")
    call.out.line(f"Expires: {until.strftime('%a %b %d %H:%M:%S UTC %Y')}")
    call.out.text(certificate + key)


def _kind(call: Call) -> str:
    """Return the requested type; `-jobid` and `-hostname` imply theirs."""
    kind = "job" if call.options.has("jobid") else "host" if call.options.has("hostname") else "user"
    asked = call.options.value("t") or kind
    if asked not in _TOKEN_TYPES:
        raise CommandFailedError(22, f"Unknown token type {kind}")
    return asked


def _require_right(call: Call, kind: str) -> None:
    """Check that the user may have a token of this type (section 6). Raises CommandFailedError."""
    principal = call.principal
    is_admin = principal.permission("", "", "000") == 7
    allowed = {
        "user": not principal.is_job,
        "job": is_admin or principal.name == JOB_AGENT,
        "jobagent": principal.can_become("vobox"),
        "host": is_admin,
    }
    if not allowed[kind]:
        reason = f"You are not allowed to request a {kind} token"
        raise CommandCrashError(f"Server didn't execute your request, reason was: {reason}")


async def _subject(call: Call, kind: str) -> tuple[Names, str]:
    """Return the subject of the certificate, and the host name of a host certificate."""
    common, unit = NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME
    system: Names = [(NameOID.COUNTRY_NAME, "ch"), (NameOID.ORGANIZATION_NAME, "AliEn2")]
    if kind == "job":
        job, owner = call.options.value("jobid"), call.options.value("u")
        if not job:
            raise CommandFailedError(22, "You should pass a job extension (the id of the job)")
        if not owner:
            raise CommandFailedError(22, "You also have to pass the user who owns the job")
        return [*system, (common, "Jobs"), (common, owner), (unit, owner), (unit, job)], ""
    if kind == "jobagent":
        return [*system, (common, "JobAgent")], ""
    if kind == "host":
        host = await _host(call)
        return [*system, (unit, "ALICE"), (common, host)], host
    role = _switch_role(call)
    return [*system, (common, "Users"), (common, call.principal.login), (unit, role)], ""


async def _host(call: Call) -> str:
    host = call.options.value("hostname")
    if not host:
        raise CommandFailedError(22, "You must indicate the hostname")
    if "." not in host:
        raise CommandFailedError(22, "Please pass a FQDN as the hostname")
    if not call.options.has("f"):
        try:
            await asyncio.get_running_loop().getaddrinfo(host, None)
        except OSError:
            raise CommandFailedError(6, f"{host} cannot be resolved") from None
    return host


def _switch_role(call: Call) -> str:
    """Return the role of the certificate; replace a refused role by the present one, with exit code 1."""
    role, principal = call.options.value("u"), call.principal
    if role is None or role == principal.name:
        return principal.name
    identity = call.catalogue.accounts.principal(role, principal.login)
    if not principal.can_become(role) or identity is None:
        call.out.fail(1, f"Switching user {principal.name} to [{role}] failed")
        return principal.login
    call.session.principal = identity
    call.session.switched = True
    return role


def _expiry(call: Call, kind: str) -> datetime:
    """Return the expiry of the token, limited by the user's certificate (except some types for an admin)."""
    is_admin = call.principal.permission("", "", "000") == 7
    most = _TOKEN_TYPES[kind].days
    days = call.options.integer("v")
    if days is None:
        days = most
    elif days <= 0:
        days = _MIN_DAYS
    elif is_admin:
        days = min(days, _MAX_DAYS_FOR_ADMIN)
    elif days > most:
        call.out.warn(
            f"Reducing the validity from {days} to {most} "
            "as this is the max allowed value for this type of certificate\n"
        )
        days = most
    until = datetime.fromtimestamp(call.now // 1000, UTC) + timedelta(days=days)
    if is_admin and _TOKEN_TYPES[kind].unbound_for_admin:
        return until
    return min(until, datetime.fromtimestamp(call.session.client.expires, UTC))


COMMANDS = {
    "token": Command(
        token,
        "[-u username] [-v validity (days)] [-t tokentype] [-jobid id] [-hostname FQDN]",
        option_set("f", "u v t jobid hostname wcert wkey"),
        needs_arguments=False,
    ),
}
