"""Reads the database without a daemon, and changes nothing: for `alienctl doctor` and `alienctl bug-report`."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from operator import methodcaller
from pathlib import Path

from aliend.errors import StoreError
from aliend.store import damage
from aliend.store.schema import check_schema, read_only, unexpected_schema

_STEPS = 10_000
"""Instructions of SQLite between two looks at the clock."""
_RECENT = 1000
"""Newest downloads whose partial files are looked for."""
_REASONS = 30
_JOBS, _JOB_REASONS = 20, 5
_JOB_COLUMNS = (
    *("id", "direction", "state", "message", "queued", "running", "waiting", "done", "failed", "cancelled"),
    *("bytes_done", "bytes_total", "created_ms", "ended_ms"),
)


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

    def space_needs(self) -> list[tuple[int, str, int]]:
        """Return the jobs that are on hold for disk space, with the path and the bytes that must be free there."""
        query = (
            "SELECT id, json_extract(obstacle, '$.path'), json_extract(obstacle, '$.need') FROM job WHERE ended_ms = 0 "
            "AND state = 'paused' AND obstacle <> '' AND json_extract(obstacle, '$.kind') = 'space' LIMIT 20"
        )
        return self._connection.execute(query).fetchall()

    def jobs(self) -> list[dict[str, object]]:
        """Return the newest jobs and the newest unfinished ones: state, what holds them, counts, target, reasons."""
        numbers = self._connection.execute(
            "SELECT id FROM (SELECT id FROM job ORDER BY id DESC LIMIT ?) UNION "
            "SELECT id FROM (SELECT id FROM job WHERE ended_ms = 0 ORDER BY id DESC LIMIT ?) ORDER BY 1 DESC",
            (_JOBS, _JOBS),
        ).fetchall()
        return [self._job(number) for (number,) in numbers]

    def _job(self, number: int) -> dict[str, object]:
        row = self._connection.execute(
            f"SELECT {', '.join(_JOB_COLUMNS)}, obstacle, json_extract(spec, '$.target'), "
            "json_array_length(spec, '$.sources') FROM job WHERE id = ?",
            (number,),
        ).fetchone()
        *values, obstacle, target, sources = row
        reasons = self._connection.execute(
            "SELECT state, reason, count(*) FROM transfer WHERE job = ? AND reason <> '' GROUP BY state, reason "
            "ORDER BY count(*) DESC LIMIT ?",
            (number, _JOB_REASONS),
        )
        return dict(zip(_JOB_COLUMNS, values, strict=True)) | {
            "obstacle": json.loads(obstacle) if obstacle else None,
            "sources": sources,
            "target": target,
            "reasons": [{"state": state, "reason": reason, "transfers": count} for state, reason, count in reasons],
        }

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
        """Return counts: rows of each table, states, reasons of failures; and what differs from the expected schema."""
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
            "unexpected_schema": unexpected_schema(self._connection, version),
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
