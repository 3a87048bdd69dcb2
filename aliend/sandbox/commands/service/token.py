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

    title: str
    days: int
    unbound_for_admin: bool = False
    for_server: bool = True


_TOKEN_TYPES = {
    "user": _TokenType("USER_CERTIFICATE", 31, unbound_for_admin=True),
    "job": _TokenType("JOB_TOKEN", 2),
    "jobagent": _TokenType("JOB_AGENT_TOKEN", 2, for_server=False),
    "host": _TokenType("HOST", 365, unbound_for_admin=True),
}

Names = list[tuple[x509.ObjectIdentifier, str]]


async def token(call: Call) -> None:
    """Issue a certificate for the user, or with `-u` for a role, to which the connection switches."""
    kind = _kind(call)
    days = _days(call, kind)
    host = await _host(call) if kind == "host" else ""
    _require_options(call, kind)
    _require_right(call, kind)
    subject = _subject(call, kind, host)
    until = _expiry(call, kind, days)
    if call.service.layout is None:
        raise CommandCrashError("java.lang.NullPointerException")
    uses = certificates.TokenUse(for_server=_TOKEN_TYPES[kind].for_server, host=host)
    certificate, key = await asyncio.to_thread(certificates.issue_token, call.service.layout, subject, until, uses)
    call.out.keys(tokencert=certificate, tokenkey=key)
    call.out.line(f"DN: {certificates.slash_form(certificates.name_of(subject))}")
    if host:
        call.out.line("  No user is mapped to this DN")
    call.out.line(f"Expires: {until.strftime('%a %b %d %H:%M:%S UTC %Y')}\n")
    call.out.text(f"{certificate}\n{key}")


def _kind(call: Call) -> str:
    """Return the requested type; `-jobid` and `-hostname` imply theirs."""
    kind = "job" if call.options.has("jobid") else "host" if call.options.has("hostname") else "user"
    asked = call.options.value("t")
    if asked is not None and asked not in _TOKEN_TYPES:
        raise CommandFailedError(22, f"Unknown token type {_TOKEN_TYPES[kind].title}")
    return asked or kind


def _require_options(call: Call, kind: str) -> None:
    """Check that a job token is for a job of a user. Raises CommandFailedError."""
    if kind == "job" and call.options.value("u") is None:
        raise CommandFailedError(22, "You also have to pass the user for which to run this job id")
    if kind == "job" and call.options.value("jobid") is None:
        raise CommandFailedError(22, "You should pass a job extension for this type of certificate request")


def _require_right(call: Call, kind: str) -> None:
    """Check that the user may have a token of this type (section 6). Raises CommandFailedError."""
    principal = call.principal
    is_admin, is_agent = _is_admin(call), principal.name == JOB_AGENT
    refusals = {
        "user": (principal.is_job or is_agent, "You can't request a User token as JobAgent or Job"),
        "job": (
            not is_admin and not is_agent,
            f"Only a JobAgent can ask for a Job token, [{principal.name}] is not one",
        ),
        "jobagent": (not principal.can_become("vobox"), "You don't have permissions to ask for a JobAgent token"),
        "host": (not is_admin, "Only admin can do that"),
    }
    refused, reason = refusals[kind]
    if refused:
        raise CommandFailedError(121, f"Server didn't execute your request, reason was: {reason}")
    if kind == "job" and not call.options.value("jobid"):
        reason = "Job token requires the job ID to be passed as certificate extension"
        raise CommandFailedError(121, f"Server didn't execute your request, reason was: {reason}")


def _is_admin(call: Call) -> bool:
    return call.principal.permission("", "", "000") == 7


def _subject(call: Call, kind: str, host: str) -> Names:
    """Return the subject of the certificate."""
    common, unit = NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME
    system: Names = [(NameOID.COUNTRY_NAME, "ch"), (NameOID.ORGANIZATION_NAME, "AliEn2")]
    if kind == "job":
        job, owner = call.options.value("jobid") or "", call.options.value("u") or ""
        return [*system, (common, "Jobs"), (common, owner), (unit, owner), (unit, job)]
    if kind == "jobagent":
        return [*system, (common, "JobAgent")]
    if kind == "host":
        return [*system, (unit, "ALICE"), (common, host)]
    role = _switch_role(call)
    return [*system, (common, "Users"), (common, call.principal.login), (unit, role)]


async def _host(call: Call) -> str:
    """Return the host name of a host certificate. Raises CommandFailedError."""
    host = call.options.value("hostname")
    if host is None:
        raise CommandFailedError(22, "You must indicate the hostname for which to issue the certificate!")
    host = host.strip()
    if "." not in host:
        raise CommandFailedError(22, f"Please pass a FQDN as hostname instead of `{host}`")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None)
    except (OSError, UnicodeError):
        if not call.options.has("f"):
            raise CommandFailedError(6, f"hostname `{host}` cannot be resolved") from None
        call.out.warn(
            f"The indicated hostname `{host}` cannot be resolved! Generating the certificate as requested, "
            "but DNS should be fixed\n"
        )
        return host
    addresses = dict.fromkeys(str(address[0]) for *_, address in found)
    call.out.line(f"Addresses of {host}: {''.join(f'{address} ' for address in addresses)}")
    return host


def _switch_role(call: Call) -> str:
    """Return the role of the certificate; replace a refused role by the present one, with exit code 1."""
    role, principal = call.options.value("u"), call.principal
    if role is None or role == principal.name:
        return principal.name
    identity = call.catalogue.accounts.principal(role, principal.login)
    if identity is None and principal.can_become(role):
        raise CommandFailedError(22, f"User {role} cannot be found. Abort")
    if identity is None or not principal.can_become(role):
        call.out.fail(1, f"Switching user {principal.name} to [{role}] failed")
        return principal.login
    call.session.principal = identity
    call.session.switched = True
    return role


def _days(call: Call, kind: str) -> int:
    """Return the requested lifetime in days; reduce one that only an admin may have, with a warning."""
    most = _TOKEN_TYPES[kind].days
    days = call.options.integer("v", 32)
    if days is None:
        return most
    if days > most and not _is_admin(call):
        call.out.warn(
            f"Reducing the validity from {days} to {most} "
            "as this is the max allowed value for this type of certificate\n"
        )
        return most
    return _MIN_DAYS if days <= 0 else min(days, _MAX_DAYS_FOR_ADMIN)


def _expiry(call: Call, kind: str, days: int) -> datetime:
    """Return the expiry of the token, limited by the user's certificate (except some types for an admin)."""
    until = datetime.fromtimestamp(call.now // 1000, UTC) + timedelta(days=days)
    if _is_admin(call) and _TOKEN_TYPES[kind].unbound_for_admin:
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
