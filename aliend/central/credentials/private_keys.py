"""Private keys: whether their files may be trusted, and those that the user has unlocked, in memory only."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aliend.central.credentials import pem_files
from aliend.core.connection.pem import PemError, PemFile, PemSource, PemText, private_key
from aliend.errors import ConfigurationError, Unusable, UsageError

_sound: set[bytes] = set()
"""Digests of the keys whose numbers were found consistent: that check takes 30 ms, and each login reads its key."""

# The library is imported with the first key: the daemon starts without it.
if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes


class Locked(Unusable):
    """A key is encrypted, and its passphrase is not known."""


@dataclass(frozen=True, slots=True)
class KeyText:
    """A key from a file or variable: its name in messages, and its PEM block."""

    name: str
    pem: bytes = field(repr=False)

    def parsed(self, passphrase: bytes | None = None) -> PrivateKeyTypes:
        """Return the key. Raises Locked without a passphrase, UsageError for a wrong one, else Unusable."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization

        digest = _digest_of(self)
        try:
            key = serialization.load_pem_private_key(
                self.pem, passphrase, unsafe_skip_rsa_key_validation=digest in _sound
            )
        except TypeError as error:
            if passphrase is not None:
                return self.parsed()
            raise Locked(f"the key {self.name} is encrypted, and aliend does not know its passphrase") from error
        except ValueError as error:
            if passphrase is not None:
                raise UsageError(f"the passphrase does not open the key {self.name}") from error
            raise Unusable(f"the key {self.name} is damaged: its content is not a private key") from error
        except UnsupportedAlgorithm as error:
            raise Unusable(f"the key {self.name} is of a kind that aliend cannot read: {error}") from error
        _sound.add(digest)
        return key


def read_key(source: PemSource) -> KeyText:
    """Read a key. Raises Unusable where it cannot be read, ConfigurationError where others can read it. Blocks."""
    name = str(source) or "(none)"
    try:
        block = private_key(_text_of(source))
    except OSError as error:
        raise Unusable(f"cannot read the key {name}: {error.strerror}") from error
    except PemError as error:
        raise Unusable(f"the key {name} {error}") from error
    return KeyText(name, str(block).encode("ascii", "replace"))


def _text_of(source: PemSource) -> str:
    if isinstance(source, PemText):
        return source.text
    with pem_files.opened(source) as (descriptor, status):
        _check_access(source, status)
        return pem_files.text_in(descriptor)


def is_pair(public: PublicKeyTypes, key: PrivateKeyTypes) -> bool:
    """Return whether a certificate's key and a private key are a pair."""
    from cryptography.hazmat.primitives import serialization

    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return key.public_key().public_bytes(*form) == public.public_bytes(*form)


def _check_access(key: PemFile, status: os.stat_result) -> None:
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise ConfigurationError(f"the key {key} can be read by others, so it is not used; run: `chmod 600 {key}`")
    if status.st_uid not in (os.geteuid(), 0):
        raise ConfigurationError(f"the key {key} belongs to another user (uid {status.st_uid}), so it is not used")


class KeyRing:
    """The keys that were unlocked since the daemon started; they never leave its memory."""

    def __init__(self) -> None:
        self._opened: dict[bytes, str] = {}

    def __repr__(self) -> str:
        return f"KeyRing({len(self._opened)} keys)"

    def unlock(self, source: PemSource, passphrase: str) -> None:
        """Open the encrypted key in `source` and keep it. Raises UsageError for a wrong passphrase. Blocks."""
        from cryptography.hazmat.primitives import serialization

        key = read_key(source)
        opened = key.parsed(passphrase.encode("utf-8", "surrogateescape"))
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        self._opened[_digest_of(key)] = opened.private_bytes(*form).decode()

    def opened(self, source: PemSource) -> PemSource:
        """Return the unlocked text of `source` if it is known, else `source` itself. Blocks."""
        text = self._opened.get(_digest_of(read_key(source))) if self._opened else None
        return source if text is None else PemText(text)


def _digest_of(key: KeyText) -> bytes:
    """Return a digest that identifies this key."""
    return hashlib.sha256(key.pem).digest()
