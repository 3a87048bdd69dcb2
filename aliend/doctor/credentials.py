"""Collects the facts of certificate, key, token and authorities, with the functions that `login` uses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from aliend.central.credentials import chain_verification
from aliend.central.credentials.certificates import examined, facts_of, now_in_ms, parse_certificate
from aliend.central.credentials.private_keys import Locked, is_pair, read_key
from aliend.core.connection.context import Context
from aliend.core.connection.credentials import CertificateFacts
from aliend.core.connection.pem import PemFile
from aliend.core.doctor import credential_checks as checks
from aliend.core.doctor.credential_checks import TokenFacts
from aliend.core.doctor.finding import Finding, unchecked
from aliend.credential_locations import temporary_directory
from aliend.doctor.credential_variables import variables_of
from aliend.doctor.groups import Group
from aliend.errors import AliendError, ConfigurationError, Unusable, one_line


def groups(context: Context, environment: dict[str, str]) -> list[Group]:
    """Return the checks of a context's credentials."""
    return [
        Group(
            ("certificate", "certificate-validity", "key", "key-mode", "pair"),
            lambda: list(_certificate(context, environment)),
        ),
        Group(("token", "token-place"), lambda: list(_token(context, environment))),
        Group(("authorities", "chain"), lambda: list(_authorities(context))),
    ]


def _certificate(context: Context, environment: dict[str, str]) -> Iterator[Finding]:
    files, known, error = context.user, None, ""
    try:
        known = facts_of(files.certificate)
    except Unusable as unusable:
        error = one_line(unusable)
    variables = variables_of(environment, files.certificate)
    yield checks.certificate(str(files.certificate), error, known.subject if known else "", variables)
    yield checks.validity(known, now_in_ms())
    yield from _key(context, known, environment)


def _key(context: Context, facts: CertificateFacts | None, environment: dict[str, str]) -> Iterator[Finding]:
    files, location = context.user, str(context.user.key)
    variables = variables_of(environment, files.key)
    try:
        key = read_key(files.key)
    except ConfigurationError as error:
        yield unchecked("key", "the key is not used")
        yield checks.key_mode(location, str(error))
        yield checks.pair(None, "the key is not used")
        return
    except Unusable as error:
        yield checks.key(location, one_line(error), variables)
        yield unchecked("key-mode", "the key cannot be read")
        yield checks.pair(None, "the key cannot be read")
        return
    try:
        parsed = key.parsed()
    except Locked:
        yield checks.key(location, "", is_encrypted=True)
        yield checks.pair(None, "the key is encrypted; check it with `alienctl certkey-match`")
    except Unusable as error:
        yield checks.key(location, one_line(error), variables)
        yield checks.pair(None, "the key cannot be read")
    else:
        yield checks.key(location, "")
        matches = is_pair(parse_certificate(files.certificate).public_key(), parsed) if facts else None
        both = variables_of(environment, files.certificate, files.key)
        yield checks.pair(matches, "the certificate cannot be read", both)
    yield checks.key_mode(location, "")


def _token(context: Context, environment: dict[str, str]) -> Iterator[Finding]:
    now, known, error = now_in_ms(), None, ""
    try:
        known, _ = examined(context.token, now)
    except (Unusable, ConfigurationError) as unusable:
        error = one_line(unusable)
    location = context.token.certificate
    variables = variables_of(environment, location, context.token.key)
    facts = TokenFacts(str(location), known, error, variables)
    yield checks.token(facts, now, can_renew=_has_certificate(context, now))
    directory = str(Path(location.path).parent) if isinstance(location, PemFile) else temporary_directory(environment)
    yield checks.token_place(context.token_note, directory, variables, is_writable=os.access(directory, os.W_OK))


def _has_certificate(context: Context, now_ms: int) -> bool:
    """Return whether the user's certificate can be used, perhaps with a passphrase."""
    try:
        examined(context.user, now_ms)
    except Locked:
        return True
    except AliendError:
        return False
    return True


def _authorities(context: Context) -> Iterator[Finding]:
    try:
        trust = chain_verification.load_trust(context.ca, context.ca_note)
    except ConfigurationError as error:
        yield checks.authorities(context.ca, 0, one_line(error), "")
        yield unchecked("chain", "no authority is known")
        return
    count = sum(map(len, trust.authorities.values()))
    yield checks.authorities(context.ca, count, "", context.ca_note)
    try:
        yield checks.chain(chain_verification.why_untrusted(context.user.certificate, trust, now_in_ms()))
    except Unusable as error:
        yield unchecked("chain", one_line(error))
