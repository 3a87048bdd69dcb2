"""Certificates and keys of a context: which one is used, what it says, whether its files may be trusted.

Files are read anew for every connection, so that a new token is noticed without being told. In place of a file's name
there may be PEM text (as batch nodes put it into variables). TLS is left to `aliend.central.tls`.
"""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from aliend.core.context import Context, CredentialFiles
from aliend.core.credentials import TOKEN_MARGIN_MS, CertificateFacts, why_unusable
from aliend.errors import ConfigurationError, NotConnected

_NAMES = {NameOID.EMAIL_ADDRESS: "emailAddress"}
_HINT = "make a token with token-init, or put your certificate into ~/.globus/usercert.pem and its key beside it"


@dataclass(frozen=True, slots=True)
class Credential:
    """A certificate that can be used now, its key's file and what the certificate says."""

    files: CredentialFiles
    facts: CertificateFacts
    is_token: bool


class Unusable(NotConnected):
    """One certificate cannot be used; another one may."""


def is_text(place: str) -> bool:
    """Whether `place` is PEM text itself rather than the name of a file."""
    return place.lstrip().startswith("-----BEGIN ")


def shown(place: str) -> str:
    """How messages call `place`: text may be a secret."""
    return "given as text" if is_text(place) else place


def _content(place: str) -> bytes:
    return place.encode() if is_text(place) else Path(place).read_bytes()


def facts_of(certificate: str) -> CertificateFacts:
    """Read the first certificate of `certificate` (a PEM file or PEM text); Unusable says what is wrong with it."""
    if not certificate:
        raise Unusable("no certificate is configured")
    try:
        parsed = x509.load_pem_x509_certificate(_content(certificate))
    except OSError as error:
        raise Unusable(f"the certificate {certificate} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise Unusable(f"the certificate {shown(certificate)} is none in PEM form") from error
    return CertificateFacts(
        subject=_slashes(parsed.subject),
        issuer=_slashes(parsed.issuer),
        begins_ms=_ms(parsed.not_valid_before_utc),
        ends_ms=_ms(parsed.not_valid_after_utc),
    )


def usable(context: Context, now_ms: int | None = None) -> Credential:
    """Choose the credential of `context`: its token if that is good for ten more minutes, else the user's certificate.

    Raises NotConnected with the reason for each where none can be used, ConfigurationError where a key lies open.
    `now_ms` is POSIX milliseconds, the clock's where not given. Blocks: reads files.
    """
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    reasons = []
    choices = [(context.token, True, TOKEN_MARGIN_MS), (context.user, False, 0), (context.token, True, 0)]
    for files, is_token, margin in choices:
        try:
            return _examined(files, is_token, now, margin)
        except Unusable as error:
            reasons.append(f"{'token' if is_token else 'user certificate'}: {error}")
    raise NotConnected(f"there is no certificate to log in with ({'; '.join(reasons[:2])}); {_HINT}")


def _examined(files: CredentialFiles, is_token: bool, now_ms: int, margin_ms: int) -> Credential:
    facts = facts_of(files.certificate)
    if problem := why_unusable(facts, now_ms, margin_ms):
        raise Unusable(f"the certificate {shown(files.certificate)} {problem}")
    _check_key(files)
    return Credential(files, facts, is_token)


def _check_key(files: CredentialFiles) -> None:
    """Refuse a key that others may read, that is somebody else's, encrypted, or of another certificate."""
    name = shown(files.key) or "(none)"
    try:
        if not is_text(files.key):
            _check_access(Path(files.key))
        key = serialization.load_pem_private_key(_content(files.key), password=None)
    except OSError as error:
        raise Unusable(f"the key {name} cannot be read: {error.strerror}") from error
    except TypeError as error:
        raise Unusable(f"the key {name} is encrypted and aliend has no pass phrase; make a token with it") from error
    except ValueError as error:
        raise Unusable(f"the key {name} is none in PEM form") from error
    certificate = x509.load_pem_x509_certificate(_content(files.certificate))
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        raise Unusable(f"the key {name} does not belong to the certificate {shown(files.certificate)}")


def _check_access(key: Path) -> None:
    status = key.stat()
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise ConfigurationError(f"the key {key} can be read by others, so it is not used; run: chmod 600 {key}")
    if status.st_uid not in (os.geteuid(), 0):
        raise ConfigurationError(f"the key {key} belongs to somebody else (uid {status.st_uid}), so it is not used")


def _slashes(name: x509.Name) -> str:
    """The most general part first, without a leading slash."""
    return "/".join(f"{_NAMES.get(a.oid, a.rfc4514_attribute_name)}={a.value!s}" for part in name.rdns for a in part)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
