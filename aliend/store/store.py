"""The store: everything that must survive, as typed operations. What a change means is decided in `core`."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aliend.core.transfers import job as jobs_core
from aliend.core.transfers.attempt_record import AttemptRecord
from aliend.core.transfers.effects import ChangeOwner, Effect
from aliend.core.transfers.job import EVERY_JOB, Job, JobEvent, JobFilter, JobSpec, JobState
from aliend.core.transfers.scheduler import Candidate, RoundRobin
from aliend.core.transfers.transfer import (
    Cancel,
    Event,
    Phase,
    Started,
    Transfer,
    after_restart,
    is_unfinished,
    step,
)
from aliend.errors import StoreError
from aliend.store import batch_changes, changes, damage, deduplication, scheduling_queries
from aliend.store.batch_changes import TransferChange
from aliend.store.changes import ChangedRows
from aliend.store.database import Database, Transaction
from aliend.store.pruning import History
from aliend.store.rows import attempts as attempt_rows
from aliend.store.rows import transfers
from aliend.store.rows.codec import in_states
from aliend.store.rows.deletions import Deletions
from aliend.store.rows.incomplete_files import IncompleteFiles
from aliend.store.rows.jobs import JobRows, Requests, jobs_where
from aliend.store.rows.partial_files import PartialFiles
from aliend.store.rows.queue_counts import queue_counts
from aliend.store.rows.sessions import Identities, Sessions
from aliend.store.rows.transfers import NewTransfer, WaitingCause

BATCH = 1000
"""Rows changed in one transaction."""


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """The result of an event: the changed transfers as they are now, the effects, and their job."""

    transfers: tuple[Transfer, ...]
    effects: tuple[Effect, ...]
    job: Job


StartResult = tuple[scheduling_queries.SchedulingResult, list[tuple[Candidate, ChangeResult]], RoundRobin]


class Store:
    """The daemon's database at `path`; an async context manager. Every method raises StoreError.

    `clock` returns POSIX seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._database = Database(path, clock)
        self._path = path
        self.directory = path.parent
        self._clock = clock
        self._rows = JobRows()
        self.sessions = Sessions(self._database, clock)
        self.deletions = Deletions(self._database)
        self.incomplete = IncompleteFiles(self._database)
        self.partial_files = PartialFiles(self._database)
        self.identities = Identities(self._database)
        self.history = History(self._database)
        requests = Requests(self._database)
        self.requested_job, self.record_request = requests.job_of, requests.record
        self.queue_counts = partial(queue_counts, self._database)
        self.forget_loss = self._database.forget_loss
        self.watch = self._database.watch
        self.unwatch = self._database.unwatch

    async def __aenter__(self) -> Store:
        await self._database.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def loss(self) -> str:
        """Return the message about a database that was damaged or removed, until `forget_loss`; empty if none."""
        return self._database.loss

    @property
    def problem(self) -> StoreError | None:
        """Return why the database could not be opened; None once it is open."""
        return self._database.problem

    def warnings(self) -> list[str]:
        """Return warnings about the database."""
        kept = damage.kept_aside(self._path)
        lost = f"a damaged database is kept as {kept[-1]}; remove it when you no longer need it" if kept else ""
        return [text for text in (str(self.problem or ""), self.loss.replace("\n", " "), lost) if text]

    async def close(self) -> None:
        """Finish queued calls and close the file."""
        await self._database.close()

    async def submit(self, spec: JobSpec, request_id: str) -> Job:
        """Store a job; a repeated `request_id` returns the job it created."""
        now_ms = self._now_ms()
        return await self._database.write(lambda at: self._rows.insert(at, spec, request_id, now_ms))

    async def job_of_request(self, request_id: str) -> Job | None:
        """Return the job that a request id created; None: none."""
        found = await self._database.read(lambda at: self._rows.select(at, "WHERE request_id = ?", (request_id,)))
        return found[0] if found else None

    async def job(self, number: int) -> Job:
        """Return one job. Raises NoSuchJob."""
        return await self._database.read(lambda connection: self._rows.load(connection, number))

    async def jobs(
        self, page_size: int, before_id: int, *, active_only: bool, matching: JobFilter = EVERY_JOB
    ) -> list[Job]:
        """Return jobs below number `before_id` (0: from the newest), the newest first."""
        where, values = jobs_where(matching, active_only=active_only)
        where = f"WHERE (id < ? OR ? = 0) AND {where} ORDER BY id DESC LIMIT ?"
        return await self._database.read(
            lambda at: self._rows.select(at, where, (before_id, before_id, *values, page_size))
        )

    async def transfer(self, number: int) -> Transfer:
        """Return one transfer, which must exist."""
        return await self._database.read(lambda at: transfers.select(at, "WHERE id = ?", (number,))[0])

    async def find_transfer(self, number: int) -> Transfer | None:
        """Return one transfer, if it exists."""
        rows = await self._database.read(lambda at: transfers.select(at, "WHERE id = ?", (number,)))
        return rows[0] if rows else None

    async def transfers(
        self, job: int, page_size: int, after_id: int, phases: Collection[Phase] = ()
    ) -> list[Transfer]:
        """Return transfers of a job above number `after_id` in order; only those in `phases`, if any are named."""
        clause = f" AND {in_states(*phases)}" if phases else ""
        where = f"WHERE job = ? AND id > ?{clause} ORDER BY id LIMIT ?"
        return await self._database.read(lambda at: transfers.select(at, where, (job, after_id, page_size)))

    async def next_transfers(self, job: int, after_id: int, limit: int) -> list[Transfer]:
        """Return transfers of a job above number `after_id` that are queued or running, in order."""
        return await self.transfers(job, limit, after_id, (Phase.QUEUED, Phase.RUNNING))

    async def change_job(self, number: int, event: JobEvent) -> Job:
        """Apply an event to a job. Raises NoSuchJob."""
        now_ms = self._now_ms()

        def write(transaction: Transaction) -> Job:
            job = self._rows.load(transaction.connection, number)
            return self._rows.save(transaction, job, jobs_core.step(job, event), now_ms)

        return await self._database.write(write)

    async def change_spec(self, number: int, change: Callable[[JobSpec], JobSpec]) -> Job:
        """Change the specification of a job that has not ended. Raises NoSuchJob."""
        return await self._database.write(lambda at: self._rows.change_spec(at, number, change))

    async def change(self, number: int, event: Event, records: Sequence[AttemptRecord] = ()) -> ChangeResult:
        """Apply an event to one transfer, and save the records of its attempt."""
        return await self._change_where("WHERE id = ?", (number,), event, records=records)

    async def change_each(self, changes: Sequence[TransferChange]) -> list[ChangeResult]:
        """Apply an event of an attempt to each of some transfers in one transaction; return the results in order."""
        now = self._clock()

        return await self._database.write(lambda at: self._apply(at, changes, now))

    def _apply(self, transaction: Transaction, changes: Sequence[TransferChange], now: float) -> list[ChangeResult]:
        after = batch_changes.apply(transaction, self._rows, changes, now)
        return [ChangeResult((row,), effects, job) for row, effects, job in after]

    async def record_attempts(self, records: Sequence[AttemptRecord]) -> None:
        """Save records of attempts."""
        await self._database.write(lambda at: attempt_rows.insert(at.connection, records), durable=False)

    async def attempts(self, transfers: Sequence[int]) -> list[AttemptRecord]:
        """Return the records of these transfers (at most `BATCH`), by transfer, the oldest first."""
        return await self._database.read(lambda at: attempt_rows.select(at, transfers))

    async def change_many(
        self, job: int, phases: Sequence[Phase], event: Event, also: JobEvent, after_id: int = 0
    ) -> ChangeResult:
        """Apply `also` to the job and `event` to at most `BATCH` of its transfers in `phases` above `after_id`."""
        where = f"WHERE job = ? AND id > ? AND {in_states(*phases)} ORDER BY id LIMIT {BATCH}"
        return await self._change_where(where, (job, after_id), event, job, also)

    async def move_leaders(self, number: int) -> tuple[Effect, ...]:
        """Move at most `BATCH` transfers of a paused job to other jobs that share them; these continue the copies."""
        now_ms = self._now_ms()

        def write(transaction: Transaction) -> tuple[Effect, ...]:
            job = before = self._rows.load(transaction.connection, number)
            effects: list[Effect] = []
            for leader in deduplication.leaders(transaction.connection, number, BATCH):
                if successor := deduplication.successor_of(transaction.connection, self._rows, leader):
                    job = deduplication.move_leader(
                        transaction, self._rows, job, (leader, successor), now_ms, keep=True
                    )
                    effects.append(ChangeOwner(leader.id, successor.job))
            self._rows.save(transaction, before, job, now_ms)
            return tuple(effects)

        return await self._database.write(write)

    async def joined_counts(self, transfers: Sequence[int]) -> dict[int, int]:
        """Return by transfer the number of other jobs' transfers that share its result, where it is not 0."""
        return await self._database.read(lambda at: deduplication.joined_counts(at, transfers))

    async def add(self, job: int, files: Sequence[NewTransfer], event: JobEvent | None = None) -> Job:
        """Add files to a job (existing ones are left unchanged), and apply an event to it.

        A job that was cancelled or has ended stays unchanged.
        """
        now_ms = self._now_ms()

        def write(transaction: Transaction) -> Job:
            before = self._rows.load(transaction.connection, job)
            if before.ended_ms or before.state is JobState.CANCELLED:
                return before
            after, added = transfers.insert(transaction, before, files)
            after = deduplication.join(transaction, self._rows, after, added, now_ms)
            return self._rows.save(transaction, before, jobs_core.step(after, event) if event else after, now_ms)

        return await self._database.write(write)

    async def start(
        self,
        query: scheduling_queries.SchedulingQuery,
        choose: Callable[[Sequence[Candidate]], tuple[Sequence[Candidate], RoundRobin]],
    ) -> StartResult:
        """Start the transfers that `choose` selects; return what may start, the results, and the round-robin state.

        `choose` is called in the database's thread. If a crash of the machine loses a start, the transfer is still
        queued, which is right.
        """
        now = self._clock()

        def write(transaction: Transaction) -> StartResult:
            connection = transaction.connection
            result = scheduling_queries.schedulable(connection, self._rows, query)
            selected, turns = choose(result.candidates)
            changes = [TransferChange(candidate.transfer, Started()) for candidate in selected]
            started = self._apply(transaction, changes, now)
            return result, list(zip(selected, started, strict=True)), turns

        return await self._database.write(write, durable=False)

    async def jobs_with_ready_files(self, now: float) -> dict[int, int]:
        """Return the first jobs with files that may start: number to priority, the highest first."""
        return await self._database.read(lambda at: scheduling_queries.jobs_with_ready_files(at, now))

    async def waiting_causes(self, job: int) -> list[WaitingCause]:
        """Return why files of a job wait for their next attempt, the most frequent causes first."""
        return await self._database.read(lambda at: transfers.waiting_causes(at, job))

    async def last_failures(self, transfers: Sequence[int]) -> dict[int, AttemptRecord]:
        """Return the newest failed attempt of each of these transfers that has one."""
        return await self._database.read(lambda at: attempt_rows.last_failures(at, transfers))

    async def limits(self) -> dict[str, int | str]:
        """Return the limits that the user has set."""
        sql = "SELECT value FROM meta WHERE key = 'limits'"
        row = await self._database.read(lambda at: at.execute(sql).fetchone())
        return dict(json.loads(row[0])) if row else {}

    async def save_limits(self, limits: Mapping[str, int | str]) -> None:
        """Save the limits for this daemon and the next ones."""
        sql = "INSERT OR REPLACE INTO meta VALUES ('limits', ?)"
        await self._database.write(lambda at: at.connection.execute(sql, (json.dumps(limits),)) and None)

    async def make_ready(self, latest: float) -> int:
        """Make transfers ready that would wait until after `latest`; return how many."""
        return await self._database.write(lambda at: scheduling_queries.make_ready(at.connection, latest))

    async def end_waits(self, se: str, most: int) -> int:
        """Make at most `most` transfers ready that wait for a storage element; return how many."""
        return await self._database.write(lambda at: scheduling_queries.end_waits(at.connection, se, most))

    async def recover(self) -> int:
        """Apply `after_restart` to all transfers that ran when the daemon ended; return how many."""
        now_ms = self._now_ms()

        def write(transaction: Transaction) -> int:
            rows = transfers.select(transaction.connection, f"WHERE {in_states(Phase.RUNNING)} LIMIT ?", (BATCH,))
            for row in rows:
                job = self._rows.load(transaction.connection, row.job)
                after = transfers.save(transaction, job, row, after_restart(row))
                attempt_rows.insert(transaction.connection, [attempt_rows.interrupted_record(row, now_ms)])
                self._rows.save(transaction, job, after, now_ms)
            return len(rows)

        total = 0
        while changed := await self._database.write(write):
            total += changed
        return total

    async def unfinished_intents(self, after_id: int = 0) -> list[Transfer]:
        """Return at most `BATCH` transfers above `after_id` that ended during a change of the catalogue."""
        where = f"WHERE intent <> '' AND {in_states(Phase.FAILED, Phase.CANCELLED)} AND id > ? ORDER BY id LIMIT ?"
        return await self._database.read(lambda at: transfers.select(at, where, (after_id, BATCH)))

    async def held_jobs(self) -> list[Job]:
        """Return at most 100 jobs that are on hold because of an obstacle on this machine."""
        where = f"WHERE ended_ms = 0 AND {in_states(JobState.PAUSED)} AND obstacle <> '' ORDER BY id LIMIT 100"
        return await self._database.read(lambda at: self._rows.select(at, where, ()))

    async def half_cancelled(self) -> list[Job]:
        """Return jobs whose cancellation was interrupted by the end of the daemon."""
        where = f"WHERE {in_states(JobState.CANCELLED)} AND ended_ms = 0"
        return await self._database.read(lambda at: self._rows.select(at, where, ()))

    async def position(self) -> tuple[str, int]:
        """Return the database's own name, and the revision of its last change."""

        def read(connection: sqlite3.Connection) -> tuple[str, int]:
            meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
            return meta["database"], int(meta["revision"])

        return await self._database.read(read)

    async def changes_since(self, job: int, revision: int, base: int = 0) -> ChangedRows:
        """Return the changes after `revision`, see `changes.changed_since`."""
        return await self._database.read(lambda at: changes.changed_since(at, self._rows, job, revision, base))

    async def _change_where(
        self,
        where: str,
        values: tuple[object, ...],
        event: Event,
        number: int | None = None,
        also: JobEvent | None = None,
        *,
        records: Sequence[AttemptRecord] = (),
    ) -> ChangeResult:
        now = self._clock()

        def write(transaction: Transaction) -> ChangeResult:
            rows = transfers.select(transaction.connection, where, values)
            before = self._rows.load(transaction.connection, rows[0].job if number is None else number)
            attempt_rows.insert(transaction.connection, records)
            return self._step(transaction, before, rows, event, now, also)

        return await self._database.write(write)

    def _step(
        self,
        transaction: Transaction,
        before: Job,
        rows: Sequence[Transfer],
        event: Event,
        now: float,
        also: JobEvent | None = None,
    ) -> ChangeResult:
        """Apply `also` to a job and `event` to these of its transfers, inside a transaction."""
        job = jobs_core.step(before, also) if also else before
        effects: list[Effect] = []
        after: list[Transfer] = []
        now_ms = int(now * 1000)
        followed = deduplication.joined_counts(transaction.connection, [row.id for row in rows])
        for row in rows:
            successor = (
                deduplication.successor_of(transaction.connection, self._rows, row)
                if isinstance(event, Cancel) and row.id in followed
                else None
            )
            if successor:
                job = deduplication.move_leader(transaction, self._rows, job, (row, successor), now_ms, keep=False)
                effects.append(ChangeOwner(row.id, successor.job))
                after.append(row)
                continue
            changed, row_effects = step(row, event, now)
            job = transfers.save(transaction, job, row, changed)
            if row.id in followed and is_unfinished(row.state) and not is_unfinished(changed.state):
                deduplication.propagate_result(transaction, self._rows, changed, now_ms)
            effects += row_effects
            after.append(changed)
        return ChangeResult(tuple(after), tuple(effects), self._rows.save(transaction, before, job, now_ms))

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)
