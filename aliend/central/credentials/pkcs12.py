"""Reads PKCS#12 files (.p12, .pfx), which browsers and certification authorities export.

`aliend.central.credentials.certificate_search` finds the files; `aliend.central.credentials.certificate_files` stores
the result.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers.algorithms import RC2
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from aliend.central.credentials.private_keys import is_pair
from aliend.errors import NoSuchFile, UsageError
from aliend.small_files import read_small

SIZE_LIMIT = 256 * 1024
"""Maximum size in bytes; a bundle with a long chain has about ten thousand."""
_PBE = bytes.fromhex("060a2a864886f70d010c01")
"""DER of the object identifiers 1.2.840.113549.1.12.1.x (RFC 7292, appendix C), without their last byte."""
_RC2 = (_PBE + b"\x05", _PBE + b"\x06")
"""RC2 with 128 and with 40 bits, which OpenSSL 3 has in its legacy provider only."""


class WrongPassphrase(UsageError):
    """The passphrase does not open the file."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A certificate and its private key, taken from a PKCS#12 file."""

    certificate: x509.Certificate
    key: PrivateKeyTypes = field(repr=False)

    def certificate_pem(self) -> str:
        """Return the certificate as PEM text."""
        return self.certificate.public_bytes(Encoding.PEM).decode("ascii")

    def key_pem(self, passphrase: str) -> str:
        """Return the key as PEM text (PKCS#8), encrypted with `passphrase` unless it is empty."""
        encryption: KeySerializationEncryption = NoEncryption()
        if passphrase:
            encryption = BestAvailableEncryption(passphrase.encode())
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode("ascii")


def read_file(path: Path) -> bytes:
    """Return the content of a regular file of at most 256 KiB, not encrypted with RC2 if OpenSSL does not support it.

    Raises NoSuchFile or UsageError. Blocks.
    """
    try:
        data = read_small(path, SIZE_LIMIT)
    except OSError as error:
        if error.errno in (0, errno.EISDIR):  # 0: not a regular file, or too large
            raise UsageError(f"{path} is not a .p12 file; use the file that your browser exported") from error
        raise NoSuchFile(f"cannot read {path}: {error.strerror}") from error
    if any(identifier in data for identifier in _RC2) and not _reads_rc2():
        raise UsageError(
            f"{path} is encrypted with RC2, which the OpenSSL library here no longer reads\n"
            "convert it into a new file, and import that one:\n"
            f"`openssl pkcs12 -legacy -in {path} -nodes | openssl pkcs12 -export -out new.p12`"
        )
    return data


def open_bundle(name: str, data: bytes, passphrase: str) -> Bundle:
    """Decrypt a PKCS#12 file; `name` is for messages.

    Raises WrongPassphrase, or UsageError if it is not such a file or lacks a certificate with its key. Blocks.
    """
    try:
        content = pkcs12.load_pkcs12(data, passphrase.encode())
    except ValueError as error:
        if "password" in str(error).lower():
            raise WrongPassphrase(f"the passphrase does not open {name}") from error
        raise UsageError(f"{name} is not a .p12 file; use the file that your browser exported") from error
    except UnsupportedAlgorithm as error:
        raise UsageError(f"{name} uses an unsupported encryption: {error}") from error
    if content.key is None:
        raise UsageError(
            f"{name} holds no private key\nexport the certificate again, as a backup that includes its private key"
        )
    certificate = content.cert.certificate if content.cert else None
    if certificate is None or not is_pair(certificate.public_key(), content.key):
        raise UsageError(f"{name} holds no certificate that belongs to its private key; export it again")
    return Bundle(certificate, content.key)


def _reads_rc2() -> bool:
    try:
        Cipher(RC2(bytes(16)), modes.CBC(bytes(8))).encryptor()
    except UnsupportedAlgorithm:
        return False
    return True
