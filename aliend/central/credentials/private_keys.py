"""Private keys: whether their files may be trusted, and those that the user has unlocked, in memory only."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

from aliend.errors import ConfigurationError, NotConnected, UsageError


class Unusable(NotConnected):
    """One certificate cannot be used; another one may."""


class Locked(Unusable):
    """A key is encrypted, and its pass phrase is not known."""


@dataclass(frozen=True, slots=True)
class KeyText:
    """A key as it stands in its file or variable: how messages call it, and its PEM text."""

    name: str
    pem: bytes = field(repr=False)

    def parsed(self, pass_phrase: bytes | None = None) -> PrivateKeyTypes:
        """The key. Raises Locked without its pass phrase, UsageError for a wrong one, Unusable for anything else."""
        try:
            return serialization.load_pem_private_key(self.pem, password=pass_phrase)
        except TypeError as error:
            if pass_phrase is not None:
                return self.parsed()
            raise Locked(f"the key {self.name} is encrypted and aliend has no pass phrase; run: token-init") from error
        except ValueError as error:
            if pass_phrase is not None:
                raise UsageError(f"the pass phrase does not open the key {self.name}") from error
            raise Unusable(f"the key {self.name} is none in PEM form") from error
        except UnsupportedAlgorithm as error:
            raise Unusable(f"the key {self.name} is of a kind that aliend cannot read: {error}") from error


def is_text(place: str) -> bool:
    """Whether `place` is PEM text itself rather than the name of a file."""
    return place.lstrip().startswith("-----BEGIN ")


def shown(place: str) -> str:
    """How messages call `place`: text may be a secret."""
    return "given as text" if is_text(place) else place


def content(place: str) -> bytes:
    """The PEM text that is, or is in, `place`. Raises OSError."""
    return place.encode() if is_text(place) else Path(place).read_bytes()


def read_key(place: str) -> KeyText:
    """Read a key. Raises Unusable where it cannot be read, ConfigurationError where others can. Blocks."""
    name = shown(place) or "(none)"
    try:
        if not is_text(place):
            _check_access(Path(place))
        return KeyText(name, content(place))
    except OSError as error:
        raise Unusable(f"the key {name} cannot be read: {error.strerror}") from error


def belong(public: PublicKeyTypes, key: PrivateKeyTypes) -> bool:
    """Whether a certificate's key and a private key are a pair."""
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return key.public_key().public_bytes(*form) == public.public_bytes(*form)


def _check_access(key: Path) -> None:
    status = key.stat()
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise ConfigurationError(f"the key {key} can be read by others, so it is not used; run: chmod 600 {key}")
    if status.st_uid not in (os.geteuid(), 0):
        raise ConfigurationError(f"the key {key} belongs to somebody else (uid {status.st_uid}), so it is not used")


class KeyRing:
    """The keys that were unlocked since the daemon started; they never leave its memory."""

    def __init__(self) -> None:
        self._opened: dict[bytes, str] = {}

    def __repr__(self) -> str:
        return f"KeyRing({len(self._opened)} keys)"

    def unlock(self, place: str, pass_phrase: str) -> None:
        """Open the encrypted key in `place` and keep it. Raises UsageError for a wrong pass phrase. Blocks."""
        key = read_key(place)
        opened = key.parsed(pass_phrase.encode())
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        self._opened[_mark(key)] = opened.private_bytes(*form).decode()

    def opened(self, place: str) -> str:
        """What can be used in place of `place`: the unlocked text where there is one, else `place` itself. Blocks."""
        return self._opened.get(_mark(read_key(place)), place) if self._opened else place


def _mark(key: KeyText) -> bytes:
    """What tells one key from another and from its own successor."""
    return hashlib.sha256(key.pem).digest()
