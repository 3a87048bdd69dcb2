"""Verifies that a certificate's chain leads to a trusted authority, by signatures, dates and names.

Proxy certificates (RFC 3820) are allowed: the holder of a certificate may sign one whose name is its own and one part
more.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.utils import CryptographyDeprecationWarning

from aliend.central.credentials import authority_files
from aliend.central.credentials.certificates import chain_of, facts, load_der
from aliend.core.connection.credentials import why_unusable
from aliend.core.connection.pem import PemSource
from aliend.errors import ConfigurationError

_LONGEST = 10


@dataclass(frozen=True, slots=True)
class Trust:
    """The authorities of a file or a directory, by their names; messages name its path, `location`."""

    location: str
    authorities: dict[bytes, list[x509.Certificate]]


def load_trust(path: str, note: str = "") -> Trust:
    """Read the authorities in `path`; `note` explains why another configured location is not used.

    Raises ConfigurationError if none is found. Blocks.
    """
    note = f" ({note})" if note else ""
    if not path:
        raise ConfigurationError(f"no CA certificates were found{note}; run: `alienctl getCAcerts`")
    found: dict[bytes, list[x509.Certificate]] = {}
    for authority in _parsed(authority_files.load(path)):
        found.setdefault(authority.subject.public_bytes(), []).append(authority)
    return Trust(f"{path}{note}", found)


def why_untrusted(source: PemSource, trust: Trust, now_ms: int) -> str:
    """Return the problem of the chain in `source` at `now_ms`; empty if it is valid. Raises Unusable. Blocks."""
    first, *others = chain_of(source)
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
            return f"{_name(current)} is not signed by an authority in {trust.location}"
        current = above
    return "its chain is too long"


def _parsed(authorities: Iterable[bytes]) -> Iterator[x509.Certificate]:
    """Return the readable ones; old authorities of the grid break current rules, for example with serial number 0."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        for authority in authorities:
            with suppress(ValueError):
                yield load_der(authority)


def _may_sign(above: x509.Certificate, below: x509.Certificate) -> bool:
    """Return whether the first may sign the second: it is an authority, or the second is its proxy."""
    if above.subject != below.issuer:
        return False
    parts = list(below.subject.rdns)
    return _is_authority(above) or parts[:-1] == list(above.subject.rdns)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        # Old grid authorities are version 1 certificates, or lack the extension; the user trusts this directory.
        return certificate.subject == certificate.issuer
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
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
