"""Applies the events of many attempts in one transaction: each job is read and saved once for all of its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aliend.core.transfers.attempt_record import AttemptRecord
from aliend.core.transfers.effects import Effect
from aliend.core.transfers.job import Job
from aliend.core.transfers.transfer import Event, Transfer, is_unfinished, step
from aliend.store import deduplication
from aliend.store.database import Transaction
from aliend.store.rows import attempts as attempt_rows
from aliend.store.rows import transfers
from aliend.store.rows.jobs import JobRows


@dataclass(frozen=True, slots=True)
class TransferChange:
    """An event of a transfer's attempt (not `Cancel`, which may concern other jobs), and records of the attempt."""

    transfer: int
    event: Event
    records: Sequence[AttemptRecord] = ()


def apply(
    transaction: Transaction, rows: JobRows, changes: Sequence[TransferChange], now: float
) -> list[tuple[Transfer, tuple[Effect, ...], Job]]:
    """Apply the changes at `now` (POSIX seconds); return transfers, effects and jobs as they are now, in order."""
    connection = transaction.connection
    marks = ",".join("?" * len(changes))
    values = tuple(change.transfer for change in changes)
    before = {row.id: row for row in transfers.select(connection, f"WHERE id IN ({marks})", values)}
    by_job: dict[int, list[TransferChange]] = {}
    for change in changes:
        by_job.setdefault(before[change.transfer].job, []).append(change)
    followed = deduplication.joined_counts(connection, values)
    results: dict[int, tuple[Transfer, tuple[Effect, ...], Job]] = {}
    for number, own in by_job.items():
        job = loaded = rows.load(connection, number)
        for change in own:
            row = before[change.transfer]
            attempt_rows.insert(connection, change.records)
            after, effects = step(row, change.event, now)
            job = transfers.save(transaction, job, row, after)
            if row.id in followed and is_unfinished(row.state) and not is_unfinished(after.state):
                deduplication.propagate_result(transaction, rows, after, int(now * 1000))
            results[row.id] = after, effects, job
        saved = rows.save(transaction, loaded, job, int(now * 1000))
        results.update({one.transfer: (*results[one.transfer][:2], saved) for one in own})
    return [results[change.transfer] for change in changes]
