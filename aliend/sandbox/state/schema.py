"""The tables of the sandbox's catalogue."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

TABLES = """
CREATE TABLE IF NOT EXISTS lfn(
    entry_id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, parent_id INTEGER NOT NULL, type TEXT NOT NULL,
    owner TEXT NOT NULL, gowner TEXT NOT NULL, perm TEXT NOT NULL, size INTEGER NOT NULL, ctime INTEGER NOT NULL,
    expires INTEGER, guid TEXT, md5 TEXT, jobid INTEGER, replicated INTEGER NOT NULL DEFAULT 0,
    broken INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS lfn_parent ON lfn(parent_id);
CREATE INDEX IF NOT EXISTS lfn_guid ON lfn(guid);
CREATE TABLE IF NOT EXISTS guid(
    guid TEXT PRIMARY KEY, owner TEXT NOT NULL, gowner TEXT NOT NULL, perm TEXT NOT NULL, size INTEGER NOT NULL,
    md5 TEXT, ctime INTEGER NOT NULL, jobid INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pfn(
    id INTEGER PRIMARY KEY, guid TEXT NOT NULL, se INTEGER NOT NULL, pfn TEXT NOT NULL, UNIQUE(guid, se));
CREATE TABLE IF NOT EXISTS booked(
    lfn TEXT NOT NULL, guid TEXT NOT NULL, pfn TEXT NOT NULL, se TEXT NOT NULL, owner TEXT NOT NULL,
    gowner TEXT NOT NULL, md5 TEXT, size INTEGER, jobid INTEGER, expires INTEGER NOT NULL,
    PRIMARY KEY(lfn, pfn, guid)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS se(
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, qos TEXT NOT NULL, daemon TEXT NOT NULL,
    path TEXT NOT NULL, demote_read REAL NOT NULL DEFAULT 0, demote_write REAL NOT NULL DEFAULT 0,
    exclusive_write TEXT NOT NULL DEFAULT '', used INTEGER NOT NULL DEFAULT 0, files INTEGER NOT NULL DEFAULT 0,
    capacity INTEGER NOT NULL DEFAULT 1024000000000);
CREATE TABLE IF NOT EXISTS distance(
    site TEXT NOT NULL, se INTEGER NOT NULL, distance REAL NOT NULL, PRIMARY KEY(site, se)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS account(
    name TEXT PRIMARY KEY, home TEXT NOT NULL, full_name TEXT NOT NULL, email TEXT NOT NULL, subject TEXT NOT NULL,
    roles TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS quota(
    account TEXT PRIMARY KEY, size INTEGER NOT NULL DEFAULT 0, max_size INTEGER NOT NULL,
    files INTEGER NOT NULL DEFAULT 0, max_files INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS orphan(guid TEXT NOT NULL, se INTEGER NOT NULL, pfn TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS visited(guid TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS collection(
    collection TEXT NOT NULL, guid TEXT NOT NULL, lfn TEXT NOT NULL, PRIMARY KEY(collection, guid)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tag(
    path TEXT NOT NULL, tag TEXT NOT NULL, col TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(path, tag, col))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS transfer(
    id INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT NOT NULL, lfn TEXT NOT NULL, owner TEXT NOT NULL,
    target INTEGER NOT NULL, removes INTEGER, attempts INTEGER NOT NULL, created INTEGER NOT NULL,
    ended INTEGER, status TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS job(
    id INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, name TEXT NOT NULL, split INTEGER NOT NULL,
    jdl TEXT NOT NULL, created INTEGER NOT NULL, begun INTEGER NOT NULL, starts INTEGER NOT NULL,
    ends INTEGER NOT NULL, fate TEXT NOT NULL, killed INTEGER, site TEXT NOT NULL, node TEXT NOT NULL,
    delivered INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS job_split ON job(split);
CREATE INDEX IF NOT EXISTS job_pending ON job(delivered, ends);
CREATE TABLE IF NOT EXISTS ce(
    name TEXT PRIMARY KEY, status TEXT NOT NULL, max_running INTEGER NOT NULL, max_queued INTEGER NOT NULL,
    partitions TEXT NOT NULL, ttl INTEGER NOT NULL, type TEXT NOT NULL, host TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS package(
    name TEXT NOT NULL, platform TEXT NOT NULL, PRIMARY KEY(name, platform)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS jobquota(
    account TEXT PRIMARY KEY, user_id INTEGER NOT NULL, priority REAL NOT NULL DEFAULT 1.0,
    parallel INTEGER NOT NULL DEFAULT 100, unfinished INTEGER NOT NULL DEFAULT 10000,
    running_time INTEGER NOT NULL DEFAULT 10000000, cost REAL NOT NULL DEFAULT 10000000.0) WITHOUT ROWID;
"""


def open_database(file: Path | str) -> sqlite3.Connection:
    """Open or create the catalogue's database (`:memory:`: not stored).

    `LIKE` is case-sensitive, as the service's collation is, and `REGEXP` matches at the start of the text.
    """
    database = sqlite3.connect(file)
    database.row_factory = sqlite3.Row
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute("PRAGMA case_sensitive_like = ON")
    database.executescript(TABLES)
    database.create_function("REGEXP", 2, _matches, deterministic=True)
    return database


def _matches(pattern: str, text: str) -> bool:
    return re.match(pattern, text) is not None
