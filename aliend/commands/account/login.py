"""`login`: finds or imports the user's certificate, checks it, and gets a token, in one dialogue.

Each step uses existing files, asks only if necessary, and names the next command if something is missing. Only
`aliend.commands.account.cert_import` writes files of the user.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from aliend.central.credentials import certificate_search, chain_verification
from aliend.central.credentials.certificate_search import Candidate
from aliend.central.credentials.certificates import Credential, Pair, examined, facts_of
from aliend.central.credentials.clock import local_time_ms, service_time_ms
from aliend.central.credentials.pem_files import text_of
from aliend.central.credentials.pkcs12 import read_file
from aliend.central.credentials.private_keys import Locked, read_key
from aliend.commands.account import cert_import, questions, tokens
from aliend.commands.invocation.call import Call
from aliend.core.connection import login_messages
from aliend.core.connection.context import Context, CredentialFiles
from aliend.core.connection.credentials import TOKEN_MARGIN_MS, CertificateFacts
from aliend.core.connection.pem import PemFile, PemSource
from aliend.core.protocol.requests import Request
from aliend.errors import (
    ConfigurationError,
    LoginRefused,
    NotConnected,
    UnknownAuthority,
    UnknownUser,
    Unusable,
    UsageError,
)
from aliend.runtime import Runtime


class CannotLogIn(NotConnected):
    """The login needs something that is missing; the message names it and the next command."""


@dataclass(frozen=True, slots=True)
class _Problem:
    """The problem of the user's certificate: one line, and its facts if it has expired."""

    text: str
    facts: CertificateFacts | None = None


async def login(parts: Runtime, call: Call) -> int:
    """Log in: find or import a certificate, check it, get a token, and say who the user is."""
    if len(call.args) > 1:
        raise UsageError("login takes no arguments; for a role: `alienctl token-init -u ROLE`")
    if token := await _good_token(call.context):
        try:
            return await _report(parts, call, token)
        except NotConnected:
            await _check_clock(parts, call, call.context.token, token)
            raise
    known = await _certificate(parts, call)
    await _say(call, f"certificate: {call.context.user.certificate} ({known.subject})")
    await _open_key(parts, call)
    await _check_authorities(call)
    await _check_clock(parts, call, call.context.user, known)
    token = await _token(parts, call, known)
    return await _report(parts, call, token)


async def _good_token(context: Context) -> CertificateFacts | None:
    """Return the token if one exists and is valid for ten more minutes."""
    try:
        known, _ = await asyncio.to_thread(examined, context.token, local_time_ms(), TOKEN_MARGIN_MS)
    except (Unusable, ConfigurationError):
        return None
    return known


async def _certificate(parts: Runtime, call: Call) -> CertificateFacts:
    """Return the user's own certificate; import one if it is missing or unusable. Raises CannotLogIn."""
    files = call.context.user
    try:
        known = await asyncio.to_thread(facts_of, files.certificate)
        text = login_messages.out_of_time(str(files.certificate), known, local_time_ms())
        if not text:
            return known
        await _check_clock(parts, call, files, known)
        problem = _Problem(text, known)
    except Unusable as error:
        is_missing = isinstance(error.__cause__, FileNotFoundError)
        problem = _Problem(f"no token, and no certificate in {files.certificate}" if is_missing else str(error))
    if problem.facts and local_time_ms() < problem.facts.begins_ms:
        raise CannotLogIn(login_messages.clock_behind(problem.text))
    return await _import(parts, call, problem)


async def _import(parts: Runtime, call: Call, problem: _Problem) -> CertificateFacts:
    """Import the certificate that the user chooses among those found in the usual directories."""
    home = Path(call.environment.get("HOME") or Path.home())
    configuration = Path(parts.settings.environment.get("XDG_CONFIG_HOME") or home / ".config")
    usual = await asyncio.to_thread(certificate_search.usual_directories, home, configuration, Path(call.directory))
    own = call.context.user.certificate
    used = Path(own.path) if isinstance(own, PemFile) else Path()
    candidates = await asyncio.to_thread(certificate_search.find, usual, used)
    if not candidates:
        named = [str(home / "Downloads"), *(str(directory) for directory in usual if directory.name != "Downloads")]
        say = login_messages.expired if problem.facts else login_messages.no_certificate
        raise CannotLogIn(say(problem.text, named))
    if not questions.can_ask(call):
        question = f"whether to import {candidates[0].path}, and for its passphrase"
        raise CannotLogIn(login_messages.needs_terminal(problem.text, question))
    await call.print_error(problem.text)
    chosen = await _chosen(call, candidates)
    if chosen is None:
        raise CannotLogIn(f"{problem.text}\nto import another file, run: `alienctl cert-import FILE.p12`")
    imported = await (_copy_pair(call, chosen, chosen.key) if chosen.key else _import_pkcs12(parts, call, chosen))
    await cert_import.report(call, imported)
    return imported.facts


async def _chosen(call: Call, candidates: list[Candidate]) -> Candidate | None:
    names = [f"{found.path} and {found.key.name}" if found.key else str(found.path) for found in candidates]
    if len(names) == 1:
        return candidates[0] if await questions.confirm(call, f"Import {names[0]}?", default=True) else None
    index = await questions.choose(call, "these certificates can be imported:", names)
    return None if index is None else candidates[index]


