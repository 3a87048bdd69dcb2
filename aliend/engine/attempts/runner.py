"""The one place where the state of a transfer changes: event -> step -> save -> effects; and the attempts that run.

One guard around each attempt catches everything: what is nobody's known error is logged with its traceback and fails
that one transfer. What is stored decides; in memory is only what runs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import assert_never

from aliend.core.connection.context import Context
from aliend.core.transfers.attempt_progress import Trail
from aliend.core.transfers.effects import Effect, GiveTo, HoldJob, StartCopy, StopCopy, TidyUp
from aliend.core.transfers.error_mapping import event_of
from aliend.core.transfers.job import Direction, Hold, Job
from aliend.core.transfers.scheduler import Candidate
from aliend.core.transfers.transfer import (
    Cancelled,
    Done,
    Event,
    Failed,
    Intent,
    Interrupted,
    NoIntent,
    Noted,
    Phase,
    Transfer,
    has_side_names,
    is_unfinished,
)
from aliend.engine.admission.running_attempts import Run, Slots
from aliend.engine.admission.throughput_monitor import Pulse
from aliend.engine.attempts.archive_tickets import Archives
from aliend.engine.attempts.attempt import Attempt
from aliend.engine.attempts.download import download
from aliend.engine.attempts.grid_copy import grid_copy
from aliend.engine.attempts.relay_spool import Spool
from aliend.engine.attempts.replacement import undo
from aliend.engine.attempts.replicate import replicate
from aliend.engine.attempts.stat_batcher import MOST, Looks
from aliend.engine.attempts.upload import upload
from aliend.engine.ports import CatalogueOf, WorkersPort
from aliend.errors import AliendError, Obstacle, StoreError
from aliend.storage.tasks import RemovePartial, TaskOptions
from aliend.store import Outcome, Store

log = logging.getLogger(__name__)

_BY_DIRECTION: dict[Direction, Callable[[Attempt], Awaitable[Event]]] = {
    "download": download,
    "upload": upload,
    "copy": grid_copy,
}
_STORE_PAUSE = 5.0
"""Seconds before the database is tried again after it failed."""


class Attempts:
    """The attempts that run. `on_end` is called after each; tasks live in a group of the engine's."""

    def __init__(
        self,
        store: Store,
        workers: WorkersPort,
        catalogue_of: CatalogueOf,
        clock: Callable[[], float],
        chance: Callable[[], float],
        on_end: Callable[[], None],
    ) -> None:
        self._store = store
        self._workers = workers
        self._catalogue_of = catalogue_of
        self._clock = clock
        self._chance = chance
        self._on_end = on_end
        self.on_hold: Callable[[], None] = on_end
        """Called when a job was held."""
        self._group: asyncio.TaskGroup | None = None
        self.slots = Slots(clock, on_end)
        self.gate = self.slots.gate
        self.pulse = Pulse(self.gate, self.slots.trails, workers, clock)
        self._beating: asyncio.Task[None] | None = None
        self.keep_free = -1
        self._spool = Spool(store.directory / "spool")
        self._looks: dict[Context, Looks] = {}
        self._archives: dict[Context, Archives] = {}

    def change_spec(self, job: Job) -> None:
        """The job's specification has changed; attempts of it that begin later have it from the store."""
        for one in self.slots.runs.values():
            if one.job.id == job.id:
                one.job = job

    def live_in(self, group: asyncio.TaskGroup) -> None:
        """Tasks live there from now on; called before anything else."""
        self._group = group

    def begin(self, candidate: Candidate, outcome: Outcome, group: asyncio.TaskGroup) -> None:
        """An attempt was started: let it run."""
        if any(isinstance(effect, StartCopy) for effect in outcome.effects):
            self._start(outcome, candidate.target, group)

    def tidy(self, transfer: Transfer, job: Job, group: asyncio.TaskGroup) -> None:
        """Clean up behind a transfer that ended in an earlier daemon."""
        if transfer.id not in self.slots.runs:
            running = self.slots.runs[transfer.id] = Run(
                transfer, job, transfer.target, Trail(transfer, self._clock), stopped=True
            )
            running.task = group.create_task(self._leave(running))

    async def sweep(self) -> None:
        """Clear the spool of transfers that ended with an earlier daemon."""
        for number in await asyncio.to_thread(list, self._spool.transfers()):
            found = await self._store.find_transfer(number)
            if found is None or not is_unfinished(found.state):
                await asyncio.to_thread(self._spool.clear, number)

    async def close(self) -> None:
        """Nothing is asked of any catalogue any more."""
        for looks in self._looks.values():
            await looks.close()

    async def perform(self, effects: tuple[Effect, ...]) -> None:
        """Do what the state machine asked for; safe to repeat. Copies are started by `begin` only."""
        untidy: list[int] = []
        for effect in effects:
            match effect:
                case StopCopy(number):
                    self._stop(number)
                case HoldJob(job, reason, obstacle):
                    await self._hold(job, reason, obstacle or Obstacle("other", "/"))
                case TidyUp(number):
                    untidy.append(number)
                case GiveTo(number, job):
                    await self._give(number, job)
                case StartCopy():
                    continue
                case _:
                    assert_never(effect)
        if untidy and self._group:
            self._group.create_task(self._tidy_all(untidy))

    def _start(self, outcome: Outcome, target: str, group: asyncio.TaskGroup) -> None:
        (transfer,) = outcome.transfers
        log.info("transfer %d: attempt %d: %s", transfer.id, transfer.attempts, transfer.source)
        trail = Trail(transfer, self._clock, self._on_end)
        running = self.slots.runs[transfer.id] = Run(transfer, outcome.job, target, trail)
        running.task = group.create_task(self._run(running))
        if self._beating is None or self._beating.done():
            self._beating = group.create_task(self.pulse.beat())

    def _stop(self, number: int) -> None:
        running = self.slots.runs.get(number)
        if running and running.task and not running.stopped:
            running.stopped = True
            running.task.cancel()

    async def _give(self, number: int, job: int) -> None:
        """The attempt that runs goes on for another job."""
        if running := self.slots.runs.get(number):
            running.job = await self._store.job(job)
            running.transfer = replace(running.transfer, job=job)
            self._workers.bandwidth.reassign(number, job, running.job.spec.rate)

    async def _hold(self, job: int, reason: str, obstacle: Obstacle) -> None:
        """Hold the job, and bring those of its copies that run back to the queue: they would meet the same."""
        log.warning("job %d is held: %s", job, reason)
        try:
            outcome = await self._store.change_many(job, [Phase.RUNNING], Interrupted(), Hold(reason, obstacle))
            self.on_hold()
            await self.perform(outcome.effects)
        except StoreError as error:
            log.error("job %d cannot be held: %s", job, error)

    async def _run(self, running: Run) -> None:
        try:
            await self._attempt(running)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not running.stopped or task is None:
                raise
            task.uncancel()
            await self._remember(running)
        finally:
            running.stopped = True
            await self._leave(running)

    async def _remember(self, running: Run) -> None:
        """An attempt that was told to stop leaves its trail too."""
        try:
            await self._store.record(running.trail.records(None))
        except StoreError as error:
            log.warning("transfer %d: its attempt cannot be recorded: %s", running.transfer.id, error)

    async def _leave(self, running: Run) -> None:
        """Tidy up unless the daemon ends, and free the slot in any case."""
        task = asyncio.current_task()
        try:
            if not running.is_tidy and (task is None or not task.cancelling()):
                await self._tidy(running.transfer.id, running.job)
        finally:
            del self.slots.runs[running.transfer.id]
            self._on_end()

    async def _attempt(self, running: Run) -> None:
        """The guard: whatever happens becomes an event, and is saved as soon as the database can be written."""
        event = await self._outcome(running)
        while True:
            try:
                outcome = await self._store.change(running.transfer.id, event, running.trail.records(event))
                break
            except StoreError as error:
                log.error("transfer %d: %s cannot be saved: %s", running.transfer.id, event, error)
                await asyncio.sleep(_STORE_PAUSE)
        state = outcome.transfers[0].state
        log.info("transfer %d: %s", running.transfer.id, state)
        running.is_tidy = isinstance(state, Done)
        running.stopped = True
        await self.perform(outcome.effects)

    async def _outcome(self, running: Run) -> Event:
        number, job = running.transfer.id, running.job

        async def note(intent: Intent) -> None:
            await self._store.change(number, Noted(intent))

        context = job.spec.context
        catalogue = self._catalogue_of(context)
        if context not in self._looks:
            self._looks[context] = Looks(catalogue, self.slots.uploading)
            self._archives[context] = Archives(catalogue, self._clock)

        async def made(directories: Sequence[str]) -> None:
            await self._store.remember_made(job.id, directories)

        attempt = Attempt(
            transfer=running.transfer,
            spec=job.spec,
            catalogue=catalogue,
            workers=self._workers.with_options(self._terms(running)),
            gate=self.gate,
            note=note,
            progress=running.trail.hear,
            trail=running.trail,
            looks=self._looks[context],
            archives=self._archives[context],
            neighbours=lambda: self._store.upcoming(job.id, number, 2 * MOST),
            made=made,
            spool=self._spool,
            keep_free=self.keep_free,
        )
        try:
            if job.spec.purpose in ("replicate", "mirror"):
                return await replicate(attempt)
            return await _BY_DIRECTION[job.spec.direction](attempt)
        except AliendError as error:
            return event_of(error, self._chance(), job.spec.retries)
        except Exception as error:
            log.exception("transfer %d: an error of aliend itself", number)
            return event_of(error, self._chance())

    def _terms(self, running: Run) -> TaskOptions:
        spec, number = running.job.spec, running.transfer.id

        def turned(se: str) -> None:
            self.gate.turn(number, se)
            running.trail.enter(running.trail.stage, {se})

        return TaskOptions(running.job.id, spec.rate, spec.settings, turned, self.gate.failed)

    async def _tidy_all(self, numbers: Sequence[int]) -> None:
        """Tidy up behind transfers that were given up while they waited, one after the other."""
        for number in numbers:
            try:
                job = await self._store.job((await self._store.transfer(number)).job)
            except StoreError as error:
                log.warning("transfer %d: nothing could be tidied up: %s", number, error)
                continue
            await self._tidy(number, job)

    async def _tidy(self, number: int, job: Job) -> None:
        """Leave nothing half-done behind a transfer that was given up; what cannot be done now is done next start."""
        try:
            transfer = await self._store.transfer(number)
            if job.spec.direction == "copy" and not is_unfinished(transfer.state):
                await asyncio.to_thread(self._spool.clear, number)
            if not isinstance(transfer.state, Failed | Cancelled):
                return
            if job.spec.direction == "download":
                made = await self._store.made_above(job.id, transfer.target)
                await self._workers.run(RemovePartial(number, transfer.target, tuple(made)), lambda _: None)
            elif has_side_names(transfer):
                await undo(self._catalogue_of(job.spec.context), transfer.target, transfer.intent)
                await self._store.change(number, Noted(NoIntent()))
        except AliendError as error:
            log.warning("transfer %d: not everything could be tidied up: %s", number, error)
        except Exception:
            log.exception("transfer %d: an error of aliend itself while tidying up", number)
