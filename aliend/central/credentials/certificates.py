"""Reads the certificates of a context, checks them, and chooses the one to use.

Files are read again for every connection, so that a new token takes effect. Opening files is left to
`aliend.central.credentials.pem_files`, keys to `aliend.central.credentials.private_keys`, TLS to
`aliend.central.credentials.tls`, new tokens to `aliend.central.tokens`.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from aliend.central.credentials import pem_files
from aliend.central.credentials.pem_files import Planted, Unreadable
from aliend.central.credentials.private_keys import Locked, is_pair, read_key
from aliend.core.connection import pem
from aliend.core.connection.context import Context, CredentialFiles
from aliend.core.connection.credentials import TOKEN_MARGIN_MS, CertificateFacts, why_unusable
from aliend.core.connection.pem import Block, PemError, PemFile, PemSource, PemText
from aliend.errors import NotConnected, Unusable

if TYPE_CHECKING:
    from cryptography import x509

_NAMES = {"1.2.840.113549.1.9.1": "emailAddress"}
"""Names of attributes that have none in RFC 4514, by object identifier."""
_HINT = "run: `alienctl login`"
_READINGS, _READING_PAUSE = 4, 0.02
"""Attempts to read a certificate and a key that do not match, and seconds between: writers rename them one by one."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate with its chain, and its key, as PEM text without text around the blocks."""

    certificate: str = field(repr=False)
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Credential:
    """A certificate that can be used now: its files, its facts, and the text of certificate and key.

    `stamp` distinguishes the token's file from a later one. `warning` explains to the user why an existing
    token is not used (empty: no warning).
    """

    files: CredentialFiles
    facts: CertificateFacts
    is_token: bool
    pair: Pair
    stamp: tuple[int, ...] = ()
    warning: str = ""


def parse_certificate(source: PemSource) -> x509.Certificate:
    """Return the first certificate of `source`. Raises Unusable with the problem. Blocks."""
    return _parsed(source, _blocks_of(source)[0])


def chain_of(source: PemSource) -> list[x509.Certificate]:
    """Return every certificate of `source`, the user's own first. Raises Unusable. Blocks."""
    return [_parsed(source, block) for block in _blocks_of(source)]


def _blocks_of(source: PemSource) -> list[Block]:
    if not source.fingerprint():
        raise Unreadable("no certificate is configured")
    try:
        return pem.certificates(pem_files.text_of(source))
    except OSError as error:
        raise Unreadable(f"cannot read the certificate {source}: {error.strerror}") from error
    except PemError as error:
        raise Unusable(f"the certificate {source} {error}") from error


def _parsed(source: PemSource, block: Block) -> x509.Certificate:
    try:
        return load_der(block.content)
    except ValueError as error:
        raise Unusable(f"the certificate {source} is damaged: its content is not a certificate") from error


def load_der(content: bytes) -> x509.Certificate:
    """Return a certificate whose names, dates and key can be read: the library parses them late. Raises ValueError."""
    from cryptography import x509  # imported with the first certificate: the daemon starts without it
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        certificate = x509.load_der_x509_certificate(content)
        facts(certificate)
        certificate.public_key()
    except (x509.InvalidVersion, UnsupportedAlgorithm) as error:
        raise ValueError(str(error)) from error
    return certificate


def facts_of(source: PemSource) -> CertificateFacts:
    """Return the facts of the first certificate in `source`. Raises Unusable. Blocks."""
    return facts(parse_certificate(source))


def facts(certificate: x509.Certificate) -> CertificateFacts:
    """Return the facts of a certificate."""
    return CertificateFacts(
        subject=_slashes(certificate.subject),
        issuer=_slashes(certificate.issuer),
        begins_ms=_ms(certificate.not_valid_before_utc),
        ends_ms=_ms(certificate.not_valid_after_utc),
    )


def own_subjects(context: Context) -> set[str]:
    """Return the subjects of the user's certificate and token. Blocks."""
    found = set()
    for files in (context.token, context.user):
        with suppress(NotConnected):
            found.add(facts_of(files.certificate).subject)
    return found


def usable(context: Context, now_ms: int | None = None) -> Credential:
    """Choose the credential of `context`: its token if valid for ten more minutes, else the user's certificate.

    Raises NotConnected with the problem of each if both are unusable, ConfigurationError if others can read a key.
    `now_ms` is POSIX milliseconds (default: the clock). Blocks: reads files.
    """
    now = now_in_ms() if now_ms is None else now_ms
    stamp = stamp_of(context)
    reasons: list[Unusable] = []
    choices = [(context.token, True, TOKEN_MARGIN_MS), (context.user, False, 0), (context.token, True, 0)]
    for files, is_token, margin in choices:
        try:
            known, pair = examined(files, now, margin)
        except Unusable as error:
            reasons.append(error)
        else:
            warnings = [str(reason) for reason in reasons if isinstance(reason, Planted)]
            return Credential(files, known, is_token, pair, stamp, context.token_note or next(iter(warnings), ""))
    token = context.token_note or str(reasons[0])
    if not context.token_note and all(_is_missing(files.certificate) for files in (context.token, context.user)):
        raise NotConnected(
            f"no certificate: neither {context.token.certificate} nor {context.user.certificate} exists; {_HINT}"
        )
    hint = "get a token with: `alienctl token-init`" if isinstance(reasons[1], Locked) else _HINT
    raise NotConnected(f"no usable certificate; {hint}\ntoken: {token}\nuser certificate: {reasons[1]}")


def examined(files: CredentialFiles, now_ms: int, margin_ms: int = 0) -> tuple[CertificateFacts, Pair]:
    """Return the facts of a certificate, and its text and key, if they are usable at `now_ms`.

    Raises Unusable (Locked for an encrypted key), or ConfigurationError if others can read the key. Blocks.
    """
    for reading in range(_READINGS):
        chain = _blocks_of(files.certificate)
        certificate = _parsed(files.certificate, chain[0])
        known = facts(certificate)
        if problem := why_unusable(known, now_ms, margin_ms):
            raise Unusable(f"the certificate {files.certificate} {problem}")
        key = read_key(files.key)
        if is_pair(certificate.public_key(), key.parsed()):
            return known, Pair("".join(map(str, chain)), key.pem.decode())
        if reading + 1 < _READINGS:
            time.sleep(_READING_PAUSE)
    raise Unusable(f"the key {key.name} does not belong to the certificate {files.certificate}")


def stamp_of(context: Context) -> tuple[int, ...]:
    """Return the identity of the files of the token and of the user's certificate, to detect a replacement."""
    return *_file_stamp(context.token.certificate), 0, *_file_stamp(context.user.certificate)


def _file_stamp(source: PemSource) -> tuple[int, ...]:
    """Return the identity of a file; empty without one."""
    if isinstance(source, PemText):
        return ()
    try:
        status = Path(source.path).stat()
    except (OSError, ValueError):
        return ()
    return status.st_mtime_ns, status.st_ino, status.st_size


def now_in_ms() -> int:
    """Return the time in POSIX milliseconds."""
    return time.time_ns() // 1_000_000


def _slashes(name: x509.Name) -> str:
    """Return a distinguished name in the form `C=ch/O=AliEn2/CN=alice`, the most general part first."""
    return "/".join(
        f"{_NAMES.get(a.oid.dotted_string, a.rfc4514_attribute_name)}={a.value!s}" for part in name.rdns for a in part
    )


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _is_missing(source: PemSource) -> bool:
    return isinstance(source, PemFile) and not Path(source.path).exists()