async def _import_pkcs12(parts: Runtime, call: Call, candidate: Candidate) -> cert_import.Imported:
    imported = await cert_import.import_pkcs12(call, candidate.path)
    if imported.passphrase:
        await parts.tokens.unlock(call.context, imported.passphrase)
    return imported


async def _copy_pair(call: Call, candidate: Candidate, key: Path) -> cert_import.Imported:
    """Copy a certificate and its key unchanged from another directory."""
    contents = [await asyncio.to_thread(read_file, path) for path in (candidate.path, key)]
    texts = [content.decode("utf-8", "surrogateescape") for content in contents]
    known = await asyncio.to_thread(facts_of, PemFile(str(candidate.path)))
    if problem := login_messages.out_of_time(str(candidate.path), known, local_time_ms()):
        raise CannotLogIn(login_messages.expired(problem, ["~/Downloads"]))
    await cert_import.check_replacement(call)
    return cert_import.Imported(known, await cert_import.write(call.context.user, texts[0], texts[1]))


async def _open_key(parts: Runtime, call: Call) -> None:
    """Check the pair; ask for the passphrase of an encrypted key."""
    key = call.context.user.key
    for _ in range(tokens.QUESTIONS):
        if await _is_open(parts, call):
            return
        if not questions.can_ask_passphrase(call):
            problem = f"no token, and the key {key} is encrypted"
            raise CannotLogIn(login_messages.needs_terminal(problem, "for its passphrase"))
        answer = await questions.ask(call, f"Passphrase of {key}: ", echo=False)
        try:
            await parts.tokens.unlock(call.context, answer)
        except UsageError as error:
            await call.print_error(str(error))
    if not await _is_open(parts, call):
        raise CannotLogIn(login_messages.no_passphrase(tokens.QUESTIONS, str(key)))


async def _is_open(parts: Runtime, call: Call) -> bool:
    """Return whether the key is readable now. Raises CannotLogIn if it does not belong to the certificate."""
    try:
        await asyncio.to_thread(parts.tokens.check_own, call.context)
    except Locked:
        return False
    except Unusable as error:
        raise CannotLogIn(login_messages.no_pair(str(error))) from error
    return True


async def _check_authorities(call: Call) -> None:
    """Raise CannotLogIn without authorities to verify the service; warn if only the user's own authority is missing."""
    location = call.context.ca
    try:
        trust = await asyncio.to_thread(chain_verification.load_trust, location)
    except ConfigurationError as error:
        raise CannotLogIn(login_messages.no_authorities(location)) from error
    try:
        problem = await asyncio.to_thread(
            chain_verification.why_untrusted, call.context.user.certificate, trust, local_time_ms()
        )
    except Unusable as error:
        problem = str(error)
    await call.print_error(f"note: {problem}" if problem else "")


async def _check_clock(parts: Runtime, call: Call, files: CredentialFiles, certificate: CertificateFacts) -> None:
    """Compare the clocks if this needs no passphrase and the service is reachable. Raises CannotLogIn."""
    try:
        pair = await asyncio.to_thread(_texts, files.certificate, parts.tokens.keys.opened(files.key))
    except (Unusable, ConfigurationError, OSError):
        return
    credential = Credential(files, certificate, is_token=False, pair=pair)
    service_ms = await service_time_ms(call.context, credential)
    if service_ms is not None and (problem := login_messages.wrong_clock(local_time_ms(), service_ms)):
        raise CannotLogIn(problem)


def _texts(certificate: PemSource, key: PemSource) -> Pair:
    return Pair(text_of(certificate), read_key(key).pem.decode())


async def _token(parts: Runtime, call: Call, certificate: CertificateFacts) -> CertificateFacts:
    """Get a token. Raises CannotLogIn with a remedy if the service rejects the certificate."""
    endpoint = str(call.context.endpoint)
    try:
        made = await parts.tokens.obtain(call.context, await parts.tokens.role_options(call.context))
    except UnknownUser as error:
        raise LoginRefused(login_messages.unknown_user(endpoint, certificate.subject)) from error
    except LoginRefused as error:
        raise LoginRefused(login_messages.refused_certificate(endpoint, certificate.issuer)) from error
    except UnknownAuthority as error:
        raise CannotLogIn(login_messages.unknown_authority(endpoint, call.context.ca)) from error
    await parts.tokens.renew_if_due(call.context)
    await call.print_error(made.remark)
    return made.facts


async def _report(parts: Runtime, call: Call, token: CertificateFacts) -> int:
    """Ask the service for the user's name with the token, and print the result."""
    reply = await parts.central_sessions.of(call.context).request(Request("whoami"), directory="")
    files, now = call.context.token, local_time_ms()
    user = reply.text().strip()
    if call.as_json:
        document = token.to_json(str(files.certificate))
        await call.print_json({"user": user, "key": str(files.key), **document})
        return 0
    until = f"until {login_messages.moment(token.ends_ms)} ({login_messages.days(token.ends_ms - now)})"
    await call.print(f"you are {user} at {call.context.endpoint} {until}")
    await call.print(f"the token is in {files.certificate}, its key in {files.key}")
    return 0


async def _say(call: Call, text: str) -> None:
    if not call.as_json:
        await call.print(text)
