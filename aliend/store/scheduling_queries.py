"""Queries of the scheduler: which transfers may start, and when the next one may. Small batches only."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import get_args

from aliend.core.transfers.job import STARTABLE, Direction, Job, JobState
from aliend.core.transfers.scheduler import BATCH_FILES, MAX_BATCHES, SMALL_FILE, Candidate, target_key
from aliend.store.rows.codec import in_states
from aliend.store.rows.jobs import JobRows

_PAGE = 16
"""Jobs read from the index at a time."""
_MAX_DUE = 1000
"""Waiting transfers whose pause is over that are made ready at a time."""

_HAS_WORK = f"has_ready AND {in_states(*STARTABLE)}"
# SQLite seeks each of these in the index, instead of reading all jobs of the executor or the class before.
_NEXT_EXECUTOR = f"""
SELECT executor FROM job WHERE {_HAS_WORK} AND direction = ? AND executor > ? ORDER BY executor LIMIT 1
"""
_NEXT_CLASS = f"""
SELECT priority, interactive FROM job WHERE {_HAS_WORK} AND direction = ? AND executor = ?
AND (priority, interactive) < (?, ?)
ORDER BY priority DESC, interactive DESC LIMIT 1
"""
_IN_CLASS = f"""
SELECT id FROM job WHERE {_HAS_WORK} AND direction = ? AND executor = ?
AND priority = ? AND interactive = ? AND id > ? AND id <= ? ORDER BY id LIMIT ?
"""
_HIGHEST, _LAST = 1 << 31, 1 << 62
_DIRECTIONS: tuple[Direction, ...] = get_args(Direction)


@dataclass(frozen=True, slots=True)
class SchedulingQuery:
    """The query for what may start at `now` (POSIX seconds), round-robin after `last_job`.

    Jobs in `full`, directions in `closed` and, except within the grid, executors in `busy` are left out. At most
    `limit` transfers of a job are returned, of as many jobs of each direction and executor, and more in the directions
    `batches`, in which small files start in batches.
    `expanding` and `deleting` are jobs whose work already runs; at most `expansions` more expansions may start.
    """

    now: float
    last_job: int = 0
    full: Collection[int] = ()
    closed: Collection[str] = ()
    busy: Collection[str] = ()
    limit: int = 0
    batches: Collection[Direction] = ()
    expanding: Collection[int] = ()
    expansions: int = 0
    deleting: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class SchedulingResult:
    """What may start now, and the POSIX second of the next waiting transfer (None: none waits)."""

    candidates: list[Candidate]
    expanding: list[Job]
    deleting: list[Job]
    next_ready: float | None


def schedulable(connection: sqlite3.Connection, rows: JobRows, query: SchedulingQuery) -> SchedulingResult:
    """Return all that the scheduler needs to know; needs a writing transaction."""
    _make_due_ready(connection, query.now)
    return SchedulingResult(
        candidates=_candidates(connection, rows, query) if query.limit else [],
        expanding=_expanding(connection, rows, query) if query.expansions > 0 else [],
        deleting=_deleting(connection, rows, query),
        next_ready=_next_ready(connection),
    )


def _expanding(connection: sqlite3.Connection, rows: JobRows, query: SchedulingQuery) -> list[Job]:
    """Return jobs whose files are not all listed."""
    where = f"WHERE {in_states(JobState.EXPANDING)} AND id NOT IN ({_listed(query.expanding)})"
    return rows.select(connection, f"{where} ORDER BY priority DESC, id LIMIT ?", (query.expansions,))


def _deleting(connection: sqlite3.Connection, rows: JobRows, query: SchedulingQuery) -> list[Job]:
    """Return jobs whose files have all arrived and whose deletions are due."""
    where = (
        f"WHERE {in_states(JobState.DELETING)} AND ended_ms = 0 AND id NOT IN ({_listed(query.deleting)}) ORDER BY id"
    )
    return rows.select(connection, where, ())


def _listed(numbers: Collection[int]) -> str:
    return ",".join(str(number) for number in numbers)


def _candidates(connection: sqlite3.Connection, rows: JobRows, query: SchedulingQuery) -> list[Candidate]:
    """Return up to `limit` startable transfers of each of the next jobs."""
    candidates: list[Candidate] = []
    for direction, executor in _queues(connection, query):
        for job, transfers in islice(_ready_transfers(connection, direction, executor, query), query.limit):
            loaded = rows.load(connection, job)
            batches = direction in query.batches and loaded.spec.allows_batches
            candidates += [_candidate(loaded, *row, batches=batches) for row in transfers]
    return candidates


def _queues(connection: sqlite3.Connection, query: SchedulingQuery) -> Iterator[tuple[Direction, str]]:
    """Yield the directions and executors whose jobs may start a transfer."""
    for direction in _DIRECTIONS:
        row = ("",) if direction not in query.closed else None
        while row:
            if direction == "copy" or row[0] not in query.busy:
                yield direction, row[0]
            row = connection.execute(_NEXT_EXECUTOR, (direction, *row)).fetchone()


def _ready_transfers(
    connection: sqlite3.Connection, direction: Direction, executor: str, query: SchedulingQuery
) -> Iterator[tuple[int, list[tuple[int, str, int, int]]]]:
    """Yield jobs of one queue, each with its first startable transfers: number, target, size, attempts."""
    limit = query.limit + (MAX_BATCHES * BATCH_FILES if direction in query.batches else 0)
    for job in _jobs_round_robin(connection, (direction, executor), query):
        transfers = connection.execute(
            "SELECT id, target, size, attempts FROM transfer WHERE job = ? AND ready <= 1 ORDER BY ready, id LIMIT ?",
            (job, limit),
        ).fetchall()
        if transfers:
            yield job, transfers
        else:
            connection.execute("UPDATE job SET has_ready = 0 WHERE id = ?", (job,))


def _jobs_round_robin(
    connection: sqlite3.Connection, queue: tuple[Direction, str], query: SchedulingQuery
) -> Iterator[int]:
    """Yield jobs that may have work: class by class, in each those after the last one first."""
    rank = (_HIGHEST, 0)
    while row := connection.execute(_NEXT_CLASS, (*queue, *rank)).fetchone():
        rank = row
        for first, last in ((query.last_job, _LAST), (0, query.last_job)):
            while page := connection.execute(_IN_CLASS, (*queue, *rank, first, last, _PAGE)).fetchall():
                yield from (job for (job,) in page if job not in query.full)
                first = page[-1][0]


def _candidate(job: Job, transfer: int, target: str, size: int, attempts: int, *, batches: bool) -> Candidate:
    spec = job.spec
    return Candidate(
        transfer=transfer,
        job=job.id,
        priority=spec.priority,
        parallel=spec.parallel,
        target=target_key(spec, target),
        direction=spec.direction,
        size=size,
        interactive=spec.interactive,
        small=batches and 0 < size < SMALL_FILE and not attempts,
    )


def jobs_with_ready_files(connection: sqlite3.Connection, now: float) -> dict[int, int]:
    """Return at most `_PAGE` jobs with files that may start: number to priority, the highest first."""
    found = connection.execute(
        f"SELECT id, priority FROM job WHERE {_HAS_WORK} AND EXISTS (SELECT 1 FROM transfer"
        f" WHERE job = job.id AND ready <= ?) ORDER BY priority DESC, interactive DESC, id LIMIT {_PAGE}",
        (now,),
    )
    return dict(found.fetchall())


def make_ready(connection: sqlite3.Connection, latest: float) -> int:
    """Make transfers ready that would wait until after `latest`; return how many."""
    return connection.execute("UPDATE transfer SET ready = 1 WHERE ready > 1 AND ready > ?", (latest,)).rowcount


def end_waits(connection: sqlite3.Connection, se: str, most: int) -> int:
    """Make at most `most` transfers ready whose reason to wait names a storage element; return how many."""
    waiting = "SELECT id FROM transfer WHERE ready > 1 AND instr(reason, ?) ORDER BY ready LIMIT ?"
    return connection.execute(f"UPDATE transfer SET ready = 1 WHERE id IN ({waiting})", (se, most)).rowcount


def _make_due_ready(connection: sqlite3.Connection, now: float) -> None:
    """Make waiting transfers ready whose pause is over, each once; at most `_MAX_DUE`."""
    due = f"SELECT id FROM transfer WHERE ready > 1 AND ready <= ? ORDER BY ready LIMIT {_MAX_DUE}"
    connection.execute(f"UPDATE transfer SET ready = 1 WHERE id IN ({due})", (now,))


def _next_ready(connection: sqlite3.Connection) -> float | None:
    """Return the POSIX second at which the pause of the next waiting transfer is over; None: none waits."""
    row = connection.execute("SELECT ready FROM transfer WHERE ready > 1 ORDER BY ready LIMIT 1").fetchone()
    return row[0] if row else None
