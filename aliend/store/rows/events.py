"""Rows of events: the state changes of jobs and transfers, written in the same transaction as the change."""

from __future__ import annotations

import sqlite3

from aliend.core.transfers.attempt_record import EventRecord
from aliend.core.transfers.job import Job, JobState
from aliend.core.transfers.transfer import Transfer, message_of, phase_of
from aliend.errors import UsageError
from aliend.store.database import Transaction

PAGE = 1000
"""Events returned at once."""
_REASON = 300
"""Characters kept of a reason; the transfer has the whole message."""
_INSERT = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)"
_SELECT = (
    "SELECT number, time_ms, event.job, transfer, event.state, event.reason, ifnull(source, ''), ifnull(target, '')"
    " FROM event LEFT JOIN transfer ON transfer.id = event.transfer"
)


def insert_transfer_event(transaction: Transaction, after: Transfer) -> None:
    """Insert the event that a transfer has reached its state, by the change with its revision."""
    values = (after.job, after.id, phase_of(after.state).value, message_of(after.state)[:_REASON])
    transaction.connection.execute(_INSERT, (after.revision, transaction.now_ms, *values))


def insert_job_event(transaction: Transaction, before: Job | None, after: Job) -> None:
    """Insert the event that a job has reached its state, if that differs from `before` (None: a new job)."""
    state = _state_of(after)
    if before is None or _state_of(before) != state:
        values = (after.revision, transaction.now_ms, after.id, 0, state, after.message[:_REASON])
        transaction.connection.execute(_INSERT, values)


def select(connection: sqlite3.Connection, job: int, after: int) -> list[EventRecord]:
    """Return the first events after number `after`, of one job or of all (0)."""
    where, values = ("event.job = ? AND number > ?", (job, after)) if job else ("number > ?", (after,))
    sql = f"{_SELECT} WHERE {where} ORDER BY number LIMIT {PAGE}"
    return [EventRecord(*row) for row in connection.execute(sql, values).fetchall()]


def check_kept(connection: sqlite3.Connection, after: int) -> None:
    """Raise UsageError if events after this number were pruned (0 asks for those that exist)."""
    (text,) = connection.execute("SELECT value FROM meta WHERE key = 'forgotten'").fetchone()
    if 0 < after < int(text):
        raise UsageError(
            f"events up to number {text} are no longer kept, so those after number {after} are incomplete; start with "
            "the oldest one with `--since 0`"
        )


def _state_of(job: Job) -> str:
    return "cancelling" if job.state is JobState.CANCELLED and not job.ended_ms else job.state.value
