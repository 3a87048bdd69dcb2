"""The rows of transfers: reading and saving them inside a transaction, with the counters of their job."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace

from aliend.core.job import Job
from aliend.core.transfer import Done, Failed, NoIntent, Phase, Queued, Transfer, phase_of
from aliend.store import events
from aliend.store.database import Transaction
from aliend.store.records import TRANSFER_COLUMNS, intent_to_text, state_columns, transfer_of

_KNOWN = "SELECT source FROM transfer WHERE job = ? AND target = ?"


@dataclass(frozen=True, slots=True)
class NewTransfer:
    """A file found by the expansion; `problem` is why it cannot be copied (empty: it can). `size` in bytes."""

    source: str
    target: str
    size: int = 0
    md5: str = ""
    problem: str = ""


def select(connection: sqlite3.Connection, where: str, values: tuple[object, ...]) -> list[Transfer]:
    """The transfers that a clause (WHERE, ORDER BY, LIMIT) picks."""
    sql = f"SELECT {TRANSFER_COLUMNS} FROM transfer {where}"
    return [transfer_of(row) for row in connection.execute(sql, values).fetchall()]


def insert(transaction: Transaction, job: Job, found: Iterable[NewTransfer]) -> Job:
    """Add files that are not there yet; the job with its counters. A target that another source has is a failure."""
    for one in found:
        job = _insert_one(transaction, job, one)
    return job


def save(transaction: Transaction, job: Job, before: Transfer, after: Transfer) -> Job:
    """Write a changed transfer; the job with its counters."""
    if after == before:
        return job
    ready, reason = state_columns(after.state)
    after = replace(after, revision=transaction.next_revision())
    transaction.connection.execute(
        "UPDATE transfer SET size = ?, md5 = ?, state = ?, ready = ?, reason = ?, attempts = ?, failures = ?,"
        " intent = ?, revision = ? WHERE id = ?",
        (
            after.size,
            after.md5,
            phase_of(after.state).value,
            ready,
            reason,
            after.attempts,
            after.failures,
            intent_to_text(after.intent),
            after.revision,
            after.id,
        ),
    )
    if after.state != before.state:
        events.of_transfer(transaction, after)
    return _counted(_uncounted(job, before), after)


def _insert_one(transaction: Transaction, job: Job, one: NewTransfer) -> Job:
    connection = transaction.connection
    key = (job.id, one.target)
    if connection.execute(f"{_KNOWN} AND source = ?", (*key, one.source)).fetchone():
        return job
    taken = None if one.problem else connection.execute(f"{_KNOWN} LIMIT 1", key).fetchone()
    problem = f"{taken[0]} goes to the same target; nothing was overwritten" if taken else one.problem
    state = Failed(problem) if problem else Queued()
    ready, reason = state_columns(state)
    revision = transaction.next_revision()
    cursor = connection.execute(
        "INSERT INTO transfer (job, source, target, size, md5, state, ready, reason, attempts, failures, intent,"
        " revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?)",
        (
            job.id,
            one.source,
            one.target,
            one.size,
            one.md5,
            phase_of(state).value,
            ready,
            reason,
            intent_to_text(NoIntent()),
            revision,
        ),
    )
    number = cursor.lastrowid or 0
    events.of_transfer(transaction, Transfer(number, job.id, one.source, one.target, state, revision=revision))
    return _shifted(job, phase_of(state), 1, one.size)


def _counted(job: Job, transfer: Transfer) -> Job:
    return _shifted(job, phase_of(transfer.state), 1, transfer.size)


def _uncounted(job: Job, transfer: Transfer) -> Job:
    return _shifted(job, phase_of(transfer.state), -1, -transfer.size)


def _shifted(job: Job, phase: Phase, files: int, size: int) -> Job:
    done = size if phase is phase_of(Done()) else 0
    return replace(
        job,
        files=job.files.shifted(phase, files),
        bytes_total=job.bytes_total + size,
        bytes_done=job.bytes_done + done,
    )
