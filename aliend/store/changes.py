"""What changed since a revision: the source of every watch. A snapshot is what changed since the beginning."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from aliend.core.job import Job
from aliend.core.transfer import Transfer
from aliend.errors import UsageError
from aliend.store import transfers
from aliend.store.jobs import JobRows

PAGE = 1000
"""Most transfers told at once."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Jobs and transfers that changed, whole; `revision` up to which all is told; `complete`: nothing is left out."""

    jobs: tuple[Job, ...]
    transfers: tuple[Transfer, ...]
    revision: int
    complete: bool


def changed_since(connection: sqlite3.Connection, rows: JobRows, job: int, revision: int, base: int) -> Changed:
    """Changes after `revision`: of one job, or of all (0). Of changes up to `base`, only those of unfinished jobs."""
    (text,) = connection.execute("SELECT value FROM meta WHERE key = 'revision'").fetchone()
    if revision > int(text):
        raise UsageError("This resume token is newer than the database: it belongs to another one")
    if job:
        jobs = rows.select(connection, "WHERE id = ? AND revision > ?", (job, revision))
        found = transfers.select(
            connection, f"WHERE job = ? AND revision > ? ORDER BY revision LIMIT {PAGE}", (job, revision)
        )
    else:
        where = "WHERE revision > ? AND (revision > ? OR ended_ms = 0) ORDER BY revision"
        jobs = rows.select(connection, where, (revision, base))
        found = _of_all(connection, revision, base)
    complete = len(found) < PAGE
    upto = int(text) if complete else found[-1].revision
    return Changed(tuple(jobs), tuple(found), upto, complete)


def _of_all(connection: sqlite3.Connection, revision: int, base: int) -> list[Transfer]:
    """Each job's changes come from its own index; only jobs that can have any are looked at."""
    numbers = connection.execute(
        "SELECT id FROM job WHERE revision > ? AND (revision > ? OR ended_ms = 0)", (revision, base)
    )
    found: list[Transfer] = []
    for (number,) in numbers.fetchall():
        found += transfers.select(
            connection, f"WHERE job = ? AND revision > ? ORDER BY revision LIMIT {PAGE}", (number, revision)
        )
        found.sort(key=lambda one: one.revision)
        del found[PAGE:]
    return found
