"""`cert-info` and `token-info`: describe the local certificate and token, without the service."""

from __future__ import annotations

import asyncio
import time

from aliend.central.credentials.certificates import facts_of
from aliend.commands.invocation.call import Call
from aliend.commands.invocation.results import refuse_arguments
from aliend.core.connection.credentials import CertificateFacts, why_unusable
from aliend.core.connection.pem import PemSource
from aliend.errors import NotConnected
from aliend.runtime import Runtime

NO_CERTIFICATE = 2
"""The certificate is missing, unreadable, expired or not yet valid; alien.py's exit code."""


async def cert_info(_runtime: Runtime, call: Call) -> int:
    """Describe the user's own certificate."""
    return await _print_facts(call, call.context.user.certificate)


async def token_info(_runtime: Runtime, call: Call) -> int:
    """Describe the token."""
    return await _print_facts(call, call.context.token.certificate)


async def certificate_of(source: PemSource) -> tuple[CertificateFacts | None, str]:
    """Return the facts of a certificate (None: it is not readable), and why it cannot be used now (empty: it can)."""
    try:
        facts = await asyncio.to_thread(facts_of, source)
    except NotConnected as error:
        return None, str(error)
    return facts, why_unusable(facts, int(time.time() * 1000))


async def _print_facts(call: Call, source: PemSource) -> int:
    refuse_arguments(call)
    facts, problem = await certificate_of(source)
    if facts is None:
        await call.print_error(f"{call.args[0]}: {problem}")
        return NO_CERTIFICATE
    if call.as_json:
        await call.print_json(facts.to_json(str(source), is_usable=not problem))
    else:
        await call.print("\n".join(facts.lines()))
    await call.print_error(f"{source} {problem}" if problem else "")
    return NO_CERTIFICATE if problem else 0
