"""Rows of transfers: reading and saving them inside a transaction, with the counters of their job."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace

from aliend.core.transfers.job import Job
from aliend.core.transfers.transfer import UNFINISHED, Done, Failed, NoIntent, Phase, Queued, State, Transfer, phase_of
from aliend.errors import Obstacle
from aliend.store.database import Transaction
from aliend.store.rows import events
from aliend.store.rows.codec import TRANSFER_COLUMNS, in_states, intent_to_text, state_columns, transfer_of

_CAUSES = 20
"""Reasons returned at most."""
_KNOWN = "SELECT source FROM transfer WHERE job = ? AND target = ?"
_CHANGING = (
    f"SELECT 1 FROM transfer WHERE target = ? AND {in_states(*UNFINISHED)} LIMIT 1",
    f"SELECT 1 FROM transfer WHERE target = ? AND intent <> '' AND {in_states(Phase.FAILED, Phase.CANCELLED)} LIMIT 1",
)
"""Select transfers that change a target, or were given up and may have left it incomplete."""


@dataclass(frozen=True, slots=True)
class NewTransfer:
    """A file found by the expansion; `problem` is why it cannot be copied (empty: it can). `size` in bytes.

    `obstacle` is a problem on this machine that the user can fix; it is not stored. `existing` is the state of a file
    whose target has the same content (None: it has not, or this is unknown).
    """

    source: str
    target: str
    size: int = 0
    md5: str = ""
    problem: str = ""
    obstacle: Obstacle | None = None
    existing: Done | None = None


def select(connection: sqlite3.Connection, where: str, values: tuple[object, ...]) -> list[Transfer]:
    """Return the transfers that a clause (WHERE, ORDER BY, LIMIT) selects."""
    sql = f"SELECT {TRANSFER_COLUMNS} FROM transfer {where}"
    return [transfer_of(row) for row in connection.execute(sql, values).fetchall()]


def insert(transaction: Transaction, job: Job, files: Iterable[NewTransfer]) -> tuple[Job, list[Transfer]]:
    """Add new files; return the job with its counters, and the added files that can be copied.

    A target that another source has already is a failure.
    """
    added: list[Transfer] = []
    for row in files:
        new = _new(transaction.connection, job, row)
        if new:
            job, stored = _put(transaction, job, new)
            added += [stored] if isinstance(new.state, Queued) else []
    return job, added


def save(transaction: Transaction, job: Job, before: Transfer, after: Transfer) -> Job:
    """Save a changed transfer; return the job with its counters."""
    if after == before:
        return job
    ready, reason = _columns(after)
    after = replace(after, revision=transaction.next_revision())
    transaction.connection.execute(
        "UPDATE transfer SET size = ?, md5 = ?, state = ?, ready = ?, reason = ?, attempts = ?, failures = ?,"
        " intent = ?, revision = ?, joined = ? WHERE id = ?",
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
            after.joined,
            after.id,
        ),
    )
    if after.state != before.state:
        events.insert_transfer_event(transaction, after)
    return _counted(_uncounted(job, before), after)


@dataclass(frozen=True, slots=True)
class WaitingCause:
    """Files that wait for the same reason: their number, the first source, the POSIX second of the first attempt.

    `transfer` is one of them.
    """

    text: str
    files: int
    first: str
    until: float
    transfer: int


def waiting_causes(connection: sqlite3.Connection, job: int) -> list[WaitingCause]:
    """Return why files of a job wait for their next attempt; names of the file in a reason do not count."""
    rows = connection.execute(
        "SELECT replace(replace(reason, source, 'the file'), target, 'the target') AS cause, count(*), min(source),"
        f" min(ready), min(id) FROM transfer WHERE job = ? AND {in_states(Phase.WAITING)}"
        f" GROUP BY cause ORDER BY count(*) DESC LIMIT {_CAUSES}",
        (job,),
    )
    return [WaitingCause(*row) for row in rows.fetchall()]


def insert_row(transaction: Transaction, job: Job, row: Transfer) -> Job:
    """Add a row, with a new number, to a job; return the job with its counters."""
    return _put(transaction, job, replace(row, job=job.id))[0]


def remove(transaction: Transaction, job: Job, row: Transfer) -> Job:
    """Remove a row that was never started; return the job with its counters."""
    transaction.connection.execute("DELETE FROM transfer WHERE id = ?", (row.id,))
    return _uncounted(job, row)


def change_job(transaction: Transaction, jobs: tuple[Job, Job], row: Transfer) -> tuple[Job, Job]:
    """Move a row from the first job to the second; return both with their counters."""
    moved = replace(row, job=jobs[1].id, revision=transaction.next_revision())
    sql = "UPDATE transfer SET job = ?, revision = ? WHERE id = ?"
    transaction.connection.execute(sql, (moved.job, moved.revision, moved.id))
    events.insert_transfer_event(transaction, moved)
    return _uncounted(jobs[0], row), _counted(jobs[1], moved)


def _new(connection: sqlite3.Connection, job: Job, row: NewTransfer) -> Transfer | None:
    """Return the transfer of a file that was found; None if it exists already."""
    key = (job.id, row.target)
    if connection.execute(f"{_KNOWN} AND source = ?", (*key, row.source)).fetchone():
        return None
    taken = None if row.problem else connection.execute(f"{_KNOWN} LIMIT 1", key).fetchone()
    problem = f"{taken[0]} has the same target; nothing was overwritten" if taken else row.problem
    return Transfer(0, job.id, row.source, row.target, _first_state(connection, row, problem), row.size, row.md5)


def _first_state(connection: sqlite3.Connection, row: NewTransfer, problem: str) -> State:
    """Return the state of a new file. An existing target is believed unless another transfer changes or changed it."""
    if problem:
        return Failed(problem)
    if row.existing and not any(connection.execute(sql, (row.target,)).fetchone() for sql in _CHANGING):
        return row.existing
    return Queued()


def _put(transaction: Transaction, job: Job, row: Transfer) -> tuple[Job, Transfer]:
    ready, reason = _columns(row)
    revision = transaction.next_revision()
    cursor = transaction.connection.execute(
        "INSERT INTO transfer (job, source, target, size, md5, state, ready, reason, attempts, failures, intent,"
        " revision, joined) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?)",
        (
            row.job,
            row.source,
            row.target,
            row.size,
            row.md5,
            phase_of(row.state).value,
            ready,
            reason,
            row.attempts,
            row.failures,
            revision,
            row.joined,
        ),
    )
    stored = replace(row, id=cursor.lastrowid or 0, revision=revision, intent=NoIntent())
    events.insert_transfer_event(transaction, stored)
    return _counted(job, stored), stored


def _columns(row: Transfer) -> tuple[float | None, str]:
    """Return `ready` and `reason`; a joined row does not start."""
    ready, reason = state_columns(row.state)
    return (None if row.joined else ready), reason


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
