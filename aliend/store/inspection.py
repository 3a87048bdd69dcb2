"""Looks at the database without a daemon, and changes nothing: for `alienctl doctor` and `alienctl bug-report`."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from operator import methodcaller
from pathlib import Path

from aliend.errors import StoreError
from aliend.store import damage
from aliend.store.schema import check_schema, read_only

_STEPS = 10_000
"""Instructions of SQLite between two looks at the clock."""
_RECENT = 1000
"""Newest downloads whose partial files are looked for."""
_REASONS = 30


@dataclass(frozen=True, slots=True)
class Downloads:
    """Downloads by what may lie on disks: the targets of unfinished ones, and the newest targets of all.

    `open_ids` are the transfers whose partial files are in use: unfinished ones, and cancelled ones that keep theirs.
    """

    unfinished: tuple[str, ...]
    recent: tuple[str, ...]
    open_ids: frozenset[int]


class Inspection:
    """An open database that is only read."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def check(self) -> str:
        """Return what SQLite finds wrong with the file; empty: nothing."""
        (result,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        return "" if result == "ok" else f"the database is damaged: {result}"

    def held_jobs(self) -> list[tuple[int, str]]:
        """Return the jobs that something on this machine holds, with their messages."""
        query = "SELECT id, message FROM job WHERE ended_ms = 0 AND state = 'paused' AND obstacle <> '' LIMIT 20"
        return self._connection.execute(query).fetchall()

    def unfinished_jobs(self) -> int:
        """Return the number of jobs that have not ended."""
        (count,) = self._connection.execute("SELECT count(*) FROM job WHERE ended_ms = 0").fetchone()
        return int(count)

    def downloads(self) -> Downloads:
        """Return the newest downloads."""
        query = (
            "SELECT transfer.id, target, transfer.state IN ('queued', 'running', 'waiting'), intent FROM transfer "
            "JOIN job ON job.id = transfer.job WHERE direction = 'download' ORDER BY transfer.id DESC LIMIT ?"
        )
        rows = self._connection.execute(query, (_RECENT,)).fetchall()
        return Downloads(
            unfinished=tuple(target for _, target, is_open, _ in rows if is_open and target),
            recent=tuple(target for _, target, _, _ in rows if target),
            open_ids=frozenset(id for id, _, is_open, intent in rows if is_open or intent),
        )

    def summary(self) -> dict[str, object]:
        """Return the schema and counts: rows of each table, states, reasons of failures. No name of a file."""
        rows = self._connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
        schema = dict(rows.fetchall())
        tables = self._connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        ).fetchall()
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        return {
            "schema_version": version,
            "rows": {name: self._count(f'SELECT count(*) FROM "{name}"') for (name,) in tables},
            "jobs": self._counts("SELECT state, count(*) FROM job GROUP BY state"),
            "transfers": self._counts("SELECT state, count(*) FROM transfer GROUP BY state"),
            "reasons": [
                {"state": state, "reason": reason, "transfers": count}
                for state, reason, count in self._connection.execute(
                    "SELECT state, reason, count(*) FROM transfer WHERE reason <> '' GROUP BY state, reason "
                    "ORDER BY count(*) DESC LIMIT ?",
                    (_REASONS,),
                )
            ],
            "schema": schema,
        }

    def _count(self, query: str) -> int:
        return int(self._connection.execute(query).fetchone()[0])

    def _counts(self, query: str) -> dict[str, int]:
        return dict(self._connection.execute(query).fetchall())


@contextmanager
def inspected(path: Path, seconds: float) -> Iterator[Inspection]:
    """Open an existing database for reading, for at most `seconds`.

    Raises StoreError if it is damaged or newer, or if it takes longer. Blocks.
    """
    check_schema(path)
    deadline = time.monotonic() + seconds
    try:
        with closing(sqlite3.connect(read_only(path), uri=True, timeout=seconds)) as connection:
            connection.text_factory = methodcaller("decode", "utf-8", "surrogateescape")
            connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
            yield Inspection(connection)
    except sqlite3.Error as error:
        what = "is damaged" if damage.is_damage(error) else "cannot be read"
        raise StoreError(f"the database {path} {what}: {error}") from error
