"""Runs the attempts at transfers; the only place where the state of a transfer changes.

Each change is: event -> `step` -> save -> effects. The guard around each attempt catches every exception: an unexpected
one is logged with its traceback and fails that transfer only. The database decides; memory holds only what runs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import assert_never

from aliend.core.cli.executor import LOCAL
from aliend.core.cli.log_records import facts
from aliend.core.connection.context import Context
from aliend.core.transfers.attempt_progress import AttemptProgress
from aliend.core.transfers.effects import ChangeOwner, CleanUp, Effect, HoldJob, StartCopy, StopCopy
from aliend.core.transfers.error_mapping import failure_event
from aliend.core.transfers.job import Direction, Hold, Job, JobSpec
from aliend.core.transfers.scheduler import Candidate
from aliend.core.transfers.transfer import (
    Cancelled,
    Done,
    Event,
    Failed,
    IntentSaved,
    Interrupted,
    NoIntent,
    Phase,
    State,
    Transfer,
    is_unfinished,
)
from aliend.engine.admission.recovery_monitor import RecoveryMonitor
from aliend.engine.admission.running_attempts import RunningAttempt, RunningAttempts
from aliend.engine.admission.storage_limiter import StorageElementLimiter
from aliend.engine.admission.throughput_monitor import ThroughputMonitor
from aliend.engine.attempts.archive_tickets import ArchiveTickets
from aliend.engine.attempts.attempt import Attempt, AttemptTools
from aliend.engine.attempts.attempt_log import facts_of, log_end
from aliend.engine.attempts.download import download
from aliend.engine.attempts.grid_copy import grid_copy
from aliend.engine.attempts.replacement import needs_undo, undo
from aliend.engine.attempts.replicate import replicate
from aliend.engine.attempts.stat_batcher import StatBatcher
from aliend.engine.attempts.upload import upload
from aliend.engine.held_jobs import HeldJobs
from aliend.engine.partial_files import KeptPartialFiles
from aliend.engine.ports import EngineContext
from aliend.engine.relay_spool import spool_of
from aliend.errors import AliendError, CopyError, NoRoom, Obstacle, StoreError
from aliend.storage.tasks import TaskOptions
from aliend.store import BATCH, ChangeResult, TransferChange

log = logging.getLogger(__name__)

Work = Callable[[Attempt], Awaitable[Event]]
"""What an attempt does, or what is left of it; returns the event that ended it, or raises an error."""
_BY_DIRECTION: dict[Direction, Work] = {
    "download": download,
    "upload": upload,
    "copy": grid_copy,
}
_STORE_RETRY = 5.0
"""Seconds before the database is tried again after an error."""


class AttemptRunner:
    """Runs attempts in the engine's task group; `limiter` and `running` belong to the engine."""

    def __init__(
        self,
        context: EngineContext,
        limiter: StorageElementLimiter,
        running: RunningAttempts,
        held_jobs: HeldJobs,
        partial_files: KeptPartialFiles,
    ) -> None:
        self._context = context
        self._store = context.store
        self._limiter = limiter
        self._running = running
        self._held_jobs = held_jobs
        self._monitor = ThroughputMonitor(limiter, running.progress_by_transfer, context.workers, context.clock)
        self._recovery = RecoveryMonitor(context, limiter)
        self._monitoring: asyncio.Task[None] | None = None
        self.keep_free = -1
        self._partial_files = partial_files
        self._cleaning: set[asyncio.Task[None]] = set()
        self._spool = spool_of(context.store)
        self._stats: dict[Context, StatBatcher] = {}
        self._tickets: dict[Context, ArchiveTickets] = {}

    def start(self, candidate: Candidate, result: ChangeResult) -> None:
        """Run the attempt that the scheduler has started."""
        if running := self.register(candidate, result):
            self.run_alone(running)

    def register(self, candidate: Candidate, result: ChangeResult) -> RunningAttempt | None:
        """Create the attempt at a candidate, which does not run yet; None: the database did not start it."""
        if not any(isinstance(effect, StartCopy) for effect in result.effects):
            return None
        (transfer,) = result.transfers
        known = facts(job=transfer.job, transfer=transfer.id, attempt=transfer.attempts)
        log.info("started: %s to %s", transfer.source, transfer.target, extra=known)

        statistics, direction = self._running.statistics, result.job.spec.direction
        if transfer.attempts == 1:
            statistics.record_start(direction, self._context.clock() - result.job.created_ms / 1000)

        def on_bytes(moved: int) -> None:
            self._running.rates.add_bytes(running.job.id, moved)
            statistics.record_bytes(direction, moved)

        progress = AttemptProgress(transfer, self._context.clock, self._context.wake, on_bytes)
        running = RunningAttempt(transfer, result.job, candidate.target, progress, batch=candidate.batch)
        self._running.by_transfer[transfer.id] = running
        if self._monitoring is None or self._monitoring.done():
            self._monitoring = self._context.tasks.create_task(self._monitor.run())
        return running

    def run_alone(self, running: RunningAttempt, work: Work | None = None) -> None:
        """Run a registered attempt in its own task, outside any batch; `work` is the rest of it (None: all)."""
        running.batch = 0
        running.task = self._context.tasks.create_task(self._run(running, work))

    def forget_lookups(self, job: int) -> None:
        """Forget what was looked up in advance for a job: the user tries again after a pause."""
        for stats in self._stats.values():
            stats.forget(job)

    async def undo_ended(self, ended: Sequence[Transfer]) -> None:
        """Undo the changes of transfers in the catalogue that ended with an earlier daemon. Raises StoreError."""
        await self.clean_up_ended(list(filter(needs_undo, ended)))

    async def clean_up_ended(self, ended: Sequence[Transfer]) -> None:
        """Clean up after transfers that ended before. Raises StoreError."""
        for transfer in ended:
            self._clean_up_ended(transfer, await self._store.job(transfer.job))

    def _clean_up_ended(self, transfer: Transfer, job: Job) -> None:
        if transfer.id not in self._running.by_transfer:
            progress = AttemptProgress(transfer, self._context.clock)
            running = RunningAttempt(transfer, job, transfer.target, progress, is_stopped=True)
            self._running.by_transfer[transfer.id] = running
            running.task = self._context.tasks.create_task(self.finish(running))

    async def wait_stopped(self, jobs: Collection[int], limit: float) -> None:
        """Wait until cancelled copies of these jobs have stopped and are cleaned up; at most `limit` seconds."""
        stopping = {one.task for one in self._running.by_transfer.values() if one.is_stopped and one.job.id in jobs}
        if tasks := self._cleaning | {task for task in stopping if task}:
            await asyncio.wait(tasks, timeout=limit)

    async def close(self) -> None:
        """Stop all catalogue requests."""
        for stats in self._stats.values():
            await stats.close()

    async def perform(self, effects: tuple[Effect, ...]) -> None:
        """Perform the effects of a state change; safe to repeat. `register` starts copies."""
        given_up: list[int] = []
        for effect in effects:
            match effect:
                case StopCopy(number):
                    self._stop(number)
                case HoldJob(job, reason, obstacle):
                    await self._hold(job, reason, obstacle or Obstacle("other", "/"))
                case CleanUp(number):
                    given_up.append(number)
                case ChangeOwner(number, job):
                    await self._change_owner(number, job)
                case StartCopy():
                    continue
                case _:
                    assert_never(effect)
        if given_up:
            cleaning = self._context.tasks.create_task(self._clean_up_all(given_up))
            self._cleaning.add(cleaning)
            cleaning.add_done_callback(self._cleaning.discard)

    def _stop(self, number: int) -> None:
        running = self._running.by_transfer.get(number)
        if running and running.task and not running.is_stopped:
            running.is_stopped = True
            if not running.batch or self._running.is_batch_stopped(running.batch):
                running.task.cancel()

    async def _change_owner(self, number: int, job: int) -> None:
        """Continue the running attempt for another job."""
        if running := self._running.by_transfer.get(number):
            running.job = await self._store.job(job)
            running.transfer = replace(running.transfer, job=job)
            self._context.workers.bandwidth.reassign(number, job, running.job.spec.rate)

    async def _hold(self, job: int, reason: str, obstacle: Obstacle) -> None:
        """Put the job on hold and queue its running copies again: they would meet the same obstacle."""
        log.warning("on hold: %s", reason, extra=facts(job=job, reason=reason))
        try:
            result = await self._store.change_many(job, [Phase.RUNNING], Interrupted(), Hold(reason, obstacle))
            self._held_jobs.schedule_check()
            await self.perform(result.effects)
        except StoreError as error:
            log.error("cannot put the job on hold: %s", error, extra=facts(job=job))

    async def _run(self, running: RunningAttempt, work: Work | None = None) -> None:
        try:
            await self._attempt(running, work)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not running.is_stopped or task is None:
                raise
            task.uncancel()
            await self.record_stopped([running])
        finally:
            running.is_stopped = True
            await self.finish(running)

    async def record_stopped(self, stopped: Sequence[RunningAttempt]) -> None:
        """Record attempts that were stopped."""
        if not stopped:
            return
        records = [each.progress.records(None) for each in stopped]
        for each, known in zip(stopped, records, strict=True):
            log.info("stopped: %s", each.transfer.source, extra=facts_of(each, known, "stopped"))
            self._count(each, None, None)
        try:
            await self._store.record_attempts([one for each in records for one in each])
        except StoreError as error:
            log.warning("cannot record the attempts that were stopped: %s", error)

    async def finish(self, running: RunningAttempt) -> None:
        """Clean up unless the daemon is stopping, and free the slot in any case."""
        task = asyncio.current_task()
        try:
            if running.needs_cleanup and (task is None or not task.cancelling()):
                await self._clean_up(running.transfer.id, running.job)
        finally:
            del self._running.by_transfer[running.transfer.id]
            self._limiter.notify_waiters()  # the slot is free only now
            self._context.wake()

    async def _attempt(self, running: RunningAttempt, work: Work | None) -> None:
        """Run the attempt, and save its event."""
        await self.record_ended([(running, await self._run_guarded(running, work))])

    async def record_ended(self, ended: Sequence[tuple[RunningAttempt, Event]]) -> None:
        """Save the events that ended attempts as soon as the database can be written, and perform their effects."""
        if not ended:
            return
        changes = [TransferChange(one.transfer.id, event, one.progress.records(event)) for one, event in ended]
        while True:
            try:
                results = await self._store.change_each(changes)
                break
            except StoreError as error:
                log.error("%d transfers: cannot save %s ...: %s", len(ended), ended[0][1], error)
                await asyncio.sleep(_STORE_RETRY)
        effects: dict[object, Effect] = {}
        for change, (running, _), result in zip(changes, ended, results, strict=True):
            state = result.transfers[0].state
            log_end(running, change, state)
            self._count(running, change.event, state)
            if isinstance(state, Done):
                running.needs_cleanup = False
                self._running.rates.add_file(running.job.id)
                self._held_jobs.reset_backoff(running.job.id)
            running.is_stopped = True
            if running.full_se:
                self._limiter.record_returned(running.full_se)
            for effect in result.effects:  # files of a batch meet the same obstacle: it holds their job once
                effects.setdefault(effect.job if isinstance(effect, HoldJob) else effect, effect)
        await self.perform(tuple(effects.values()))

    def _count(self, running: RunningAttempt, event: Event | None, state: State | None) -> None:
        slot_wait = running.progress.slot_wait
        self._running.statistics.record_end(running.job.spec.direction, event, state, slot_wait)

    async def _run_guarded(self, running: RunningAttempt, work: Work | None) -> Event:
        """Run the attempt; return its event, whatever happens."""
        self.expect_commands(running)
        attempt = self.attempt_of(running)
        copy = work or _work_of(attempt.spec)
        try:
            async with self._context.workers.reserve_slot(self.task_options(running), attempt.progress.wait_for_worker):
                attempt.progress.use_worker()
                return await copy(attempt)
        except Exception as error:  # noqa: BLE001 - the guard: `failure` logs what is unexpected
            return self.failure(running, error)

    def failure(self, running: RunningAttempt, error: Exception) -> Event:
        """Return the event of an attempt that failed; log an error that is not ours with its traceback."""
        if not isinstance(error, AliendError):
            known = facts(job=running.job.id, transfer=running.transfer.id)
            log.error("internal error", exc_info=error, extra=known)
            return failure_event(error, self._context.random())
        if isinstance(error, NoRoom):
            running.full_se = error.se
        if isinstance(error, CopyError) and error.kind == "resting" and running.progress.has_tried:
            error.kind = "storage"  # this attempt counts, although it ends with a wait
        return failure_event(error, self._context.random(), running.job.spec.retries)

    def expect_commands(self, running: RunningAttempt) -> None:
        """Announce to the central service's session how much work there is."""
        self._context.catalogue_of(running.job.spec.context).expect_commands(self._running.expected_commands())

    def attempt_of(self, running: RunningAttempt) -> Attempt:
        """Return the attempt with the tools that it may use."""
        return Attempt(running.transfer, running.job.spec, running.progress, self._tools(running))

    def _tools(self, running: RunningAttempt) -> AttemptTools:
        context = running.job.spec.context
        catalogue = self._context.catalogue_of(context)
        if context not in self._stats:
            self._stats[context] = StatBatcher(catalogue, self._running.unverified_uploads)
            self._tickets[context] = ArchiveTickets(catalogue, self._context.clock)
        return AttemptTools(
            catalogue=catalogue,
            workers=self._context.workers.with_options(self.task_options(running)),
            running=self._running,
            limiter=self._limiter,
            stats=self._stats[context],
            tickets=self._tickets[context],
            spool=self._spool,
            store=self._store,
            keep_free=self.keep_free,
        )

    def task_options(self, running: RunningAttempt) -> TaskOptions:
        """Return the options of an attempt's copies. Copies within the grid, and what they relay, need no cluster."""
        spec = running.job.spec

        def on_source_change(se: str) -> None:
            self._limiter.switch_to(running.transfer.id, se)
            running.progress.enter_stage(running.progress.stage, {se})

        return TaskOptions(
            job=running.job.id,
            rate=spec.rate,
            settings=spec.settings,
            on_source_change=on_source_change,
            on_failure=self._limiter.record_failure,
            attempt=running.transfer.attempts,
            executor=LOCAL if spec.direction == "copy" else spec.executor,
        )

    async def check_elements(self) -> None:
        """Make files ready that wait for storage elements with room; watch those that back off. Raises StoreError."""
        self._recovery.watch()
        for se, files in self._limiter.take_rooms().items():
            while files and (found := await self._store.end_waits(se, min(files, BATCH))):
                files -= found

    async def _clean_up_all(self, numbers: Sequence[int]) -> None:
        """Clean up after transfers that were given up while they waited, one after the other."""
        for number in numbers:
            try:
                job = await self._store.job((await self._store.transfer(number)).job)
            except StoreError as error:
                log.warning("cannot clean up: %s", error, extra=facts(transfer=number))
                continue
            await self._clean_up(number, job)

    async def _is_given_up(self, number: int) -> bool:
        return isinstance((await self._store.transfer(number)).state, Failed | Cancelled)

    async def _clean_up(self, number: int, job: Job) -> None:
        """Remove what a transfer that was given up left behind; the next daemon repeats what fails now."""
        try:
            transfer = await self._store.transfer(number)
            if job.spec.direction == "copy" and not is_unfinished(transfer.state):
                await asyncio.to_thread(self._spool.clear, number)
            if not isinstance(transfer.state, Failed | Cancelled):
                return
            if job.spec.direction == "download":
                await self._partial_files.release(transfer, job)
            elif needs_undo(transfer):
                catalogue = self._context.catalogue_of(job.spec.context)
                await undo(catalogue, transfer.target, transfer.intent, lambda: self._is_given_up(number))
                await self._store.change(number, IntentSaved(NoIntent()))
        except AliendError as error:
            log.warning("cannot clean up everything: %s", error, extra=facts(job=job.id, transfer=number))
        except Exception:
            log.exception("internal error while cleaning up", extra=facts(job=job.id, transfer=number))


def _work_of(spec: JobSpec) -> Work:
    return replicate if spec.purpose in ("replicate", "mirror") else _BY_DIRECTION[spec.direction]
