"""The engine: durable transfers from their submission to their end, as services and commands use them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from types import TracebackType

from aliend.core.cli.escaping import visible
from aliend.core.copying.sync import overlap
from aliend.core.transfers import backoff, limits
from aliend.core.transfers.attempt_record import AttemptRecord
from aliend.core.transfers.bandwidth import Rates
from aliend.core.transfers.job import Cancel, Hold, JobEvent, JobSpec, Release, Retry
from aliend.core.transfers.rate_schedule import timetable_text
from aliend.core.transfers.scheduler import Limits, Load, Turns, choose, closed_directions
from aliend.core.transfers.transfer import UNFINISHED, Event, Interrupted, Phase, has_side_names
from aliend.core.transfers.transfer import Cancel as CancelTransfer
from aliend.core.transfers.transfer import Retry as RetryTransfer
from aliend.core.transfers.wait_reason import Around, Seat
from aliend.engine.attempts.runner import Attempts
from aliend.engine.change_stream import Watcher
from aliend.engine.expansion.deletion_runner import DeletionsRunner
from aliend.engine.expansion.expansion_runner import Expansions
from aliend.engine.expansion.sync_plan import SyncPlan
from aliend.engine.held_jobs import Held
from aliend.engine.ports import CatalogueOf, WorkersPort
from aliend.engine.views import (
    Changes,
    DeletionView,
    InUse,
    JobView,
    Moving,
    TransferView,
    Waits,
    view_of_job,
    view_of_transfer,
)
from aliend.engine.wait_reasons import reasons
from aliend.errors import StoreError, UsageError
from aliend.store import BATCH, Question, Store

log = logging.getLogger(__name__)

_STORE_PAUSE = 5.0
"""Seconds before the database is tried again after it failed."""
_STOP_LIMIT = 2.5
"""Seconds that attempts get to stop softly when the daemon ends."""
_LONGEST_SLEEP = 3600.0
_SET_BACK = 5.0
"""Seconds by which a clock is said to be set back."""


class Engine:
    """Runs jobs while its `async with` lasts. Methods may be called as soon as the store is open.

    `catalogue_of` gives the catalogue of a context, `clock` POSIX seconds, `chance` a uniform number in [0, 1). What is
    said of every method: raises StoreError; NoSuchJob where a job is named.
    """

    def __init__(
        self,
        store: Store,
        workers: WorkersPort,
        catalogue_of: CatalogueOf,
        clock: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._store = store
        self._clock = clock
        self._wake = asyncio.Event()
        self._limits = self._configured = Limits()
        self._kept_limits: limits.Table = {}
        self._rates = Rates()
        self._turns = Turns()
        self._workers = workers
        self._held = Held(store, clock)
        self._attempts = Attempts(store, workers, catalogue_of, clock, chance, self._wake.set)
        self._expansions = Expansions(store, workers, catalogue_of, clock, chance, self._wake.set)
        self._deletions = DeletionsRunner(store, workers, catalogue_of, clock, chance, self._wake.set)
        self._catalogue_of = catalogue_of
        self._attempts.on_hold = self._expansions.on_hold = self._held.expect
        self._main: asyncio.Task[None] | None = None
        self._ahead: float | None = None
        """How far the clock was ahead of the steady one (None: it was not looked at yet)."""

    async def __aenter__(self) -> Engine:
        recovered = await self._store.recover()
        if recovered:
            log.info("%d transfers were cut off by the end of the daemon before; they are queued again", recovered)
        self._kept_limits = await self._store.limits()
        self._apply_limits()
        self._main = asyncio.create_task(self._run(), name="engine")
        self._main.add_done_callback(_report)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop all copies softly, within three seconds; everything unfinished is queued for the next start."""
        if self._main is None:
            return
        self._main.cancel()
        await asyncio.wait({self._main}, timeout=_STOP_LIMIT)
        await self._attempts.close()
        with suppress(StoreError):
            await self._store.recover()

    def set_limits(self, files: int = 8, files_per_se: int = 4, keep_free_mib: int = -1) -> None:
        """So many files may be copied at a time, in all and on one storage element, unless the user set limits live.

        `keep_free_mib` of a disk are left free (MiB; -1: 5 % of it, at most 2 GiB).
        """
        self._attempts.keep_free = self._expansions.keep_free = keep_free_mib << 20 if keep_free_mib >= 0 else -1
        self._configured = Limits(files, files_per_se)
        self._apply_limits()

    async def change_limits(self, changes: Mapping[str, int | str | None]) -> None:
        """Set limits by name (see `core.limits`; None: as configured), for now and for the next daemons."""
        self._kept_limits = limits.merged(self._kept_limits, changes)
        await self._store.keep_limits(self._kept_limits)
        self._apply_limits()

    async def change_job_rate(self, number: int, rate: int) -> JobView:
        """Limit the bandwidth of one job (bytes per second, 0: no limit of its own), for now and later."""
        job = await self._store.change_spec(number, lambda spec: replace(spec, rate=rate))
        self._workers.bandwidth.set_job_rate(number, rate)
        self._attempts.change_spec(job)
        return view_of_job(job)

    def in_use(self) -> InUse:
        """The limits, and what runs under them."""
        words = {name: timetable_text(table) for name, table in limits.timetables(self._kept_limits).items()}
        load = self._attempts.slots.load().by_direction
        return InUse(self._limits, load, self._attempts.slots.gate.elements(), self._rates, words)

    async def why(self, job: int = 0) -> AsyncIterator[list[Waits]]:
        """The files of a job (0: of all) that wait, and why, in groups."""
        now = self._clock()
        wanting = await self._store.wanting(now)
        seats = {se: Seat(one.copies, one.limit) for se, one in self._attempts.slots.gate.elements().items()}
        around = Around(
            now, self._limits, self._attempts.slots.copying(), seats, wanting, self._workers.bandwidth.throttled_rates()
        )
        async for found in reasons(self._store, job, around):
            yield found

    def _apply_limits(self) -> None:
        self._limits = limits.applied(self._configured, self._kept_limits)
        self._attempts.slots.set_limits(self._limits)
        self._apply_rates()
        self._wake.set()

    def _apply_rates(self) -> None:
        """Those of this minute."""
        rates = limits.rates_at(self._kept_limits, self._minute())
        if rates != self._rates:
            self._rates = rates
            self._workers.bandwidth.set_rates(rates)

    def _minute(self) -> int:
        """The minute of the day here."""
        here = datetime.fromtimestamp(self._clock()).astimezone()
        return here.hour * 60 + here.minute

    async def submit(self, spec: JobSpec, request_id: str) -> JobView:
        """Store a job and answer; under a `request_id` that is known, the job there is. Raises UsageError."""
        _check(spec)
        job = await self._store.submit(spec, request_id)
        self._wake.set()
        return view_of_job(job)

    def plan(self, spec: JobSpec) -> SyncPlan:
        """What the synchronisation would do now; to be entered. Nothing is stored. Raises UsageError."""
        _check(spec)
        return SyncPlan(spec, self._catalogue_of(spec.context), self._workers, self._store)

    async def deletions(self, job: int, after: str | None = None) -> list[DeletionView]:
        """A page of what a synchronisation deletes in the end, by name, behind `after` (None: the first)."""
        found = await self._store.deletions.page(job, after)
        return [DeletionView(one.below, one.state, one.reason) for one in found]

    async def job(self, number: int) -> JobView:
        """One job."""
        return view_of_job(await self._store.job(number))

    async def jobs(self, page_size: int = 50, before_id: int = 0, *, active_only: bool = False) -> list[JobView]:
        """A page of jobs, the newest first, below `before_id` (0: from the newest)."""
        return [view_of_job(job) for job in await self._store.jobs(page_size, before_id, active_only=active_only)]

    async def transfers(
        self, job: int, page_size: int = 50, after_id: int = 0, states: Collection[str] = ()
    ) -> list[TransferView]:
        """A page of a job's transfers above number `after_id`; only those in `states`, if any are named."""
        direction = (await self._store.job(job)).spec.direction
        moving = {one.id: one.bytes_done for one in self.progress()}
        found = await self._store.transfers(job, page_size, after_id, [Phase(state) for state in states])
        wanted = await self._store.wanted([one.joined or one.id for one in found])
        return [
            view_of_transfer(
                one, direction, moving.get(one.joined or one.id, 0), 1 + wanted.get(one.joined or one.id, 0)
            )
            for one in found
        ]

    async def attempts(self, transfers: Sequence[int]) -> list[AttemptRecord]:
        """What was tried for these transfers (at most 1000), by transfer, the oldest first."""
        return await self._store.attempts(transfers)

    async def cancel(self, number: int) -> JobView:
        """Cancel what has not ended; copies that run are told to stop at once."""
        return await self._change_all(number, (Phase.RUNNING,), CancelTransfer(), Cancel(), UNFINISHED)

    async def pause(self, number: int) -> JobView:
        """Start nothing more of the job, and bring what runs back to the queue."""
        view = await self._change_all(number, (Phase.RUNNING,), Interrupted(), Hold())
        while effects := await self._store.hand_over(number):
            await self._attempts.perform(effects)
        self._wake.set()
        return view

    async def resume(self, number: int) -> JobView:
        """Undo `pause`, or go on after a local problem was solved."""
        job = await self._store.change_job(number, Release())
        self._wake.set()
        return view_of_job(job)

    async def retry(self, number: int, request_id: str) -> JobView:
        """Queue what failed or was cancelled again; once under one `request_id`."""
        if await self._store.was_requested(request_id):
            return await self.job(number)
        view = await self._change_all(number, (Phase.FAILED, Phase.CANCELLED), RetryTransfer(), Retry())
        await self._store.remember_request(request_id, number)
        return view

    def progress(self, job: int = 0) -> list[Moving]:
        """The files of a job (0: of all) that move now."""
        return self._attempts.slots.moving(job)

    def changes(self, job: int = 0, token: str = "", since: int | None = None) -> AsyncIterator[Changes]:
        """A snapshot, or what came after the token or event `since`, then changes; of one job until its end was told.

        Raises UsageError for a foreign token and for events that are no longer kept.
        """
        return Watcher(self._store, job, self.progress).changes(token, since)

    async def wait(self, number: int) -> JobView:
        """The job when it has ended."""
        changed = self._store.watch()
        try:
            while True:
                changed.clear()
                job = await self._store.job(number)
                if job.ended_ms:
                    return view_of_job(job)
                await changed.wait()
        finally:
            self._store.unwatch(changed)

    async def _change_all(
        self, number: int, first: tuple[Phase, ...], event: Event, also: JobEvent, then: tuple[Phase, ...] = ()
    ) -> JobView:
        """Apply `event` to all transfers in the phases `first`, then to those in `then`, in batches."""
        for phases in filter(None, (first, then)):
            last = 0
            while True:
                outcome = await self._store.change_many(number, phases, event, also, last)
                await self._attempts.perform(outcome.effects)
                if len(outcome.transfers) < BATCH:
                    break
                last = outcome.transfers[-1].id
        self._wake.set()
        return view_of_job(outcome.job)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._attempts.live_in(group)
            taken_up = False
            while True:
                self._wake.clear()
                try:
                    if not taken_up:
                        await self._take_up(group)
                        taken_up = True
                    self._apply_rates()
                    for number in await self._held.freed():
                        log.info("job %d goes on: what it was held for is mended", number)
                        await self.resume(number)
                    await self._sleep(await self._start(group))
                except StoreError as error:
                    log.error("nothing can be started: %s", error)
                    await asyncio.sleep(_STORE_PAUSE)

    async def _take_up(self, group: asyncio.TaskGroup) -> None:
        """What the daemon before left half-done: cancelling, and exchanges of names."""
        for job in await self._store.half_cancelled():
            await self.cancel(job.id)
        await self._attempts.sweep()
        last = 0
        while found := await self._store.unfinished_intents(last):
            for transfer in filter(has_side_names, found):
                self._attempts.tidy(transfer, await self._store.job(transfer.job), group)
            last = found[-1].id

    async def _start(self, group: asyncio.TaskGroup) -> float | None:
        """Start all that may start now; when the next waiting transfer may (POSIX seconds)."""
        while True:
            load = self._attempts.slots.load()
            picked = partial(choose, load=load, limits=self._limits, turns=self._turns)
            agenda, started, self._turns = await self._store.start(self._question(load), picked)
            self._expansions.start(agenda.expanding, group)
            self._deletions.start(agenda.deleting, group)
            for candidate, outcome in started:
                self._attempts.begin(candidate, outcome, group)
            if not started or self._attempts.slots.is_full:
                return agenda.next_ready

    def _question(self, load: Load) -> Question:
        """What may start now, as far as there is room for it."""
        slots = self._attempts.slots
        expanding, expansions = self._expansions.begun()
        return Question(
            now=self._clock(),
            last_job=self._turns.job,
            full=slots.full_jobs(load),
            closed=closed_directions(load, self._limits),
            limit=0 if slots.is_full else 2 * self._limits.files,
            expanding=expanding,
            expansions=expansions,
            deleting=self._deletions.begun(),
        )

    async def _sleep(self, next_ready: float | None) -> None:
        """Until something changes, or the next waiting transfer or resting expansion is due."""
        now = self._clock()
        if await self._was_set_back(now):
            return
        minutes = limits.next_change(self._kept_limits, self._minute())
        by_clock = (now // 60 + minutes) * 60 if minutes else None
        starts = (
            next_ready,
            self._expansions.next_start(),
            self._deletions.next_start(),
            self._held.next_look(),
            by_clock,
        )
        due = [at for at in starts if at is not None]
        pause = min([at - now for at in due], default=_LONGEST_SLEEP)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), min(max(pause, 0.01), _LONGEST_SLEEP))

    async def _was_set_back(self, now: float) -> bool:
        """Whether the clock was set back (perhaps while no daemon ran); nothing waits for the time of before then."""
        before, self._ahead = self._ahead, now - time.monotonic()
        if before is not None and self._ahead > before - _SET_BACK:
            return False
        changed = await self._store.pull_in(now + backoff.CAP, now)
        if changed:
            log.warning("the clock was set back: %d transfers that waited for a later time start now", changed)
        return True


def _check(spec: JobSpec) -> None:
    """Raises UsageError for a job that cannot make sense."""
    if spec.purpose == "sync" and len(spec.sources) != 1:
        raise UsageError("A synchronisation has one source, a directory")
    if spec.purpose == "sync" and spec.direction == "copy" and overlap(spec.sources[0], spec.target):
        raise UsageError(f"{spec.sources[0]} and {spec.target} lie in each other; nothing was done")
    if spec.delete and spec.purpose != "sync":
        raise UsageError("Only a synchronisation can delete what its source does not have")
    if not spec.sources or not spec.target:
        raise UsageError("A transfer needs at least one source and a target")
    for name in (*spec.sources, spec.target):
        if not name.startswith("/") or "\0" in name:
            raise UsageError(f"{name!r} is not an absolute name")
        try:
            name.encode()
        except UnicodeEncodeError:
            raise UsageError(f"'{visible(name)}' is not UTF-8 text, which the catalogue needs") from None


def _report(main: asyncio.Task[None]) -> None:
    if not main.cancelled() and main.exception():
        log.critical("the engine has stopped", exc_info=main.exception())
