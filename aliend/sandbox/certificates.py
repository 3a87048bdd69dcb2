"""The sandbox's certificate authority, and the certificates of its server and users (RSA, private keys)."""

from __future__ import annotations

import hashlib
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from aliend.sandbox.layout import USERS, Layout

ORGANISATION = "Sandbox Grid"
SERVER = "server"
_KEY_BITS = 2048
_AUTHORITY_LIFE = timedelta(days=3650)
_LIFE = timedelta(days=365)
_RENEW_BEFORE = timedelta(days=30)
_BACKDATE = timedelta(hours=2)
_SHORT_NAMES = {
    NameOID.COUNTRY_NAME: "C",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.COMMON_NAME: "CN",
}


@dataclass(frozen=True, slots=True)
class Issuer:
    """A certificate authority: its certificate and key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


def user_subject(user: str) -> str:
    """Return the subject of a user's own certificate, in slash form."""
    return f"/C=CH/O={ORGANISATION}/CN={user}"


def slash_form(name: x509.Name) -> str:
    """Return a subject as `/C=CH/O=Sandbox Grid/CN=alice`, the most general part first."""
    return "".join(f"/{_label(part)}={part.value!s}" for part in name)


def java_form(name: x509.Name) -> str:
    """Return a subject as `CN=alice, O=Sandbox Grid, C=CH`, the most specific part first."""
    return ", ".join(f"{_label(part)}={part.value!s}" for part in reversed(list(name)))


def ensure(layout: Layout) -> None:
    """Create certificates that are missing or about to expire. A new authority replaces all of them."""
    for directory in (layout.credentials, layout.authorities):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    issuer = _load_authority(layout)
    if issuer is None:
        for file in (*layout.credentials.iterdir(), *layout.authorities.iterdir()):
            file.unlink()
        issuer = _make_authority(layout)
    for name, subject in _subjects().items():
        if _is_fresh(layout.certificate(name)):
            continue
        key = _new_key()
        certificate = _issue(issuer, key, subject, TokenUse(for_server=not name.startswith("user-")))
        _write(layout.key(name), _key_text(key), 0o600)
        _write(layout.certificate(name), certificate.public_bytes(serialization.Encoding.PEM), 0o644)


@dataclass(frozen=True, slots=True)
class TokenUse:
    """The uses of a token besides client authentication; `host` is the name of a host certificate (empty: local)."""

    for_server: bool = True
    host: str = ""


_USERS = TokenUse()


def issue_token(
    layout: Layout, subject: Sequence[tuple[x509.ObjectIdentifier, str]], until: datetime, use: TokenUse = _USERS
) -> tuple[str, str]:
    """Return the certificate and key of a new token as PEM text, signed by the authority. Takes about a second."""
    issuer = _load_authority(layout)
    assert issuer is not None
    key = _new_key()
    certificate = _issue(issuer, key, subject, use, until=until)
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), _key_text(key).decode()


def _subjects() -> dict[str, list[tuple[x509.ObjectIdentifier, str]]]:
    country, organisation, common = NameOID.COUNTRY_NAME, NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME
    subjects = {f"user-{user}": [(country, "CH"), (organisation, ORGANISATION), (common, user)] for user in USERS}
    login = USERS[0]
    subjects[f"token-{login}"] = [
        *((country, "ch"), (organisation, "AliEn2"), (common, "Users"), (common, login)),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, login),
    ]
    subjects[SERVER] = [(country, "CH"), (organisation, ORGANISATION), (common, "localhost")]
    return subjects


def _load_authority(layout: Layout) -> Issuer | None:
    if not _is_fresh(layout.certificate("authority")):
        return None
    key = serialization.load_pem_private_key(layout.key("authority").read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return Issuer(x509.load_pem_x509_certificate(layout.certificate("authority").read_bytes()), key)


def _make_authority(layout: Layout) -> Issuer:
    # organisation and common name only: their canonical form for OpenSSL's hashed file name is simple
    name = name_of([(NameOID.ORGANIZATION_NAME, ORGANISATION), (NameOID.COMMON_NAME, "Sandbox Authority")])
    key, now = _new_key(), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + _AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(for_authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    text = certificate.public_bytes(serialization.Encoding.PEM)
    _write(layout.key("authority"), _key_text(key), 0o600)
    _write(layout.certificate("authority"), text, 0o644)
    _write(layout.authorities / "sandbox.pem", text, 0o644)
    _write(layout.authorities / f"{_subject_hash(name)}.0", text, 0o644)
    return Issuer(certificate, key)


def _issue(
    issuer: Issuer,
    key: rsa.RSAPrivateKey,
    subject: Sequence[tuple[x509.ObjectIdentifier, str]],
    use: TokenUse,
    *,
    until: datetime | None = None,
) -> x509.Certificate:
    now, uses = datetime.now(UTC), [ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = (
        x509.CertificateBuilder()
        .subject_name(name_of(subject))
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(until or now + _LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(for_authority=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()),
            critical=False,
        )
    )
    if use.for_server:
        uses.append(ExtendedKeyUsageOID.SERVER_AUTH)
        names = x509.SubjectAlternativeName([x509.DNSName(use.host)] if use.host else _local_names())
        builder = builder.add_extension(names, critical=False)
    return builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False).sign(issuer.key, hashes.SHA256())


def _local_names() -> list[x509.GeneralName]:
    addresses = [x509.IPAddress(ipaddress.ip_address(text)) for text in ("127.0.0.1", "::1")]
    return [x509.DNSName("localhost"), *addresses]


def _key_usage(*, for_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not for_authority,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=for_authority,
        crl_sign=for_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _subject_hash(name: x509.Name) -> str:
    """Return OpenSSL's `x509 -subject_hash`: SHA-1 of the lower-case name without the outer header of its encoding."""
    lower = x509.Name([x509.NameAttribute(part.oid, str(part.value).lower()) for part in name])
    content = lower.public_bytes()[2:]
    return f"{int.from_bytes(hashlib.sha1(content, usedforsecurity=False).digest()[:4], 'little'):08x}"


def _is_fresh(file: Path) -> bool:
    if not file.exists():
        return False
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    return certificate.not_valid_after_utc - datetime.now(UTC) > _RENEW_BEFORE


def name_of(parts: Sequence[tuple[x509.ObjectIdentifier, str]]) -> x509.Name:
    """Return an X.509 name from its parts, the most general first."""
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


def _label(part: x509.NameAttribute[Any]) -> str:
    return _SHORT_NAMES.get(part.oid, part.rfc4514_attribute_name)


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, _KEY_BITS)


def _key_text(key: rsa.RSAPrivateKey) -> bytes:
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _write(file: Path, content: bytes, mode: int) -> None:
    temporary = file.with_name(f".{file.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
    temporary.rename(file)
