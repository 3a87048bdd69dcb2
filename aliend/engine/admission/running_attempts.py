"""The running attempts and the file slots they use.

An attempt uses no slot while it waits for a storage element or a worker of the cluster, while an unavailable element
stalls its copy, or while it only waits for the catalogue. The attempts of a batch share one slot.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from aliend.core.transfers.attempt_progress import AttemptProgress
from aliend.core.transfers.attempt_record import Stage
from aliend.core.transfers.job import Direction, Job
from aliend.core.transfers.scheduler import Limits, Load, WaitingPlaces
from aliend.core.transfers.transfer import Transfer
from aliend.core.transfers.wait_reason import RunningCopy
from aliend.engine.admission.job_rates import JobRates
from aliend.engine.admission.storage_limiter import StorageElementLimiter
from aliend.engine.statistics import Statistics
from aliend.engine.views import ActiveCopy, JobProgress
from aliend.errors import NoRoom

_CENTRAL = (Stage.TICKET, Stage.COMMIT, Stage.VERIFY, Stage.REPLACE)
"""Stages that only wait for the central service."""
_WAITING = (Stage.SLOT, Stage.WORKER)
"""Stages that only wait for capacity elsewhere."""
_LEAST_ATTEMPTS, _MOST_ATTEMPTS = 250, 1000
"""Attempts at a time, including those that use no slot: twice the limit of files, within these bounds.

