"""Selects what changed since a revision, for change streams. A snapshot is what changed since the beginning.

Jobs and transfers are returned in their current state, however often they changed; events are returned one by one.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from aliend.core.transfers.attempt_record import EventRecord
from aliend.core.transfers.job import Job
from aliend.core.transfers.transfer import Transfer
from aliend.errors import UsageError
from aliend.store.rows import events, transfers
from aliend.store.rows.jobs import JobRows

PAGE = events.PAGE
"""Transfers returned at once."""


@dataclass(frozen=True, slots=True)
class ChangedRows:
    """Jobs and transfers that changed, and their events.

    `revision` is the last change that is covered; `complete`: nothing is left out.
    """

    jobs: tuple[Job, ...]
    transfers: tuple[Transfer, ...]
    events: tuple[EventRecord, ...]
    revision: int
    complete: bool


def changed_since(connection: sqlite3.Connection, rows: JobRows, job: int, revision: int, base: int) -> ChangedRows:
    """Return the changes after `revision`: of one job, or of all (0).

    Changes up to `base` include only unfinished jobs and no events: they are a snapshot. Raises UsageError for a
    revision that this database has not reached, or whose events are no longer kept.
    """
    (text,) = connection.execute("SELECT value FROM meta WHERE key = 'revision'").fetchone()
    if revision > int(text):
        raise UsageError("the resume token or event number is newer than this database: it belongs to another one")
    if not job and revision >= base:
        events.check_kept(connection, revision)
    found, records = _found(connection, job, revision, base), events.select(connection, job, max(revision, base))
    complete = len(found) < PAGE and len(records) < PAGE
    last = int(text)
    if len(found) == PAGE:
        last = found[-1].revision
    if len(records) == PAGE:
        last = min(last, records[-1].number)
    where = "WHERE revision > ? AND (revision > ? OR ended_ms = 0) ORDER BY revision"
    values: tuple[int, ...] = (revision, base)
    if job:
        where, values = "WHERE id = ? AND revision > ?", (job, revision)
    return ChangedRows(
        tuple(rows.select(connection, where, values)),
        tuple(row for row in found if row.revision <= last),
        tuple(row for row in records if row.number <= last),
        last,
        complete,
    )


def _found(connection: sqlite3.Connection, job: int, revision: int, base: int) -> list[Transfer]:
    if not job:
        return _of_all(connection, revision, base)
    where = f"WHERE job = ? AND revision > ? ORDER BY revision LIMIT {PAGE}"
    return transfers.select(connection, where, (job, revision))


def _of_all(connection: sqlite3.Connection, revision: int, base: int) -> list[Transfer]:
    """Return transfers of all jobs; each job's changes come from its own index, and only changed jobs are read."""
    numbers = connection.execute(
        "SELECT id FROM job WHERE revision > ? AND (revision > ? OR ended_ms = 0)", (revision, base)
    )
    changed: list[Transfer] = []
    for (number,) in numbers.fetchall():
        changed += transfers.select(
            connection, f"WHERE job = ? AND revision > ? ORDER BY revision LIMIT {PAGE}", (number, revision)
        )
        changed.sort(key=lambda transfer: transfer.revision)
        del changed[PAGE:]
    return changed
