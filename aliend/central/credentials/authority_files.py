"""Reads the certificates of authorities from a file or a directory, with or without hashed names.

A directory of authorities also contains signing policies, lists of revoked certificates and dangling links, which are
ignored.
"""

from __future__ import annotations

import os
from pathlib import Path

from aliend.core.connection import pem
from aliend.core.connection.pem import PemError, is_authority_name
from aliend.errors import ConfigurationError
from aliend.small_files import read_small

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
    # not Path.resolve, which fails for a link to itself
    distinct = {os.path.realpath(directory / name): directory / name for name in reversed(names)}
    return sorted(distinct.values())


def _certificates(file: Path) -> list[bytes]:
    try:
        return [block.content for block in pem.certificates(pem.decode(read_small(file, _LARGEST)))]
    except PemError:
        return []


def _why_empty(path: Path, files: int, problem: str) -> str:
    if not path.is_dir():
        return f"cannot load the CA certificates: {problem or f'{path} contains no PEM certificate'}"
    reason = problem or f"none of {files} files (*.pem, *.crt, *.0) contains a PEM certificate"
    if not files:
        reason = "no file in it is named *.pem, *.crt or *.0"
    return f"the CA directory {path} holds no certificates: {reason}"
