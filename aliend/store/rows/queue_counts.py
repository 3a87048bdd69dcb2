"""Counts of what has not ended, from the counters that each job keeps; cheap for a queue of any length."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from aliend.store.database import Database


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """The unfinished jobs by state, and their unfinished transfers by state."""

    jobs: dict[str, int]
    transfers: dict[str, int]


async def queue_counts(database: Database) -> QueueCounts:
    """Return the counts now. Raises StoreError."""

    def read(connection: sqlite3.Connection) -> QueueCounts:
        rows = connection.execute(
            "SELECT state, count(*), sum(queued), sum(running), sum(waiting) FROM job WHERE ended_ms = 0 GROUP BY state"
        ).fetchall()
        totals = [sum(row[column] for row in rows) for column in (2, 3, 4)]
        return QueueCounts(
            {row[0]: row[1] for row in rows}, dict(zip(("queued", "running", "waiting"), totals, strict=True))
        )

    return await database.read(read)
