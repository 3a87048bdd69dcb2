"""Reads PEM files defensively: a FIFO does not block, and a huge file is not read.

Another user may have planted a file under a default name in a directory that others can write to. Such a file must be
regular and ours. A path that the user configured may be a link and may belong to root.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aliend.core.connection import pem
from aliend.core.connection.pem import PemFile, PemSource, PemText
from aliend.errors import Unusable

LARGEST = 256 << 10
"""Maximum size in bytes of a file with a certificate or a key."""


class Unreadable(Unusable):
    """A certificate is not configured, or its file cannot be read."""


class Planted(Unusable):
    """A file under a default name was not created by this user; the message says what to do."""


def text_of(source: PemSource) -> str:
    """Return the text of a source. Raises OSError if it is unreadable, Planted if it is not ours. Blocks."""
    if isinstance(source, PemText):
        return source.text
    with opened(source) as (descriptor, _):
        return text_in(descriptor)


def text_in(descriptor: int) -> str:
    """Return the text of a file that `opened` opened. Raises OSError. Blocks."""
    return pem.decode(os.read(descriptor, LARGEST))


@contextmanager
def opened(source: PemFile) -> Iterator[tuple[int, os.stat_result]]:
    """Open a file for reading; return its descriptor and status. Raises OSError or Planted. Blocks."""
    is_exposed = source.is_default and _is_exposed(Path(source.path).parent)
    if is_exposed:
        _require_ours(source, Path(source.path).lstat())
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | (os.O_NOFOLLOW if is_exposed else 0)
    try:
        descriptor = os.open(source.path, flags)
    except ValueError as error:
        raise OSError(0, "its name contains a NUL byte") from error
    try:
        status = os.fstat(descriptor)
        if is_exposed:
            _require_ours(source, status)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is not a regular file")
        if status.st_size > LARGEST:
            raise OSError(0, f"it has more than {LARGEST >> 10} KiB")
        yield descriptor, status
    finally:
        os.close(descriptor)


def _is_exposed(directory: Path) -> bool:
    """Return whether other users can create files in a directory."""
    try:
        status = directory.stat()
    except OSError:
        return False
    return bool(status.st_mode & (stat.S_ISVTX | stat.S_IWOTH)) or status.st_uid not in (os.geteuid(), 0)


def _require_ours(source: PemFile, status: os.stat_result) -> None:
    if status.st_uid != os.geteuid():
        problem = f"belongs to another user (uid {status.st_uid})"
    elif stat.S_ISLNK(status.st_mode):
        problem = "is a symbolic link in a directory that others can write to"
    elif not stat.S_ISREG(status.st_mode):
        problem = "is not a regular file"
    else:
        return
    raise Planted(f"{source} {problem}, so it is not used; remove it, or set JALIEN_TOKEN_CERT and JALIEN_TOKEN_KEY")
