"""The engine: runs durable transfers from submission to end, for services and commands."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from aliend.core.cli.log_records import facts
from aliend.core.transfers import backoff, limits
from aliend.core.transfers.attempt_record import KeptFiles
from aliend.core.transfers.bandwidth import Rates
from aliend.core.transfers.job import Cancel, Hold, JobEvent, JobSpec, Release, Retry, different_fields
from aliend.core.transfers.rate_schedule import schedule_text
from aliend.core.transfers.scheduler import Limits, Load, RoundRobin, choose_transfers, closed_directions
from aliend.core.transfers.transfer import UNFINISHED, Event, Interrupted, Phase
from aliend.core.transfers.transfer import Cancel as CancelTransfer
from aliend.core.transfers.transfer import Retry as RetryTransfer
from aliend.engine.expansion.job_tasks import MAX_RUNNING
from aliend.engine.held_jobs import HeldJobs
from aliend.engine.partial_files import KEEP_SECONDS, KeptPartialFiles
from aliend.engine.ports import CatalogueOf, EngineContext, WorkersPort
from aliend.engine.queries import Queries
from aliend.engine.relay_spool import remove_ended
from aliend.engine.views import JobView, LimitsInUse
from aliend.errors import NoSuchJob, RequestIdReused, StoreError, UsageError
from aliend.store import BATCH, SchedulingQuery, Store

if TYPE_CHECKING:
    from aliend.engine.expansion.sync_plan import SyncPlan
    from aliend.engine.runners import Runners

log = logging.getLogger(__name__)

_STORE_PAUSE = 5.0
"""Seconds before the database is tried again after it failed."""
_STOP_LIMIT = 2.5
"""Seconds that attempts get to stop when the daemon ends."""
_STOPPED_LIMIT = 2.0
"""Seconds to wait for cancelled copies to stop before their partial files are reported."""
_LONGEST_SLEEP = 3600.0
_SPARE = 8
"""Candidates read in addition to those that have a slot; a few may have a target that is being written."""
_CLOCK_TOLERANCE = 5.0
"""Seconds: a clock that went back by more was set back."""


class Engine(Queries):
    """Runs jobs while its `async with` lasts. Queries may be made as soon as the store is open.

    `catalogue_of` returns the catalogue of a context, `clock` POSIX seconds, `chance` a uniform number in [0, 1). Every
    method raises StoreError, and NoSuchJob if it takes the number of a job.
    """

    def __init__(
        self,
        store: Store,
        workers: WorkersPort,
        catalogue_of: CatalogueOf,
        clock: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._wake = asyncio.Event()
        super().__init__(store, workers, clock, self._wake.set)
        self._limits = self._configured = Limits()
        self._saved_limits: limits.SavedLimits = {}
        self._rates = Rates()
        self._round_robin = RoundRobin()
        self._held_jobs = HeldJobs(store, clock)
        self._tasks = asyncio.TaskGroup()
        self._context = EngineContext(store, workers, catalogue_of, clock, chance, self._wake.set, self._tasks)
        self._partial_files = KeptPartialFiles(self._context)
        self._runners: Runners | None = None
        """None until a job needs them."""
        self._keep_free = -1
        self._catalogue_of = catalogue_of
        self._is_store_ready = False
        self._main: asyncio.Task[None] | None = None
        self._clock_offset: float | None = None
        """Seconds that the clock was ahead of the monotonic one at the last check (None: not checked yet)."""

    async def __aenter__(self) -> Engine:
        with suppress(StoreError):  # `_run` tries again, and logs why
            if not self._store.problem:  # otherwise the database was waited for already
                await self._prepare_store()
        self._main = asyncio.create_task(self._run(), name="engine")
        self._main.add_done_callback(_report)
        await asyncio.sleep(0)  # lets `_run` enter the task group, in which all other tasks run
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop all copies within three seconds; everything unfinished is queued for the next start."""
        if self._main is None:
            return
        self._main.cancel()
        await asyncio.wait({self._main}, timeout=_STOP_LIMIT)
        if self._runners:
            await self._runners.attempts.close()
        with suppress(StoreError):
            await self._store.recover()

    async def _prepare_store(self) -> None:
        """Recover what the last daemon left; nothing starts before this has succeeded. Raises StoreError."""
        if self._is_store_ready:
            return
        if recovered := await self._store.recover():
            log.info("%d transfers were interrupted when the last daemon ended; they are queued again", recovered)
        self._saved_limits, self._is_store_ready = await self._store.limits(), True
        self._apply_limits()

    def set_limits(self, files: int = 8, files_per_se: int = 4, keep_free_mib: int = -1) -> None:
        """Set the configured limits: files at a time in all (at most MAX_LIMIT), and on one storage element.

        Limits that the user set while a daemon ran take precedence. `keep_free_mib` MiB of a disk stay free (-1: 5 % of
        the disk, at most 2 GiB).
        """
        self._keep_free = keep_free_mib << 20 if keep_free_mib >= 0 else -1
        if self._runners:
            self._runners.set_keep_free(self._keep_free)
        self._configured = Limits(min(files, limits.MAX_LIMIT), files_per_se)
        self._apply_limits()

    async def change_limits(self, changes: Mapping[str, int | str | None]) -> None:
        """Set limits by name (see `core.transfers.limits`; None: as configured), for this daemon and the next ones."""
        await self._prepare_store()
        self._saved_limits = limits.merged(self._saved_limits, changes)
        await self._store.save_limits(self._saved_limits)
        log.info("limits set by the user: %s", ", ".join(f"{name}={value}" for name, value in changes.items()))
        self._apply_limits()

    async def clean(self, numbers: Sequence[int]) -> int:
        """Remove ended jobs from the list; return how many. Raises UsageError for another one; then all stay."""
        for number in numbers:
            with suppress(NoSuchJob):
                if not (await self._store.job(number)).ended_ms:
                    raise UsageError(f"job {number} has not ended; cancel it first with `alienctl transfers cancel`")
        removed = 0
        for number in numbers:
            rows = 0
            with suppress(NoSuchJob):
                await self._partial_files.discard(await self._store.job(number))
            while deleted := await self._store.history.remove(number):
                rows += deleted
            removed += bool(rows)
            log.info("removed from the list by the user", extra=facts(job=number))
        return removed

    async def change_priority(self, number: int, priority: int) -> JobView:
        """Change the priority of one job; its next files start accordingly."""
        job = await self._store.change_spec(number, lambda spec: replace(spec, priority=priority))
        log.info("priority set by the user: %d", priority, extra=facts(job=number))
        self._running.change_spec(job)
        self._wake.set()
        return self._view(job)

    async def change_job_rate(self, number: int, rate: int) -> JobView:
        """Limit the bandwidth of one job (bytes per second, 0: no limit of its own)."""
        job = await self._store.change_spec(number, lambda spec: replace(spec, rate=rate))
        log.info("rate set by the user: %d bytes per second", rate, extra=facts(job=number))
        self._workers.bandwidth.set_job_rate(number, rate)
        self._running.change_spec(job)
        return self._view(job)

    def limits_in_use(self) -> LimitsInUse:
        """Return the limits, and what runs under them."""
        texts = {name: schedule_text(table) for name, table in limits.rate_schedules(self._saved_limits).items()}
        load = self._running.load().by_direction
        return LimitsInUse(self._limits, load, self._limiter.elements(), self._rates, texts)

    def _apply_limits(self) -> None:
        self._limits = limits.applied(self._configured, self._saved_limits)
        self._running.set_limits(self._limits)
        self._apply_rates()
        self._wake.set()

    def _apply_rates(self) -> None:
        """Apply the bandwidth limits of this minute."""
        rates = limits.rates_at(self._saved_limits, self._minute())
        if rates != self._rates:
            self._rates = rates
            self._workers.bandwidth.set_rates(rates)

    def _minute(self) -> int:
        """Return the minute of the day in local time."""
        here = datetime.fromtimestamp(self._clock()).astimezone()
        return here.hour * 60 + here.minute

    async def submit(self, spec: JobSpec, request_id: str) -> JobView:
        """Store a job; a repeated `request_id` returns the job it created. Raises UsageError."""
        from aliend.core.copying.plan import check_spec
        from aliend.engine.expansion.target_disks import with_file_systems

        check_spec(spec)
        if spec.direction == "download":
            spec = await asyncio.to_thread(with_file_systems, spec)
        storing = asyncio.ensure_future(self._store.submit(spec, request_id))
        storing.add_done_callback(lambda _: self._wake.set())  # the job is stored even if the caller is cancelled
        job = await asyncio.shield(storing)
        more = f" and {len(spec.sources) - 1} more" if len(spec.sources) > 1 else ""
        text = "submitted: %s of %s%s to %s"
        log.info(text, spec.direction, "".join(spec.sources[:1]), more, spec.target, extra=facts(job=job.id))
        return self._view(job)

    async def submit_once(self, spec: JobSpec, request_id: str, ignored: Sequence[str] = ()) -> JobView:
        """Submit like `submit`, but raise RequestIdReused if the id belongs to a job that differs from `spec`.

        `ignored` are fields of the specification that may differ.
        """
        view = await self.submit(spec, request_id)
        if differing := different_fields((await self._store.job(view.id)).spec, spec, ignored):
            raise RequestIdReused(request_id, view.id, differing)
        return view

    def plan(self, spec: JobSpec) -> SyncPlan:
        """Return what a synchronisation would do now; an async context manager.

        Nothing is stored. Raises UsageError.
        """
        from aliend.core.copying.plan import check_spec
        from aliend.engine.expansion.sync_plan import SyncPlan

        check_spec(spec)
        return SyncPlan(spec, self._catalogue_of(spec.context), self._workers, self._store)

    async def cancel(self, number: int) -> JobView:
        """Cancel all unfinished transfers of a job; running copies stop at once, downloads keep their partial files."""
        job = await self._store.job(number)
        keep_until = self._clock() + KEEP_SECONDS if job.spec.direction == "download" else 0.0
        cancel = CancelTransfer(int(keep_until * 1000))
        first = (Phase.RUNNING,) if job.files.unfinished > BATCH else ()  # running copies stop before others are marked
        view = await self._change_all(number, first, cancel, Cancel(), UNFINISHED)
        log.info("cancelled by the user", extra=facts(job=number))
        return view

    async def kept_files(self, jobs: Collection[int]) -> dict[int, KeptFiles]:
        """Return what is kept of cancelled downloads, by job, once their copies have stopped (or after 2 s)."""
        if self._runners:
            await self._runners.attempts.wait_stopped(jobs, _STOPPED_LIMIT)
        return {job: kept for job, kept in (await self._store.partial_files.summaries()).items() if job in jobs}

    async def pause(self, number: int) -> JobView:
        """Pause a job: its running transfers are queued again, and none starts."""
        view = await self._change_all(number, (Phase.RUNNING,), Interrupted(), Hold())
        log.info("paused by the user", extra=facts(job=number))
        while effects := await self._store.move_leaders(number):
            await self._needed_runners().attempts.perform(effects)
        self._wake.set()
        return view

    async def resume(self, number: int) -> JobView:
        """Resume a job that is paused or on hold."""
        job = await self._store.change_job(number, Release())
        log.info("resumed", extra=facts(job=number))
        self._wake.set()
        return self._view(job)

    async def retry(self, number: int, request_id: str) -> JobView:
        """Queue failed and cancelled transfers again; once for each `request_id`. Raises RequestIdReused."""
        if earlier := await self._store.requested_job(request_id):
            if earlier != number:
                raise RequestIdReused(request_id, earlier, ("id",))
            return await self.job(number)
        if self._runners:
            self._runners.attempts.forget_lookups(number)
        from aliend.engine.expansion.target_disks import record_directories_again

        await record_directories_again(self._store, number)
        view = await self._change_all(number, (Phase.FAILED, Phase.CANCELLED), RetryTransfer(), Retry())
        log.info("retried by the user", extra=facts(job=number))
        await self._store.record_request(request_id, number)
        return view

    async def _change_all(
        self, number: int, first: tuple[Phase, ...], event: Event, also: JobEvent, then: tuple[Phase, ...] = ()
    ) -> JobView:
        """Apply `also` to the job and `event` to its transfers in the phases `first`, then in `then`, in batches."""
        for phases in filter(None, (first, then)):
            last = 0
            while True:
                outcome = await self._store.change_many(number, phases, event, also, last)
                await self._needed_runners().attempts.perform(outcome.effects)
                if len(outcome.transfers) < BATCH:
                    break
                last = outcome.transfers[-1].id
        self._wake.set()
        return self._view(outcome.job)

    async def _run(self) -> None:
        async with self._tasks:
            has_recovered = False
            while True:
                self._wake.clear()
                try:
                    await self._prepare_store()
                    if not has_recovered:
                        await self._recover()
                        has_recovered = True
                    self._apply_rates()
                    if ended := await self._partial_files.ended():
                        await self._needed_runners().attempts.clean_up_ended(ended)
                    for number in await self._held_jobs.releasable():
                        log.info("the obstacle was removed", extra=facts(job=number))
                        await self.resume(number)
                    if self._runners:
                        await self._runners.attempts.check_elements()
                    await self._sleep(await self._start())
                except StoreError as error:
                    log.error("cannot start transfers: %s", error)
                    await asyncio.sleep(_STORE_PAUSE)

    async def _recover(self) -> None:
        """Complete what the last daemon left unfinished: cancellations, and replacements of files."""
        for job in await self._store.half_cancelled():
            await self.cancel(job.id)
        await remove_ended(self._store)
        last = 0
        while page := await self._store.unfinished_intents(last):
            await self._needed_runners().attempts.undo_ended(page)
            last = page[-1].id

    async def _start(self) -> float | None:
        """Start all that may start now; return when the next waiting transfer may (POSIX seconds)."""
        while True:
            load = self._running.load()
            choose = partial(choose_transfers, load=load, limits=self._limits, round_robin=self._round_robin)
            work, started, self._round_robin = await self._store.start(self._scheduling_query(load), choose)
            if work.expanding or work.deleting or started:
                self._needed_runners().start(work, started)
            if not started or self._running.is_full:
                return work.next_ready

    def _needed_runners(self) -> Runners:
        """Return the runners; import and create them for the first job."""
        if self._runners is None:
            from aliend.engine.runners import Runners

            self._runners = Runners(self._context, self._limiter, self._running, self._held_jobs, self._partial_files)
            self._runners.set_keep_free(self._keep_free)
        return self._runners

    def _scheduling_query(self, load: Load) -> SchedulingQuery:
        """Return the query for what may start now."""
        runners = self._runners
        return SchedulingQuery(
            now=self._clock(),
            last_job=self._round_robin.last_job,
            full=self._running.full_jobs(load),
            closed=closed_directions(load, self._limits),
            busy=self._running.busy_executors,
            limit=0 if self._running.is_full else self._limits.files - load.running + _SPARE,
            batches=self._limits.batch_directions if self._rates == Rates() else (),
            expanding=runners.expansions.excluded() if runners else (),
            expansions=runners.expansions.free_slots if runners else MAX_RUNNING,
            deleting=runners.deletions.excluded() if runners else (),
        )

    async def _sleep(self, next_ready: float | None) -> None:
        """Sleep until something changes, or the next transfer, job, check or bandwidth limit is due."""
        now = self._clock()
        if await self._clock_was_set_back(now):
            return
        minutes = limits.next_change(self._saved_limits, self._minute())
        by_clock = (now // 60 + minutes) * 60 if minutes else None
        starts = (
            next_ready,
            self._runners.next_start() if self._runners else None,
            self._held_jobs.next_check(),
            self._partial_files.next_end,
            by_clock,
        )
        due = [at for at in starts if at is not None]
        pause = min([at - now for at in due], default=_LONGEST_SLEEP)
        with suppress(TimeoutError):
            async with asyncio.timeout(min(max(pause, 0.01), _LONGEST_SLEEP)):
                await self._wake.wait()

    async def _clock_was_set_back(self, now: float) -> bool:
        """Return whether the clock was set back, perhaps while no daemon ran; waiting transfers are ready then."""
        before, self._clock_offset = self._clock_offset, now - time.monotonic()
        if before is not None and self._clock_offset > before - _CLOCK_TOLERANCE:
            return False
        changed = await self._store.make_ready(now + backoff.CAP)
        if changed:
            log.warning("the clock was set back; %d waiting transfers start now", changed)
        return True


def _report(main: asyncio.Task[None]) -> None:
    if not main.cancelled() and main.exception():
        log.critical("the engine has stopped", exc_info=main.exception())
