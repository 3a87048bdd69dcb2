"""Forgets what ended long ago, a few rows at a time, so that nobody waits for it.

A job goes from its files to itself: whatever cuts it off, the next round goes on. A job that is not forgotten is whole.
"""

from __future__ import annotations

import sqlite3

from aliend.store.database import Transaction

_ROWS = 500
"""Transfers forgotten in one transaction at most."""
_EVENTS = 4 * _ROWS
"""Events forgotten in one; most transfers have three."""

# What may still stand in the catalogue under a temporary name must not be forgotten before it could be removed.
_OLD = """
SELECT id FROM job WHERE ended_ms > 0 AND ended_ms < ? AND NOT EXISTS (
    SELECT 1 FROM transfer WHERE job = job.id AND intent <> '' AND state IN ('failed', 'cancelled')
    AND (json_extract(intent, '$.kind') = 'replacing' OR json_extract(intent, '$.lfn') <> target))
ORDER BY ended_ms LIMIT 1
"""


def prune(transaction: Transaction, before_ms: int) -> int:
    """Forget some rows of the oldest job that ended before `before_ms`; how many (0: there is no such job)."""
    connection = transaction.connection
    row = connection.execute(_OLD, (before_ms,)).fetchone()
    if row is None:
        return 0
    (job,) = row
    ids = "SELECT id FROM transfer WHERE job = ? ORDER BY id LIMIT ?"
    connection.execute(f"DELETE FROM attempt WHERE transfer IN ({ids})", (job, _ROWS))
    gone = connection.execute(f"DELETE FROM transfer WHERE id IN ({ids})", (job, _ROWS)).rowcount
    told = _prune_events(connection, job)
    if gone < _ROWS and told < _EVENTS:
        for table in ("made", "request", "deletion"):
            connection.execute(f"DELETE FROM {table} WHERE job = ?", (job,))
        connection.execute("DELETE FROM job WHERE id = ?", (job,))
    return gone + 1


def _prune_events(connection: sqlite3.Connection, job: int) -> int:
    """Some of the oldest events of a job; how many."""
    sql = "SELECT number FROM event WHERE job = ? ORDER BY number LIMIT ?"
    numbers = [number for (number,) in connection.execute(sql, (job, _EVENTS)).fetchall()]
    if numbers:
        connection.execute("DELETE FROM event WHERE job = ? AND number <= ?", (job, numbers[-1]))
        sql = "UPDATE meta SET value = ? WHERE key = 'forgotten' AND CAST(value AS INTEGER) < ?"
        connection.execute(sql, (str(numbers[-1]), numbers[-1]))
    return len(numbers)
