"""Reads the certificates of authorities from a file or a directory, with or without hashed names.

A directory of authorities also contains signing policies, lists of revoked certificates and dangling links, which are
ignored.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from aliend.core.connection import pem
from aliend.core.connection.pem import PemError, is_authority_name
from aliend.errors import ConfigurationError

_LARGEST = 16 << 20
"""Maximum size of a file in bytes; the bundle of a whole system has less than one MiB."""


def load(location: str) -> list[bytes]:
    """Return the certificates in a file or directory in DER, each once. Raises ConfigurationError for none. Blocks.

    They are not parsed, because cryptography warns about some that OpenSSL accepts, and will reject them one day.
    """
    path = Path(location)
    try:
        files = _files_of(path) if path.is_dir() else [path]
    except OSError as error:
        raise ConfigurationError(f"cannot read the CA directory {path}: {error.strerror}") from error
    found: dict[bytes, None] = {}
    problem = ""
    for file in files:
        try:
            found |= dict.fromkeys(_certificates(file))
        except OSError as error:
            problem = f"cannot read {file}: {error.strerror}"
    if not found:
        raise ConfigurationError(_why_empty(path, len(files), problem))
    return list(found)


def _files_of(directory: Path) -> list[Path]:
    """Return every file that may hold authorities; of several links to one file the first."""
    names = sorted(name for name in os.listdir(directory) if is_authority_name(name))  # noqa: PTH208 (raises at once)
    distinct = {(directory / name).resolve(): directory / name for name in reversed(names)}
    return sorted(distinct.values())


def _certificates(file: Path) -> list[bytes]:
    try:
        return [block.content for block in pem.certificates(pem.decode(_content(file)))]
    except PemError:
        return []


def _content(file: Path) -> bytes:
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with open(descriptor, "rb") as opened:  # noqa: PTH123 (a descriptor has no path)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is not a regular file")
        if status.st_size > _LARGEST:
            raise OSError(0, f"it has more than {_LARGEST >> 20} MiB")
        return opened.read(_LARGEST)


def _why_empty(path: Path, files: int, problem: str) -> str:
    if not path.is_dir():
        return f"cannot load the CA certificates: {problem or f'{path} holds no certificate in PEM form'}"
    reason = problem or f"none of {files} files (*.pem, *.crt, *.0) is a certificate in PEM form"
    if not files:
        reason = "no file in it is named *.pem, *.crt or *.0"
    return f"the CA directory {path} holds no certificates: {reason}"
