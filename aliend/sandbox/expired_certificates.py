"""The fault `expire-certificate`: replaces the certificates of users or of tokens by expired ones while it lasts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from aliend.sandbox.layout import Layout

KINDS = ("token", "user")
_VALID_SUFFIX = ".valid"


def expire(layout: Layout, kind: str) -> None:
    """Replace the certificates of a kind (one of `KINDS`) by ones that expired a minute ago."""
    for file in sorted(layout.credentials.glob(f"{kind}-*.pem")):
        valid = file.with_name(file.name + _VALID_SUFFIX)
        if file.name.endswith(".key.pem") or valid.exists():
            continue
        expired = _expired(layout, x509.load_pem_x509_certificate(file.read_bytes()))
        file.rename(valid)
        file.write_bytes(expired.public_bytes(serialization.Encoding.PEM))


def restore(layout: Layout) -> None:
    """Restore the valid certificates."""
    for valid in layout.credentials.glob(f"*{_VALID_SUFFIX}"):
        valid.rename(Path(str(valid).removesuffix(_VALID_SUFFIX)))


def _expired(layout: Layout, valid: x509.Certificate) -> x509.Certificate:
    key = serialization.load_pem_private_key(layout.key("authority").read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    builder = (
        x509.CertificateBuilder()
        .subject_name(valid.subject)
        .issuer_name(valid.issuer)
        .public_key(valid.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid.not_valid_before_utc - timedelta(days=2))
        .not_valid_after(datetime.now(UTC) - timedelta(minutes=1))
    )
    for extension in valid.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(key, hashes.SHA256())
