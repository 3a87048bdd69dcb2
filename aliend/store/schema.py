"""The tables of the database, and the migrations from older schemas.

`PRAGMA user_version` is the number of applied migrations; `MIGRATIONS` only ever grows. Columns of a transfer: `ready`
is the POSIX second from which it may start (0: at once; 1: at once, its pause is over), NULL unless it is queued or
waiting; `reason` is the message of its state; `intent` (JSON, mostly empty) is what an upload has begun in the
catalogue; `joined` (mostly 0) is the transfer of another job that copies the same file. `obstacle` of a job (JSON,
mostly empty) is what holds it on this machine; `has_ready` is set by triggers once one of its transfers may start, and
cleared when the scheduler finds none. `revision` of a job and of a transfer is the number of its last change, counted
over the whole database; an `event` has the number of its change. `attempt` and `event` are described in
`core.transfers.attempt_record`, `made` are the local directories that a job created; `forgotten` is the highest number
among the pruned events.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from aliend import VERSION
from aliend.errors import NewerDatabase

_FIRST = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('revision', '0'), ('database', lower(hex(randomblob(8)))), ('version', '');

CREATE TABLE session (
    name TEXT PRIMARY KEY, directory TEXT NOT NULL, previous TEXT NOT NULL, user TEXT NOT NULL, home TEXT NOT NULL,
    updated_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX session_by_time ON session (updated_ms);

CREATE TABLE job (
    id INTEGER PRIMARY KEY AUTOINCREMENT, request_id TEXT NOT NULL UNIQUE, spec TEXT NOT NULL, state TEXT NOT NULL,
    priority INTEGER NOT NULL, sources_seen INTEGER NOT NULL, target_kind TEXT NOT NULL,
    queued INTEGER NOT NULL, running INTEGER NOT NULL, waiting INTEGER NOT NULL,
    done INTEGER NOT NULL, failed INTEGER NOT NULL, cancelled INTEGER NOT NULL,
    bytes_done INTEGER NOT NULL, bytes_total INTEGER NOT NULL,
    message TEXT NOT NULL, created_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, revision INTEGER NOT NULL
) STRICT;
CREATE INDEX job_by_revision ON job (revision);
CREATE INDEX job_startable ON job (priority DESC, id) WHERE state IN ('expanding', 'active');
CREATE INDEX job_unfinished ON job (id) WHERE ended_ms = 0;

CREATE TABLE transfer (
    id INTEGER PRIMARY KEY AUTOINCREMENT, job INTEGER NOT NULL REFERENCES job (id), source TEXT NOT NULL,
    target TEXT NOT NULL, size INTEGER NOT NULL, md5 TEXT NOT NULL, state TEXT NOT NULL, ready REAL,
    reason TEXT NOT NULL, attempts INTEGER NOT NULL, failures INTEGER NOT NULL, intent TEXT NOT NULL,
    revision INTEGER NOT NULL, UNIQUE (job, target, source)
) STRICT;
CREATE INDEX transfer_of_job ON transfer (job, id);
CREATE INDEX transfer_by_revision ON transfer (job, revision);
CREATE INDEX transfer_ready ON transfer (job, ready) WHERE ready IS NOT NULL;
CREATE INDEX transfer_running ON transfer (id) WHERE state = 'running';
CREATE INDEX transfer_open_intent ON transfer (id) WHERE intent <> '';

CREATE TABLE request (id TEXT PRIMARY KEY, job INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""

_STACKS = "ALTER TABLE session ADD COLUMN stack TEXT NOT NULL DEFAULT '[]';"
"""Directories below a session's directory on its stack, as a JSON array."""

_ATTEMPTS = """
CREATE TABLE attempt (
    id INTEGER PRIMARY KEY AUTOINCREMENT, transfer INTEGER NOT NULL REFERENCES transfer (id), number INTEGER NOT NULL,
    se TEXT NOT NULL, stage TEXT NOT NULL, error TEXT NOT NULL, kind TEXT NOT NULL, bytes INTEGER NOT NULL,
    began_ms INTEGER NOT NULL, seconds REAL NOT NULL
) STRICT;
CREATE INDEX attempt_of_transfer ON attempt (transfer, id);

CREATE TABLE made (job INTEGER NOT NULL REFERENCES job (id), path TEXT NOT NULL, PRIMARY KEY (job, path))
STRICT, WITHOUT ROWID;

ALTER TABLE job ADD COLUMN direction TEXT NOT NULL DEFAULT '';
UPDATE job SET direction = json_extract(spec, '$.direction');
"""

