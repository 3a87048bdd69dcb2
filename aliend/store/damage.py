"""A damaged or removed database: how it is found, and where its files are kept while aliend begins a new one."""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from aliend.errors import StoreError

_SMALL = 8 << 20
"""Bytes up to which a database is checked whole at every start; this takes about 20 ms."""
_MARK = ".damaged-"
_SIDE_FILES = ("-wal", "-shm")
_STDIN = "stdin"
"""The directory beside the database with files that only jobs of the database know."""


class DamageError(sqlite3.DatabaseError):
    """SQLite's own check of the file has found an error."""


def is_missing(path: Path) -> bool:
    """Return whether a database that existed before (see `mark_created`) is removed or empty."""
    try:
        return path.stat().st_size == 0 and _created(path).exists()
    except FileNotFoundError:
        return _created(path).exists()


def mark_created(path: Path) -> None:
    """Leave a file beside the database that shows that it existed, so that its removal is noticed."""
    with suppress(OSError):
        _created(path).touch(mode=0o600)


def is_damage(error: BaseException) -> bool:
    """Return whether an error means that the file is damaged, not only that it cannot be used at the moment."""
    name = getattr(error, "sqlite_errorname", "") or ""
    return isinstance(error, DamageError) or name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def check(connection: sqlite3.Connection, path: Path) -> None:
    """Check the database if it is small or `mark_suspect` was called for it. Raises DamageError."""
    suspect = _suspect(path)
    is_suspect = suspect.exists()
    if not is_suspect and path.stat().st_size > _SMALL:
        return
    pragma = "integrity_check" if is_suspect else "quick_check"
    (result,) = connection.execute(f"PRAGMA {pragma}(1)").fetchone()
    if result != "ok":
        raise DamageError(result)
    suspect.unlink(missing_ok=True)


def mark_suspect(path: Path) -> None:
    """Request a full check at the next start, because damage was found."""
    with suppress(OSError):
        _suspect(path).touch(mode=0o600)


def set_aside(path: Path, now: float) -> Path:
    """Rename the files of a damaged database, so that a new one can begin; `now` in POSIX seconds. Raises StoreError.

    The files of its uploads from standard input are kept beside it. An empty database is removed.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    target = path.with_name(f"{path.name}{_MARK}{stamp}")
    stdin = path.with_name(_STDIN)
    try:
        # The main file goes last: a log without its database would be applied to the next one.
        for suffix in (*_SIDE_FILES, ""):
            side = path.with_name(path.name + suffix)
            if not suffix and side.exists() and not side.stat().st_size:
                side.unlink()
            elif side.exists():
                side.rename(target.with_name(target.name + suffix))
        if stdin.is_dir():
            stdin.rename(path.with_name(f"{_STDIN}{_MARK}{stamp}"))
        _suspect(path).unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"the database {path} is damaged, and renaming it failed: {error.strerror}; move it away yourself"
        ) from error
    return target


def kept_aside(path: Path) -> list[Path]:
    """Return the damaged databases that are kept beside the one at `path`, the oldest first."""
    found = path.parent.glob(f"{path.name}{_MARK}*")
    return sorted(file for file in found if not file.name.endswith(_SIDE_FILES))


def _suspect(path: Path) -> Path:
    return path.with_name(f"{path.name}.suspect")


def _created(path: Path) -> Path:
    return path.with_name(f"{path.name}.created")
