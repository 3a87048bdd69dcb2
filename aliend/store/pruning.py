"""Deletes jobs that ended long ago, a few rows at a time, so that nothing waits for it.

The rows of a job are deleted first, the job itself last: an interrupted pruning continues later, and each remaining job
is whole.
"""

from __future__ import annotations

import sqlite3

from aliend.core.transfers.transfer import Phase
from aliend.store.database import Database, Transaction
from aliend.store.rows.codec import in_states

_ROWS = 500
"""Transfers deleted in one transaction."""
_EVENTS = 4 * _ROWS
"""Events deleted in one transaction; most transfers have three."""

# Transfers that may have temporary entries in the catalogue, or keep a partial file, stay until those are removed.
_REMOVABLE = f"""
SELECT id FROM job WHERE ended_ms > 0 AND NOT EXISTS (
    SELECT 1 FROM transfer WHERE job = job.id AND intent <> '' AND {in_states(Phase.FAILED, Phase.CANCELLED)}
    AND (json_extract(intent, '$.kind') IN ('replacing', 'partial') OR json_extract(intent, '$.lfn') <> target))
"""
_OLD = f"{_REMOVABLE} AND ended_ms < ? ORDER BY ended_ms LIMIT 1"
_ONE = f"{_REMOVABLE} AND id = ?"


class History:
    """Deletes jobs that have ended; call each method until it returns 0. Both raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def prune(self, before_ms: int) -> int:
        """Delete some rows of the oldest job that ended before `before_ms`; return how many (0: no such job)."""
        return await self._database.write(lambda at: _prune_oldest(at, before_ms))

    async def remove(self, job: int) -> int:
        """Delete some rows of a job that has ended; return how many (0: nothing is left, or it cannot be removed)."""
        return await self._database.write(lambda at: _remove(at, job))


def _prune_oldest(transaction: Transaction, before_ms: int) -> int:
    row = transaction.connection.execute(_OLD, (before_ms,)).fetchone()
    return 0 if row is None else _prune_job(transaction.connection, row[0])


def _remove(transaction: Transaction, job: int) -> int:
    row = transaction.connection.execute(_ONE, (job,)).fetchone()
    return 0 if row is None else _prune_job(transaction.connection, job)


def _prune_job(connection: sqlite3.Connection, job: int) -> int:
    ids = "SELECT id FROM transfer WHERE job = ? ORDER BY id LIMIT ?"
    connection.execute(f"DELETE FROM attempt WHERE transfer IN ({ids})", (job, _ROWS))
    deleted = connection.execute(f"DELETE FROM transfer WHERE id IN ({ids})", (job, _ROWS)).rowcount
    events = _prune_events(connection, job)
    if deleted < _ROWS and events < _EVENTS:
        for table in ("made", "request", "deletion"):
            connection.execute(f"DELETE FROM {table} WHERE job = ?", (job,))
        connection.execute("DELETE FROM job WHERE id = ?", (job,))
    return deleted + 1


def _prune_events(connection: sqlite3.Connection, job: int) -> int:
    """Delete some of the oldest events of a job; return how many."""
    sql = "SELECT number FROM event WHERE job = ? ORDER BY number LIMIT ?"
    numbers = [number for (number,) in connection.execute(sql, (job, _EVENTS)).fetchall()]
    if numbers:
        connection.execute("DELETE FROM event WHERE job = ? AND number <= ?", (job, numbers[-1]))
        sql = "UPDATE meta SET value = ? WHERE key = 'forgotten' AND CAST(value AS INTEGER) < ?"
        connection.execute(sql, (str(numbers[-1]), numbers[-1]))
    return len(numbers)
