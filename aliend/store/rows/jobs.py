"""Rows of jobs: reading and saving them inside a transaction. Decoded specifications are cached."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from aliend.core.transfers.job import Checkpoint, Counters, Job, JobFilter, JobSpec, JobState, ended_if_finished
from aliend.errors import NoSuchJob
from aliend.store.database import Database, Transaction
from aliend.store.rows import events
from aliend.store.rows.codec import JOB_COLUMNS, in_states, job_of, obstacle_to_text, spec_of, spec_to_text

_REMEMBERED = 256
"""Specifications kept decoded; one may name thousands of sources."""


class JobRows:
    """The table of jobs; used only in the database's thread."""

    def __init__(self) -> None:
        self._specs: OrderedDict[int, JobSpec] = OrderedDict()

    def load(self, connection: sqlite3.Connection, number: int) -> Job:
        """Return one job. Raises NoSuchJob."""
        jobs = self.select(connection, "WHERE id = ?", (number,))
        if not jobs:
            raise NoSuchJob(f"no transfer job {number}; list all jobs with `alienctl transfers list --all`")
        return jobs[0]

    def select(self, connection: sqlite3.Connection, where: str, values: tuple[object, ...]) -> list[Job]:
        """Return the jobs that a clause (WHERE, ORDER BY, LIMIT) selects."""
        rows = connection.execute(f"SELECT {JOB_COLUMNS} FROM job {where}", values).fetchall()
        return [job_of(row, self._spec(connection, row[0])) for row in rows]

    def insert(self, transaction: Transaction, spec: JobSpec, request_id: str, now_ms: int) -> Job:
        """Return the job of a request: the existing one, or a new one."""
        connection = transaction.connection
        row = connection.execute("SELECT id FROM job WHERE request_id = ?", (request_id,)).fetchone()
        if row is None:
            cursor = connection.execute(
                "INSERT INTO job (request_id, spec, state, priority, sources_seen, target_kind, queued, running,"
                " waiting, done, failed, cancelled, bytes_done, bytes_total, message, created_ms, ended_ms, revision,"
                " direction, interactive, executor)"
                " VALUES (?, ?, ?, ?, 0, ?, 0, 0, 0, 0, 0, 0, 0, 0, '', ?, 0, ?, ?, ?, ?)",
                (
                    request_id,
                    spec_to_text(spec),
                    JobState.EXPANDING.value,
                    spec.priority,
                    Checkpoint().target,
                    now_ms,
                    transaction.next_revision(),
                    spec.direction,
                    spec.interactive,
                    spec.executor,
                ),
            )
            number = cursor.lastrowid or 0
            self._specs.pop(number, None)  # a job whose transaction failed had the same number
            job = self.load(connection, number)
            events.insert_job_event(transaction, None, job)
            return job
        return self.load(connection, row[0])

    def save(self, transaction: Transaction, before: Job, after: Job, now_ms: int) -> Job:
        """Save what changed, after checking whether the job has ended; return the saved job."""
        after = ended_if_finished(after, now_ms)
        if after == before:
            return before
        after = replace(after, revision=transaction.next_revision())
        transaction.connection.execute(
            "UPDATE job SET state = ?, sources_seen = ?, target_kind = ?, queued = ?, running = ?, waiting = ?,"
            " done = ?, failed = ?, cancelled = ?, bytes_done = ?, bytes_total = ?, message = ?, ended_ms = ?,"
            " revision = ?, obstacle = ? WHERE id = ?",
            (
                after.state.value,
                after.checkpoint.sources,
                after.checkpoint.target,
                *_counts(after.files),
                after.bytes_done,
                after.bytes_total,
                after.message,
                after.ended_ms,
                after.revision,
                obstacle_to_text(after.obstacle),
                after.id,
            ),
        )
        events.insert_job_event(transaction, before, after)
        return after

    def change_spec(self, transaction: Transaction, number: int, change: Callable[[JobSpec], JobSpec]) -> Job:
        """Save a changed specification. Raises NoSuchJob."""
        job = self.load(transaction.connection, number)
        spec = change(job.spec)
        transaction.connection.execute(
            "UPDATE job SET spec = ?, priority = ?, revision = ? WHERE id = ?",
            (spec_to_text(spec), spec.priority, transaction.next_revision(), number),
        )
        self._specs.pop(number, None)
        return self.load(transaction.connection, number)

    def _spec(self, connection: sqlite3.Connection, number: int) -> JobSpec:
        if number not in self._specs:
            (text,) = connection.execute("SELECT spec FROM job WHERE id = ?", (number,)).fetchone()
            self._specs[number] = spec_of(text)
            if len(self._specs) > _REMEMBERED:
                self._specs.popitem(last=False)
        self._specs.move_to_end(number)
        return self._specs[number]


class Requests:
    """Changes of jobs by the id of the request, so that each is made once. Both methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def job_of(self, request_id: str) -> int:
        """Return the job that was changed with this id before; 0: none was."""
        sql = "SELECT job FROM request WHERE id = ?"
        return await self._database.read(lambda at: (at.execute(sql, (request_id,)).fetchone() or (0,))[0])

    async def record(self, request_id: str, job: int) -> None:
        """Record that a change with this id was made."""
        sql = "INSERT OR IGNORE INTO request VALUES (?, ?)"
        await self._database.write(lambda at: at.connection.execute(sql, (request_id, job)) and None)


def jobs_where(matching: JobFilter, *, active_only: bool) -> tuple[str, tuple[object, ...]]:
    """Return the SQL condition for the jobs of a filter, and its values."""
    terms: list[str] = ["ended_ms = 0"] if active_only else []
    values: list[object] = []
    if matching.states:
        terms.append(in_states(*matching.states))
    if matching.label:
        terms.append("json_extract(spec, '$.label') = ?")
        values.append(matching.label)
    if matching.since_ms:
        terms.append("created_ms >= ?")
        values.append(matching.since_ms)
    return " AND ".join(terms) or "TRUE", tuple(values)


def _counts(files: Counters) -> tuple[int, ...]:
    return files.queued, files.running, files.waiting, files.done, files.failed, files.cancelled
