"""The attempts that run, and which of them have need of a slot: what the scheduler and its users ask of them.

An attempt that waits for a storage element, that one which rests stalls, or that has only to be seen in the catalogue
takes no slot from others.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from aliend.core.transfers.attempt_progress import AttemptProgress
from aliend.core.transfers.attempt_record import Stage
from aliend.core.transfers.job import Job
from aliend.core.transfers.scheduler import Limits, Load
from aliend.core.transfers.transfer import Transfer
from aliend.core.transfers.wait_reason import RunningCopy
from aliend.engine.admission.storage_limiter import StorageElementLimiter
from aliend.engine.views import ActiveCopy

_MAX_RUNNING = 250
"""Attempts at a time, those without a slot included."""


@dataclass(slots=True, eq=False)
class RunningAttempt:
    """An attempt under way: its transfer and job, what it writes, its trail, whether it was told to stop.

    `is_tidy` says that there is nothing to clean up behind it.
    """

    transfer: Transfer
    job: Job
    target: str
    progress: AttemptProgress
    is_stopped: bool = False
    is_tidy: bool = False
    task: asyncio.Task[None] | None = field(default=None, repr=False)


class RunningAttempts:
    """The attempts, by the numbers of their transfers. `clock` gives POSIX seconds; see `Gate` for `on_wait`."""

    def __init__(self, clock: Callable[[], float], on_wait: Callable[[], None]) -> None:
        self.limits = Limits()
        self.by_transfer: dict[int, RunningAttempt] = {}
        self.gate = StorageElementLimiter(clock, lambda: self.slots_taken < self.limits.files, on_wait)

    def set_limits(self, limits: Limits) -> None:
        """Use other limits from now on."""
        self.limits = limits
        self.gate.set_limits(limits)

    @property
    def slots_taken(self) -> int:
        """How many slots are taken; see `load`."""
        return len(self._using_slots())

    @property
    def is_full(self) -> bool:
        """Whether nothing more may start now."""
        waiting = sum(one.progress.stage is Stage.SLOT for one in self.by_transfer.values())
        is_crowded = waiting >= 2 * self.limits.files or len(self.by_transfer) >= _MAX_RUNNING
        return is_crowded or self.slots_taken >= self.limits.files

    def load(self) -> Load:
        """What runs, for the scheduler; attempts that still stop included, those that have no need of a slot not."""
        slots = self._using_slots()
        by_job = Counter(one.job.id for one in slots)
        by_direction: Counter[str] = Counter(one.job.spec.direction for one in slots)
        targets = frozenset(one.target for one in self.by_transfer.values())
        return Load(by_job, targets, by_direction)

    def full_jobs(self, load: Load) -> list[int]:
        """Jobs that run as many files as they want, or have enough files that wait for storage."""
        jobs = {one.job.id: one.job.spec.parallel for one in self.by_transfer.values()}
        waiting = Counter(one.job.id for one in self.by_transfer.values() if one.progress.stage is Stage.SLOT)
        running = load.by_job
        return [
            job
            for job, parallel in jobs.items()
            if 0 < parallel <= running.get(job, 0) + waiting[job] or waiting[job] >= self.limits.max_waiting
        ]

    def unverified_uploads(self) -> int:
        """Uploads that will come to be verified."""
        coming = [
            one for one in self.by_transfer.values() if one.progress.stage is not Stage.VERIFY and not one.is_stopped
        ]
        return sum(one.job.spec.direction != "download" for one in coming)

    def running_copies(self) -> tuple[RunningCopy, ...]:
        """Who has a slot."""
        return tuple(
            RunningCopy(
                number,
                one.job.id,
                one.job.spec.direction,
                one.target,
                one.progress.ses if one.progress.stage is Stage.SLOT else (),
            )
            for number, one in self.by_transfer.items()
        )

    def active_copies(self, job: int) -> list[ActiveCopy]:
        """The files of a job (0: of all) that move now."""
        return [
            ActiveCopy(number, one.transfer.source.rpartition("/")[2], one.progress.bytes, one.transfer.size)
            for number, one in self.by_transfer.items()
            if job in (0, one.job.id) and not one.is_stopped
        ]

    def progress_by_transfer(self) -> list[tuple[int, AttemptProgress]]:
        """The trails of those that were not told to stop."""
        return [(number, one.progress) for number, one in self.by_transfer.items() if not one.is_stopped]

    def _using_slots(self) -> list[RunningAttempt]:
        """Those that have need of one; the limit of a job itself counts all that has begun."""
        resting = self.gate.unavailable_until()
        return [
            one
            for number, one in self.by_transfer.items()
            if one.job.spec.parallel or self._uses_slot(number, one.progress.stage, resting)
        ]

    def _uses_slot(self, number: int, stage: Stage, resting: Collection[str]) -> bool:
        """Not while it waits for room on a storage element or for the catalogue, or one that rests stalls its copy."""
        if stage is Stage.COPY:
            return not any(se in resting for se in self.gate.elements_of(number))
        return stage not in (Stage.SLOT, Stage.VERIFY)
