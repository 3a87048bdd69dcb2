"""Rows of transfers: reading and saving them inside a transaction, with the counters of their job."""

from __future__ import annotations

import errno
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from aliend.core.transfers.job import Job
from aliend.core.transfers.transfer import UNFINISHED, Done, Failed, NoIntent, Phase, Queued, State, Transfer, phase_of
from aliend.errors import Obstacle
from aliend.store.database import Transaction
from aliend.store.rows import attempts, events
from aliend.store.rows.codec import TRANSFER_COLUMNS, in_states, intent_to_text, state_columns, transfer_of

_CAUSES = 20
"""Reasons returned at most."""
_SAME = "SELECT source FROM transfer WHERE job = ? AND target = ? AND source = ?"
_SAME_TARGET = "SELECT source FROM transfer WHERE job = ? AND target = ? ORDER BY source <> ? LIMIT 1"
"""Selects the source of a target: the given one, or another one. Many files that failed have no target."""
_CHANGING = (
    f"SELECT EXISTS (SELECT 1 FROM transfer WHERE target = ?1 AND {in_states(*UNFINISHED)}) OR EXISTS (SELECT 1 FROM"
    f" transfer WHERE target = ?1 AND intent <> '' AND {in_states(Phase.FAILED, Phase.CANCELLED)})"
)
"""Selects whether a transfer changes a target, or was given up and may have left it incomplete."""


@dataclass(frozen=True, slots=True)
class NewTransfer:
    """A file found by the expansion; `problem` is why it cannot be copied (empty: it can). `size` in bytes.

    `error_number` is the errno of the problem, or the code of the central service (0: none).
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
    error_number: int = 0


def select(connection: sqlite3.Connection, where: str, values: tuple[object, ...]) -> list[Transfer]:
    """Return the transfers that a clause (WHERE, ORDER BY, LIMIT) selects."""
    sql = f"SELECT {TRANSFER_COLUMNS} FROM transfer {where}"
    return [transfer_of(row) for row in connection.execute(sql, values).fetchall()]


def insert(transaction: Transaction, job: Job, files: Iterable[NewTransfer]) -> tuple[Job, list[Transfer]]:
    """Add new files; return the job with its counters, and the added files that can be copied.

    A target that another source has already is a failure.
    """
    stored = [new for row in files if (new := _insert_one(transaction, job, row))]
    return _counted(job, *stored), [row for row in stored if isinstance(row.state, Queued)]


def save(transaction: Transaction, job: Job, before: Transfer, after: Transfer) -> Job:
    """Save a changed transfer; return the job with its counters."""
    if after == before:
        return job
    ready, reason = _columns(after)
    after = replace(after, revision=transaction.next_revision())
    transaction.connection.execute(
        "UPDATE transfer SET size = ?, md5 = ?, state = ?, ready = ?, reason = ?, attempts = ?, failures = ?,"
        " intent = ?, revision = ?, joined = ?, losses = ? WHERE id = ?",
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
            after.losses,
            after.id,
        ),
    )
    if after.state != before.state:
        events.insert_transfer_event(transaction, after)
    return _recounted(job, before, after)


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
    return _counted(job, _put(transaction, replace(row, job=job.id)))


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


def _insert_one(transaction: Transaction, job: Job, row: NewTransfer) -> Transfer | None:
    """Add a file that was found, with the record of why it fails; return None if it exists already."""
    connection = transaction.connection
    taken = connection.execute(_SAME if row.problem else _SAME_TARGET, (job.id, row.target, row.source)).fetchone()
    if taken and taken[0] == row.source:
        return None
    problem, number = row.problem, row.error_number
    if taken:
        problem, number = f"{taken[0]} has the same target; nothing was overwritten", errno.EEXIST
    state = _first_state(connection, row, problem)
    stored = _put(transaction, Transfer(0, job.id, row.source, row.target, state, row.size, row.md5))
    if problem:
        attempts.insert(connection, [attempts.refused_record(stored.id, problem, number, transaction.now_ms)])
    return stored


def _first_state(connection: sqlite3.Connection, row: NewTransfer, problem: str) -> State:
    """Return the state of a new file. An existing target is believed unless another transfer changes or changed it."""
    if problem:
        return Failed(problem)
    if row.existing and not connection.execute(_CHANGING, (row.target,)).fetchone()[0]:
        return row.existing
    return Queued()


def _put(transaction: Transaction, row: Transfer) -> Transfer:
    ready, reason = _columns(row)
    revision = transaction.next_revision()
    cursor = transaction.connection.execute(
        "INSERT INTO transfer (job, source, target, size, md5, state, ready, reason, attempts, failures, intent,"
        " revision, joined, losses) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?, ?)",
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
            row.losses,
        ),
    )
    stored = replace(row, id=cursor.lastrowid or 0, revision=revision, intent=NoIntent())
    events.insert_transfer_event(transaction, stored)
    return stored


def _columns(row: Transfer) -> tuple[float | None, str]:
    """Return `ready` and `reason`; a joined row does not start."""
    ready, reason = state_columns(row.state)
    return (None if row.joined else ready), reason


def _counted(job: Job, *transfers: Transfer) -> Job:
    """Return the job with these transfers in its counters."""
    return _shifted(job, [(phase_of(one.state), one.size) for one in transfers], 1)


def _uncounted(job: Job, transfer: Transfer) -> Job:
    return _shifted(job, [(phase_of(transfer.state), transfer.size)], -1)


def _recounted(job: Job, before: Transfer, after: Transfer) -> Job:
    """Return the job with a changed transfer in its counters."""
    old, new = phase_of(before.state), phase_of(after.state)
    if old is new and before.size == after.size:
        return job
    return replace(
        job,
        files=job.files.moved(old, new),
        bytes_total=job.bytes_total + after.size - before.size,
        bytes_done=job.bytes_done + after.size * (new is Phase.DONE) - before.size * (old is Phase.DONE),
    )


def _shifted(job: Job, rows: Sequence[tuple[Phase, int]], sign: int) -> Job:
    """Add rows, by phase and size, to the counters of the job, or take them away with the sign -1."""
    files = job.files
    for phase, number in Counter(phase for phase, _ in rows).items():
        files = files.shifted(phase, sign * number)
    return replace(
        job,
        files=files,
        bytes_total=job.bytes_total + sign * sum(size for _, size in rows),
        bytes_done=job.bytes_done + sign * sum(size for phase, size in rows if phase is Phase.DONE),
    )
