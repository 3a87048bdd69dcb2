"""Whether a certificate's chain leads to an authority that is trusted: by signatures, dates and names.

Proxy certificates (RFC 3820) are allowed: the holder of a certificate may sign one whose name is its own and one part
more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from aliend.central.credentials.certificates import facts
from aliend.central.credentials.private_keys import content
from aliend.core.connection.credentials import why_unusable
from aliend.errors import ConfigurationError

_LONGEST = 10


@dataclass(frozen=True, slots=True)
class Trust:
    """The authorities of a file or a directory, by their names."""

    place: str
    authorities: dict[bytes, list[x509.Certificate]]


def load_trust(place: str) -> Trust:
    """Read the authorities; ConfigurationError where there are none. Blocks."""
    found: dict[bytes, list[x509.Certificate]] = {}
    try:
        path = Path(place)
        files = sorted({file.resolve() for file in _candidates(path)}) if path.is_dir() else [path]
        for file in files:
            for authority in _all_of(file):
                found.setdefault(authority.subject.public_bytes(), []).append(authority)
    except OSError as error:
        raise ConfigurationError(f"the CA certificates in {place} cannot be loaded: {error.strerror}") from error
    if not found:
        raise ConfigurationError(f"there are no CA certificates in {place or 'any known place'}; see getCAcerts")
    return Trust(place, found)


def why_untrusted(place: str, trust: Trust, now_ms: int) -> str:
    """What is wrong with the chain in `place` (a PEM file or text) at `now_ms`; empty: nothing.

    Raises OSError and ValueError where it cannot be read. Blocks.
    """
    first, *others = x509.load_pem_x509_certificates(content(place))
    current = first
    for _ in range(_LONGEST):
        if problem := _out_of_time(current, now_ms):
            return f"{_name(current)} {problem}"
        trusted = trust.authorities.get(current.issuer.public_bytes(), [])
        for authority in trusted:
            if _has_signed(authority, current) and _is_authority(authority):
                problem = _out_of_time(authority, now_ms)
                return f"its authority {_name(authority)} {problem}" if problem else ""
        above = next((other for other in others if _may_sign(other, current) and _has_signed(other, current)), None)
        if above is None:
            return f"{_name(current)} is not signed by an authority in {trust.place}"
        current = above
    return "its chain is too long"


def _candidates(directory: Path) -> Iterable[Path]:
    for pattern in ("*.pem", "*.crt", "*.[0-9]"):
        yield from directory.glob(pattern)


def _all_of(file: Path) -> list[x509.Certificate]:
    """The certificates in a file; a directory of authorities may hold other things too."""
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except ValueError:
        return []


def _may_sign(above: x509.Certificate, below: x509.Certificate) -> bool:
    """Whether one may stand over the other: an authority, or who has made a proxy of itself."""
    if above.subject != below.issuer:
        return False
    parts = list(below.subject.rdns)
    return _is_authority(above) or parts[:-1] == list(above.subject.rdns)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        # Old grid authorities are version 1 certificates, or say nothing; who trusts them has put them there.
        return certificate.subject == certificate.issuer
    except ValueError:
        return False


def _has_signed(above: x509.Certificate, below: x509.Certificate) -> bool:
    try:
        below.verify_directly_issued_by(above)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _out_of_time(certificate: x509.Certificate, now_ms: int) -> str:
    return why_unusable(facts(certificate), now_ms)


def _name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string()
