"""Deduplicates transfers that several jobs want: rows of later jobs join the one that is copied.

A joined row waits, and ends as its leader does. If the leader's job gives it up, the leader moves to the job of the
next row, with its running attempt; so a copy that somebody still wants is neither stopped nor repeated.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from aliend.core.transfers.job import STARTABLE, Job, is_more_urgent, want_same_copy
from aliend.core.transfers.transfer import (
    UNFINISHED,
    Cancelled,
    Detach,
    Done,
    Failed,
    Join,
    LeaderFailed,
    Queued,
    Running,
    Succeeded,
    Transfer,
    step,
)
from aliend.store.database import Transaction
from aliend.store.rows import attempts, transfers
from aliend.store.rows.codec import in_states
from aliend.store.rows.jobs import JobRows

_OPEN = in_states(*UNFINISHED)


def join(transaction: Transaction, rows: JobRows, job: Job, added: Sequence[Transfer], now_ms: int) -> Job:
    """Join new rows of `job` to transfers of other jobs; return the job with its counters."""
    for row in added:
        leader = _leader_for(transaction.connection, rows, job, row)
        if leader is None:
            continue
        joined, _ = step(row, Join(leader.id), now_ms / 1000)
        job = transfers.save(transaction, job, row, joined)
        owner = rows.load(transaction.connection, leader.job)
        if is_more_urgent(job.spec, owner.spec) and not isinstance(leader.state, Running):
            job = _take_over(transaction, rows, leader, joined, job, now_ms)
    return job


def successor_of(connection: sqlite3.Connection, rows: JobRows, leader: Transfer) -> Transfer | None:
    """Return the row that takes over if the leader's job gives it up; None: no other job wants it."""
    if leader.joined:
        return None
    for row in _followers(connection, leader.id):
        if rows.load(connection, row.job).state in STARTABLE:
            return row
    return None


def move_leader(
    transaction: Transaction, rows: JobRows, job: Job, pair: tuple[Transfer, Transfer], now_ms: int, *, keep: bool
) -> Job:
    """Move a leader from `job` to the job of its successor; return the changed `job`. `pair` is leader and successor.

    `job` gets a new row, which joins the leader (`keep`) or is cancelled. The successor's row is deleted.
    """
    leader, successor = pair
    other = rows.load(transaction.connection, successor.job)
    state = Queued() if keep else Cancelled()
    rest = replace(leader, state=state, joined=leader.id if keep else 0, attempts=0, failures=0, losses=0)
    job, other = _swapped(transaction, (job, other), (leader, successor), rest)
    rows.save(transaction, rows.load(transaction.connection, other.id), other, now_ms)
    return job


def propagate_result(transaction: Transaction, rows: JobRows, leader: Transfer, now_ms: int) -> None:
    """End the rows joined to a transfer that has ended, or detach them if it was given up."""
    followers = _followers(transaction.connection, leader.id)
    if not followers:
        return
    match leader.state:
        case Done(warning):
            event: Succeeded | LeaderFailed | Detach = Succeeded(leader.size, leader.md5, warning)
        case Failed(reason):
            event = LeaderFailed(reason)
        case _:
            event = Detach()
    failure = attempts.last_failures(transaction.connection, [leader.id]).get(leader.id)
    for row in followers:
        before = rows.load(transaction.connection, row.job)
        after, _ = step(row, event, now_ms / 1000)
        if failure and isinstance(after.state, Failed):
            attempts.insert(transaction.connection, [replace(failure, transfer=row.id, number=0)])
        rows.save(transaction, before, transfers.save(transaction, before, row, after), now_ms)


def joined_counts(connection: sqlite3.Connection, numbers: Sequence[int]) -> dict[int, int]:
    """Return by transfer the number of other jobs' transfers that share its result, where it is not 0."""
    marks = ",".join("?" * len(numbers))
    sql = f"SELECT joined, count(*) FROM transfer WHERE joined > 0 AND joined IN ({marks}) GROUP BY joined"
    return dict(connection.execute(sql, tuple(numbers)).fetchall())


def leaders(connection: sqlite3.Connection, job: int, limit: int) -> list[Transfer]:
    """Return at most `limit` unfinished transfers of a job that rows of other jobs have joined."""
    where = f"WHERE job = ? AND {_OPEN} AND id IN (SELECT joined FROM transfer WHERE joined > 0) LIMIT ?"
    return transfers.select(connection, where, (job, limit))


def _leader_for(connection: sqlite3.Connection, rows: JobRows, job: Job, row: Transfer) -> Transfer | None:
    where = f"WHERE target = ? AND source = ? AND {_OPEN} AND joined = 0 AND job <> ? ORDER BY id"
    for leader in transfers.select(connection, where, (row.target, row.source, job.id)):
        owner = rows.load(connection, leader.job)
        if owner.state in STARTABLE and want_same_copy(owner.spec, job.spec):
            return leader
    return None


def _followers(connection: sqlite3.Connection, leader: int) -> list[Transfer]:
    return transfers.select(connection, "WHERE joined = ? AND joined > 0 ORDER BY id", (leader,))


def _take_over(
    transaction: Transaction, rows: JobRows, leader: Transfer, joined: Transfer, job: Job, now_ms: int
) -> Job:
    """Move the leader to the more urgent `job`; the job that had it joins. Return the changed `job`."""
    owner = rows.load(transaction.connection, leader.job)
    rest = replace(leader, state=Queued(), joined=leader.id, attempts=0, failures=0, losses=0)
    after, job = _swapped(transaction, (owner, job), (leader, joined), rest)
    rows.save(transaction, owner, after, now_ms)
    return job


def _swapped(
    transaction: Transaction, jobs: tuple[Job, Job], pair: tuple[Transfer, Transfer], rest: Transfer
) -> tuple[Job, Job]:
    """Move the leader from the first job to the second, replacing its successor; the first job gets `rest`."""
    (first, second), (leader, successor) = jobs, pair
    second = transfers.remove(transaction, second, successor)
    first, second = transfers.change_job(transaction, (first, second), leader)
    return transfers.insert_row(transaction, first, rest), second
