"""What `doctor` and `bug-report` read from a database without a daemon."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from aliend.store.inspection import inspected
from aliend.store.schema import MIGRATIONS

OBSTACLE = {"kind": "space", "path": "/mnt/x/f", "need": 4096}
COLUMNS = (
    "request_id, spec, state, obstacle, ended_ms, priority, sources_seen, target_kind, queued, running, waiting, done, "
    "failed, cancelled, bytes_done, bytes_total, message, created_ms, revision, direction"
)


def add_job(connection: sqlite3.Connection, state: str, obstacle: str = "", ended_ms: int = 0) -> None:
    spec = json.dumps({"target": "/mnt/x", "sources": ["/a/f", "/a/g"]})
    number = connection.execute("SELECT count(*) FROM job").fetchone()[0]
    values = (f"r{number}", spec, state, obstacle, ended_ms)
    rest = "0, 0, 'file', 2, 0, 0, 0, 0, 0, 0, 8192, 'no space', 1, 1, 'download'"
    connection.execute(f"INSERT INTO job ({COLUMNS}) VALUES (?, ?, ?, ?, ?, {rest})", values)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with an old job on hold for space, and thirty newer ones that have ended."""
    path = tmp_path / "aliend.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("\n".join(MIGRATIONS) + f"PRAGMA user_version = {len(MIGRATIONS)};")
        add_job(connection, "paused", json.dumps(OBSTACLE))
        for _ in range(30):
            add_job(connection, "done", ended_ms=5)
        connection.commit()
    return path


def test_the_newest_and_the_unfinished_jobs_are_shown(database: Path) -> None:
    with inspected(database, 5.0) as inspection:
        jobs = inspection.jobs()
    assert [job["id"] for job in jobs] == [*range(31, 11, -1), 1]
    held = jobs[-1]
    assert (held["state"], held["obstacle"], held["message"]) == ("paused", OBSTACLE, "no space")
    assert (held["target"], held["sources"], held["queued"]) == ("/mnt/x", 2, 2)


def test_jobs_that_wait_for_space_name_path_and_need(database: Path) -> None:
    with inspected(database, 5.0) as inspection:
        assert inspection.space_needs() == [(1, "/mnt/x/f", 4096)]


def test_only_what_differs_from_the_expected_schema_is_shown(database: Path) -> None:
    with inspected(database, 5.0) as inspection:
        assert inspection.summary()["unexpected_schema"] == {}
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript("DROP INDEX job_held; CREATE TABLE foreign_one (x INTEGER)")
    with inspected(database, 5.0) as inspection:
        found = inspection.summary()["unexpected_schema"]
    assert found == {"foreign_one": "CREATE TABLE foreign_one (x INTEGER)", "job_held": ""}
