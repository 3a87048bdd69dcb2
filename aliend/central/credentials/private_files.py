"""Writes files that only their owner may read, complete and without following links."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from aliend.errors import ConfigurationError

_MODE = 0o400
"""The mode of tokens that alien.py writes."""


def write_all(contents: Mapping[str, str]) -> None:
    """Write each text to its absolute path; check all paths first, so that usually all or none are written.

    Each file is created private (whatever the umask), written under a temporary name, and renamed over an older one.
    Raises ConfigurationError if a path is a link, belongs to another user, or cannot be written. Blocks.
    """
    replace_all([(Path(name), text.encode(), _MODE) for name, text in contents.items()], check, lambda _: None)


def replace_all(
    files: Sequence[tuple[Path, bytes, int]],
    before_write: Callable[[Path], None],
    before_rename: Callable[[Path], None],
) -> None:
    """Write files (path, content, mode) under temporary names, then rename all of them over older ones.

    The functions are called with the path of each. Raises ConfigurationError. Blocks.
    """
    prepared: list[tuple[Path, Path]] = []
    try:
        for path, content, mode in files:
            before_write(path)
            prepared.append((_prepare(path, content, mode), path))
        for _, path in prepared:
            before_rename(path)
        for temporary, path in prepared:
            temporary.rename(path)
    except OSError as error:
        raise ConfigurationError(f"cannot write {error.filename or path}: {error.strerror}") from error
    finally:
        for temporary, _ in prepared:
            temporary.unlink(missing_ok=True)


def make_directories(directories: Iterable[Path]) -> None:
    """Make missing directories, readable by their owner only. Raises ConfigurationError. Blocks."""
    for directory in directories:
        try:
            directory.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"cannot create the directory {directory}: {error.strerror}") from error


def _prepare(path: Path, content: bytes, mode: int) -> Path:
    """Write a private file beside `path` and return its path. Raises OSError. Blocks."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def remove(name: str) -> bool:
    """Remove the file unless it belongs to another user; return whether it was removed.

    Raises ConfigurationError. Blocks.
    """
    path = Path(name)
    try:
        if path.lstat().st_uid != os.geteuid():
            return False
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ConfigurationError(f"cannot remove {name}: {error.strerror}") from error
    return True


def check(path: Path) -> None:
    """Reject a path that is a link, not a regular file, or another user's. Raises ConfigurationError. Blocks."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISLNK(status.st_mode):
        raise ConfigurationError(f"cannot write {path}: it is a symbolic link; remove it and try again")
    if not stat.S_ISREG(status.st_mode):
        raise ConfigurationError(f"cannot write {path}: it is not a regular file; remove it and try again")
    if status.st_uid != os.geteuid():
        raise ConfigurationError(f"cannot write {path}: it belongs to another user (uid {status.st_uid})")
