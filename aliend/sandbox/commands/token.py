"""Token certificates for users (wire specification, section 6): `token`. Those of jobs and hosts are refused here."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from cryptography.x509.oid import NameOID

from aliend.sandbox import certificates
from aliend.sandbox.call import Call, Command
from aliend.sandbox.errors import CommandCrashError, CommandFailedError
from aliend.sandbox.options import option_set

_LONGEST_DAYS = 31
_SHORTEST_DAYS = 2
_TYPES = ("user", "job", "jobagent", "host")


async def token(call: Call) -> None:
    """A new certificate for who asks; with `-u` for a role, which the connection has from then on."""
    kind = call.given.value("t") or "user"
    if kind not in _TYPES:
        raise CommandFailedError(22, f"Unknown token type {kind}")
    if kind != "user" or call.given.has("jobid", "hostname"):
        raise CommandCrashError("Server didn't execute your request, reason was: the sandbox makes user tokens only")
    role = _become(call)
    until = _end(call)
    if call.service.layout is None:
        raise CommandCrashError("there is no authority")
    names = [
        *((NameOID.COUNTRY_NAME, "ch"), (NameOID.ORGANIZATION_NAME, "AliEn2"), (NameOID.COMMON_NAME, "Users")),
        *((NameOID.COMMON_NAME, call.principal.login), (NameOID.ORGANIZATIONAL_UNIT_NAME, role)),
    ]
    certificate, key = await asyncio.to_thread(certificates.issue_token, call.service.layout, names, until)
    call.out.keys(tokencert=certificate, tokenkey=key)
    call.out.line(f"DN: /C=ch/O=AliEn2/CN=Users/CN={call.principal.login}/OU={role}")
    call.out.line(f"Expires: {until.strftime('%a %b %d %H:%M:%S UTC %Y')}")
    call.out.text(certificate + key)


def _become(call: Call) -> str:
    """The role of the certificate; one that may not be had is replaced, with exit 1."""
    wanted, principal = call.given.value("u"), call.principal
    if wanted is None or wanted == principal.name:
        return principal.name
    found = call.catalogue.accounts.principal(wanted, principal.login)
    if not principal.can_become(wanted) or found is None:
        call.out.fail(1, f"Switching user {principal.name} to [{wanted}] failed")
        return principal.login
    call.session.principal = found
    call.session.switched = True
    return wanted


def _end(call: Call) -> datetime:
    """The end of the certificate, never after that of the certificate of who asks."""
    days = call.given.integer("v")
    if days is None:
        days = _LONGEST_DAYS
    elif days <= 0:
        days = _SHORTEST_DAYS
    elif days > _LONGEST_DAYS:
        call.out.warn(
            f"Reducing the validity from {days} to {_LONGEST_DAYS} "
            "as this is the max allowed value for this type of certificate\n"
        )
        days = _LONGEST_DAYS
    wished = datetime.fromtimestamp(call.now // 1000, UTC) + timedelta(days=days)
    return min(wished, datetime.fromtimestamp(call.session.client.expires, UTC))


COMMANDS = {
    "token": Command(
        token,
        "[-u username] [-v validity (days)] [-t tokentype] [-jobid id] [-hostname FQDN]",
        option_set("f", "u v t jobid hostname wcert wkey"),
        needs_arguments=False,
    ),
}