_EVENTS = """
CREATE TABLE event (
    number INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, job INTEGER NOT NULL, transfer INTEGER NOT NULL,
    state TEXT NOT NULL, reason TEXT NOT NULL
) STRICT;
CREATE INDEX event_of_job ON event (job, number);
INSERT INTO meta VALUES ('forgotten', '0');
CREATE INDEX job_by_end ON job (ended_ms) WHERE ended_ms > 0;
"""

_SYNC = """
CREATE TABLE deletion (
    job INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE, below TEXT NOT NULL, mark TEXT NOT NULL,
    state TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (job, below)
) STRICT, WITHOUT ROWID;

CREATE TABLE local_md5 (
    number INTEGER PRIMARY KEY AUTOINCREMENT, device INTEGER NOT NULL, inode INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL, size INTEGER NOT NULL, md5 TEXT NOT NULL, UNIQUE (device, inode)
) STRICT;
"""
"""Files that synchronisations delete, and md5s of local files by what identifies them."""

_IDENTITIES = """
CREATE TABLE identity (
    name TEXT PRIMARY KEY, role TEXT NOT NULL, role_before TEXT NOT NULL, site TEXT NOT NULL, site_before TEXT NOT NULL,
    timing INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""


_TURNS = """
ALTER TABLE job ADD COLUMN obstacle TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN interactive INTEGER NOT NULL DEFAULT 0;
DROP INDEX job_startable;
CREATE INDEX job_startable ON job (priority DESC, interactive DESC, id) WHERE state IN ('expanding', 'active');
"""


_JOINED = """
ALTER TABLE transfer ADD COLUMN joined INTEGER NOT NULL DEFAULT 0;
CREATE INDEX transfer_joined ON transfer (joined) WHERE joined > 0;
CREATE INDEX transfer_open ON transfer (target) WHERE state IN ('queued', 'running', 'waiting');
"""


_FOURTH = _EVENTS + _SYNC + _IDENTITIES + _TURNS + _JOINED

_QUEUE = """
ALTER TABLE job ADD COLUMN has_ready INTEGER NOT NULL DEFAULT 0;
UPDATE job SET has_ready = 1 WHERE EXISTS (SELECT 1 FROM transfer WHERE job = job.id AND ready <= 1);
CREATE TRIGGER transfer_added AFTER INSERT ON transfer WHEN NEW.ready <= 1 BEGIN
    UPDATE job SET has_ready = 1 WHERE id = NEW.job AND NOT has_ready;
END;
CREATE TRIGGER transfer_became_ready AFTER UPDATE OF ready, job ON transfer WHEN NEW.ready <= 1 BEGIN
    UPDATE job SET has_ready = 1 WHERE id = NEW.job AND NOT has_ready;
END;
DROP INDEX job_startable;
CREATE INDEX job_startable ON job (direction, priority DESC, interactive DESC, id)
    WHERE has_ready AND state IN ('expanding', 'active');
CREATE INDEX job_expanding ON job (priority DESC, id) WHERE state = 'expanding';
CREATE INDEX job_deleting ON job (id) WHERE state = 'deleting' AND ended_ms = 0;
CREATE INDEX job_held ON job (id) WHERE ended_ms = 0 AND state = 'paused' AND obstacle <> '';
CREATE INDEX transfer_paused ON transfer (ready) WHERE ready > 1;
DROP INDEX transfer_open;
CREATE INDEX transfer_open ON transfer (target, joined) WHERE state IN ('queued', 'running', 'waiting');
CREATE INDEX transfer_incomplete ON transfer (target) WHERE intent <> '' AND state IN ('failed', 'cancelled');
ALTER TABLE local_md5 ADD COLUMN changed_ns INTEGER NOT NULL DEFAULT 0;
"""
"""The scheduler reads indexes that hold only what may start, so that its cost does not grow with the queue.