The time for one decision grows with them: about 10 ms for a thousand.
"""
_COMMANDS: Mapping[Direction, int] = {"download": 1, "upload": 3, "copy": 4}
"""Commands of the central service for one file."""


@dataclass(slots=True, eq=False)
class RunningAttempt:
    """A running attempt. `target` identifies what it writes; `is_stopped`: it was asked to stop.

    `needs_cleanup` is false once the attempt has left nothing behind. `batch` is the first transfer of the batch in
    which it runs (0: it runs alone); the attempts of a batch have the same `task`. `outlasts_batch`: its copy continues
    after its batch, and uses no slot. It returns to the queue until `full_se` has room (empty: it does not).
    """

    transfer: Transfer
    job: Job
    target: str
    progress: AttemptProgress
    is_stopped: bool = False
    needs_cleanup: bool = True
    batch: int = 0
    outlasts_batch: bool = False
    full_se: str = ""
    task: asyncio.Task[None] | None = field(default=None, repr=False)


class RunningAttempts:
    """The running attempts by transfer number."""

    def __init__(self, limiter: StorageElementLimiter, rates: JobRates) -> None:
        self.limits = Limits()
        self.rates = rates
        self.statistics = Statistics()
        self.by_transfer: dict[int, RunningAttempt] = {}
        self._limiter = limiter
        self._places = WaitingPlaces()

    def set_limits(self, limits: Limits) -> None:
        """Apply other limits from now on."""
        self.limits = limits
        self._limiter.set_limits(limits)

    def change_spec(self, job: Job) -> None:
        """Apply a changed specification to the running attempts of a job."""
        for attempt in self.by_transfer.values():
            if attempt.job.id == job.id:
                attempt.job = job

    def acquire(self, transfer: int, ses: Collection[str]) -> AbstractAsyncContextManager[None]:
        """Wait for a file slot and for capacity on all of `ses`; see `StorageElementLimiter.acquire`.

        Raises CopyError as `require_place`.
        """
        self.require_place(transfer, ses)
        return self._limiter.acquire(transfer, ses, self._has_free_slot)

    def require_place(self, transfer: int, ses: Collection[str]) -> None:
        """Raise CopyError (kind `resting`) if a file may not wait for `ses`.

        One of them is unavailable, or enough files wait for one that is full. Uploads wait: their replicas are booked.
        """
        self._limiter.require_available(ses)
        job = self.by_transfer[transfer].job
        if job.spec.direction != "download":
            return
        same = self._waiting_beside(transfer, ses)
        if self._limiter.has_room(ses):
            found = not same and bool(self._waiting_beside(transfer))
            self._places.record_room(job.id, self.limits, files=found)
        elif self._places.must_return(job.id, len(same), self.limits):
            full = min(se for se in ses if not self._limiter.has_room((se,)))
            raise NoRoom(f"{full} is full", full)

    def is_crowded(self, transfer: int, se: str) -> bool:
        """Return whether a storage element is full, and enough other files of a transfer's job wait for it."""
        if self._limiter.has_room((se,)):
            return False
        return len(self._waiting_beside(transfer, (se,))) >= self.limits.max_waiting_per_se

    def _waiting_beside(self, transfer: int, ses: Collection[str] = ()) -> list[RunningAttempt]:
        """Return what waits of the same job beside a file and its batch: for one of `ses` (none: for any element)."""
        itself = self.by_transfer[transfer]
        waiting = (
            one
            for one in self.by_transfer.values()
            if one.progress.stage is Stage.SLOT and one.job.id == itself.job.id and one.task is not itself.task
        )
        return _units(one for one in waiting if not ses or not set(ses).isdisjoint(one.progress.ses))

    @asynccontextmanager
    async def acquire_batch(self, ses_by_transfer: Mapping[int, frozenset[str]]) -> AsyncIterator[dict[str, int]]:
        """Wait for a file slot and for capacity; see `StorageElementLimiter.acquire_batch`."""
        first = next(iter(ses_by_transfer))
        async with self._limiter.acquire_batch(ses_by_transfer, self._has_free_slot) as window:
            started = sum(ses <= window.keys() for ses in ses_by_transfer.values())
            awaited = {se for one in self._waiting_beside(first) for se in one.progress.ses}
            if started < len(ses_by_transfer) or awaited - window.keys():
                self._places.record_room(self.by_transfer[first].job.id, self.limits, started)
            yield window

    @property
    def is_full(self) -> bool:
        """Return whether no further attempt may start now."""
        waiting = len(_units(one for one in self._waiting() if one.progress.stage is Stage.SLOT))
        most = min(max(_LEAST_ATTEMPTS, 2 * self.limits.files), _MOST_ATTEMPTS)
        is_crowded = waiting >= 2 * self.limits.files or len(self.by_transfer) >= most
        return is_crowded or not self._has_free_slot()

    @property
    def busy_executors(self) -> tuple[str, ...]:
        """Return the executors with enough attempts that wait for a worker; no further one may start on these."""
        waiting = _units(one for one in self.by_transfer.values() if one.progress.stage is Stage.WORKER)
        counts = Counter(attempt.job.spec.executor for attempt in waiting)
        return tuple(executor for executor, count in counts.items() if count >= self.limits.max_waiting)

    def load(self) -> Load:
        """Return the load for the scheduler, including attempts that are stopping."""
        slots = self._using_slots()
        by_job = Counter(attempt.job.id for attempt in slots)
        by_direction: Counter[str] = Counter(attempt.job.spec.direction for attempt in slots)
        targets = frozenset(attempt.target for attempt in self.by_transfer.values())
        batches = Counter(attempt.job.id for attempt in _units(self._in_batches()))
        return Load(by_job, targets, by_direction, batches)

    def full_jobs(self, load: Load) -> list[int]:
        """Return the jobs that run as many files as they may, or have enough files that wait for storage."""
        self._places.forget_others(self.job_numbers())
        jobs = {attempt.job.id: attempt.job.spec.parallel for attempt in self.by_transfer.values()}
        waiting = Counter(attempt.job.id for attempt in _units(self._waiting()))
        running = load.by_job
        return [
            job
            for job, parallel in jobs.items()
            if 0 < parallel <= running.get(job, 0) + waiting[job]
            or self._places.are_full(job, waiting[job], self.limits)
        ]

    def unverified_uploads(self) -> int:
        """Return the number of uploads that have yet to be verified."""
        return sum(
            attempt.job.spec.direction != "download"
            for attempt in self.by_transfer.values()
            if attempt.progress.stage is not Stage.VERIFY and not attempt.is_stopped
        )

    def expected_commands(self) -> int:
        """Return about how many commands of the central service the unfinished files of the running jobs need."""
        jobs = {attempt.job.id: attempt.job for attempt in self.by_transfer.values()}
        return sum(job.files.unfinished * _COMMANDS[job.spec.direction] for job in jobs.values())

    def running_copies(self) -> tuple[RunningCopy, ...]:
        """Return all attempts, as `wait_reason` needs them."""
        return tuple(
            RunningCopy(
                number,
                attempt.job.id,
                attempt.job.spec.direction,
                attempt.target,
                attempt.progress.ses if attempt.progress.stage is Stage.SLOT else (),
                attempt.progress.moved_at if attempt.progress.stage in _CENTRAL else 0.0,
                attempt.progress.stage is Stage.WORKER,
                attempt.job.spec.executor,
            )
            for number, attempt in self.by_transfer.items()
        )

    def active_copies(self, job: int) -> list[ActiveCopy]:
        """Return the files of a job (0: of all jobs) that are being copied."""
        return [
            ActiveCopy(
                number, attempt.transfer.source.rpartition("/")[2], attempt.progress.bytes, attempt.transfer.size
            )
            for number, attempt in self.by_transfer.items()
            if job in (0, attempt.job.id) and not attempt.is_stopped
        ]

    def job_numbers(self) -> set[int]:
        """Return the jobs with running attempts."""
        return {attempt.job.id for attempt in self.by_transfer.values()}

    def progress_of(self, job: int) -> JobProgress:
        """Return what runs of a job."""
        return JobProgress(
            sum(copy.bytes_done for copy in self.active_copies(job)),
            self.rates.bytes_per_second(job),
            self.rates.files_per_second(job),
        )

    def progress_by_transfer(self) -> list[tuple[int, AttemptProgress]]:
        """Return the progress of all attempts that were not asked to stop."""
        return [(number, attempt.progress) for number, attempt in self.by_transfer.items() if not attempt.is_stopped]

    def _has_free_slot(self) -> bool:
        return len(self._using_slots()) < self.limits.files

    def is_batch_stopped(self, batch: int) -> bool:
        """Return whether all attempts of a batch were asked to stop."""
        return all(attempt.is_stopped for attempt in self.by_transfer.values() if attempt.batch == batch)

    def _waiting(self) -> list[RunningAttempt]:
        return [attempt for attempt in self.by_transfer.values() if attempt.progress.stage in _WAITING]

    def _in_batches(self) -> list[RunningAttempt]:
        """Return the attempts in batches that do not only wait for the catalogue."""
        return [
            attempt
            for attempt in self.by_transfer.values()
            if attempt.batch and attempt.progress.stage is not Stage.VERIFY
        ]

    def _using_slots(self) -> list[RunningAttempt]:
        """Return the attempts that use a slot, one of each batch; those of a job with its own limit always do."""
        unavailable = self._limiter.unavailable_until()
        return _units(
            attempt
            for number, attempt in self.by_transfer.items()
            if attempt.job.spec.parallel or self._uses_slot(number, attempt.progress.stage, unavailable)
        )

    def _uses_slot(self, number: int, stage: Stage, unavailable: Collection[str]) -> bool:
        if stage is Stage.COPY:
            is_outlasting = self.by_transfer[number].outlasts_batch
            return not is_outlasting and not any(se in unavailable for se in self._limiter.elements_of(number))
        return stage not in (*_WAITING, Stage.VERIFY)


def _units(attempts: Iterable[RunningAttempt]) -> list[RunningAttempt]:
    """Return one attempt of each batch, and all that run alone."""
    return list(
        {(attempt.batch, 0 if attempt.batch else attempt.transfer.id): attempt for attempt in attempts}.values()
    )
