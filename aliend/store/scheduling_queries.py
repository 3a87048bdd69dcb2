"""Queries of the scheduler: which transfers may start, and when the next one may. Small batches only."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

from aliend.core.transfers.job import STARTABLE, Direction, Job, JobState
from aliend.core.transfers.scheduler import BATCH_FILES, MAX_BATCHES, SMALL_FILE, Candidate, target_key
from aliend.store.rows.codec import in_states
from aliend.store.rows.jobs import JobRows

_MAX_JOBS = 16
"""Jobs read at a time; more of them cannot start anything while at most as many files run."""

_STARTABLE = in_states(*STARTABLE)

_JOBS_WITH_WORK = f"""
SELECT id FROM job WHERE {_STARTABLE} AND id NOT IN (SELECT value FROM json_each(?))
AND direction NOT IN (SELECT value FROM json_each(?))
AND EXISTS (SELECT 1 FROM transfer WHERE job = job.id AND ready <= ?)
ORDER BY priority DESC, interactive DESC, id <= ?, id LIMIT {_MAX_JOBS}
"""


@dataclass(frozen=True, slots=True)
class SchedulingQuery:
    """The query for what may start at `now` (POSIX seconds), in turn after `last_job`.

    Jobs in `full` and directions in `closed` are left out; at most `limit` transfers of a job are returned, and
    more in the directions `batches`, in which small files start in batches. `expanding` and `deleting` are jobs whose
    work already runs; at most `expansions` more expansions may start.
    """

    now: float
    last_job: int = 0
    full: Collection[int] = ()
    closed: Collection[str] = ()
    limit: int = 0
    batches: Collection[Direction] = ()
    expanding: Collection[int] = ()
    expansions: int = 0
    deleting: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class SchedulingResult:
    """What may start now, and the POSIX second of the next waiting transfer (None: there is none)."""

    candidates: list[Candidate]
    expanding: list[Job]
    deleting: list[Job]
    next_ready: float | None


def schedulable(connection: sqlite3.Connection, rows: JobRows, query: SchedulingQuery) -> SchedulingResult:
    """Return all that the scheduler needs to know."""
    return SchedulingResult(
        candidates=_candidates(connection, rows, query) if query.limit else [],
        expanding=_expanding(connection, rows, query) if query.expansions > 0 else [],
        deleting=_deleting(connection, rows, query),
        next_ready=_next_ready(connection, query.now),
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
    values = (json.dumps(sorted(query.full)), json.dumps(sorted(query.closed)), query.now, query.last_job)
    for (number,) in connection.execute(_JOBS_WITH_WORK, values).fetchall():
        job = rows.load(connection, number)
        batches = job.spec.direction in query.batches and job.spec.allows_batches
        transfers = connection.execute(
            "SELECT id, target, size, attempts FROM transfer WHERE job = ? AND ready <= ? ORDER BY ready, id LIMIT ?",
            (number, query.now, query.limit + (MAX_BATCHES * BATCH_FILES if batches else 0)),
        )
        candidates += [_candidate(job, *row, batches=batches) for row in transfers.fetchall()]
    return candidates


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
    """Return at most `_MAX_JOBS` jobs with files that may start: number to priority, the highest first."""
    return dict(
        connection.execute(
            f"SELECT id, priority FROM job WHERE {_STARTABLE}"
            " AND EXISTS (SELECT 1 FROM transfer WHERE job = job.id AND ready <= ?)"
            f" ORDER BY priority DESC, interactive DESC, id LIMIT {_MAX_JOBS}",
            (now,),
        ).fetchall()
    )


def make_ready(connection: sqlite3.Connection, latest: float, now: float) -> int:
    """Make transfers ready that would wait until after `latest`; return how many."""
    return connection.execute("UPDATE transfer SET ready = ? WHERE ready > ?", (now, latest)).rowcount


def _next_ready(connection: sqlite3.Connection, now: float) -> float | None:
    """Return the POSIX second at which the next waiting transfer may start; None: there is none."""
    row = connection.execute(
        "SELECT min((SELECT min(ready) FROM transfer WHERE job = job.id AND ready > ?)) FROM job"
        f" WHERE {_STARTABLE} AND waiting > 0",
        (now,),
    ).fetchone()
    return row[0] if row else None