Also: names under which a transfer that was given up may have registered only some replicas; ctimes of local files.
"""

_ERROR_NUMBERS = "ALTER TABLE attempt ADD COLUMN error_number INTEGER NOT NULL DEFAULT 0;"

_LOSSES = "ALTER TABLE transfer ADD COLUMN losses INTEGER NOT NULL DEFAULT 0;"

_EXECUTORS = """
ALTER TABLE job ADD COLUMN executor TEXT NOT NULL DEFAULT '';
DROP INDEX job_startable;
CREATE INDEX job_startable ON job (direction, executor, priority DESC, interactive DESC, id)
    WHERE has_ready AND state IN ('expanding', 'active');
"""
"""The scheduler reads the jobs of each executor by themselves: it skips those whose workers are all busy."""

MIGRATIONS = (_FIRST, _STACKS, _ATTEMPTS, _FOURTH, _QUEUE, _ERROR_NUMBERS, _LOSSES, _EXECUTORS)
"""Each migrates a database from the schema of its index to the next one."""


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Migrate the database at `path` to the current schema; an older one is copied beside it first.

    Raises NewerDatabase, with nothing changed, if its schema is newer.
    """
    schema = _schema(connection, path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # deleted envelopes do not stay in free parts of the file
    if 0 < schema < len(MIGRATIONS):
        _back_up(connection, backup_path(path, schema))
    if schema < len(MIGRATIONS):
        _migrate(connection, schema)
    if _writer(connection) != VERSION:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'version'", (VERSION,))


def check_schema(path: Path) -> None:
    """Raise NewerDatabase if the database at `path`, perhaps in use, is newer than this aliend. Changes nothing."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(read_only(path), uri=True)) as connection:
        _schema(connection, path)


def unexpected_schema(connection: sqlite3.Connection, version: int) -> dict[str, str]:
    """Return what differs from the tables, indexes and triggers after `version` migrations, by name.

    The value is the SQL in the database; empty: it is missing. Our own tables only, not those of SQLite.
    """
    with closing(sqlite3.connect(":memory:")) as fresh:
        fresh.executescript("\n".join(MIGRATIONS[:version]))
        expected, found = _definitions(fresh), _definitions(connection)
    names = sorted({name for name, _ in expected.items() ^ found.items()})
    return {name: found.get(name, "") for name in names}


def _definitions(connection: sqlite3.Connection) -> dict[str, str]:
    query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%'"
    return dict(connection.execute(query).fetchall())


def read_only(path: Path) -> str:
    """Return the address with which SQLite opens a database for reading, and creates no file beside it.

    Without a log of changes nobody uses the database; SQLite would create the log even for a reader.
    """
    mode = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "mode=ro&immutable=1"
    return f"{path.absolute().as_uri()}?{mode}"


def _schema(connection: sqlite3.Connection, path: Path) -> int:
    """Return the number of migrations that were applied. Raises NewerDatabase."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > len(MIGRATIONS):
        raise NewerDatabase(
            f"the database {path} has schema {found} of aliend {_writer(connection)}; this aliend {VERSION} "
            f"reads schemas up to {len(MIGRATIONS)}\nnothing was changed; start the newer aliend"
        )
    return int(found)


def backup_path(path: Path, schema: int) -> Path:
    """Return where the copy with an older schema is kept."""
    return path.with_name(f"{path.name}.schema-{schema}")


def _back_up(connection: sqlite3.Connection, copy: Path) -> None:
    """Copy the database, readable by its owner only; the copy gets its name once it is on disk."""
    unfinished = copy.with_name(f"{copy.name}.part")
    unfinished.unlink(missing_ok=True)
    fd = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        target = sqlite3.connect(unfinished)
        try:
            connection.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")
        finally:
            target.close()
        os.fsync(fd)
    finally:
        os.close(fd)
    unfinished.replace(copy)


def _migrate(connection: sqlite3.Connection, schema: int) -> None:
    """Apply the migrations from `schema` on, and record the new schema, in one transaction."""
    script = "\n".join(MIGRATIONS[schema:])
    connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {len(MIGRATIONS)};\nCOMMIT;")


def _writer(connection: sqlite3.Connection) -> str:
    try:
        row = connection.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()
    except sqlite3.Error:
        row = None
    return str(row[0]) if row and row[0] else "(unknown version)"
