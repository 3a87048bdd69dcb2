"""The attempts that run, and which of them have need of a slot: what the scheduler and its users ask of them.

An attempt that waits for a storage element, that one which rests stalls, or that has only to be seen in the catalogue
takes no slot from others.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from aliend.core.transfers.attempt_progress import Trail
from aliend.core.transfers.attempt_record import Stage
from aliend.core.transfers.job import Job
from aliend.core.transfers.scheduler import Limits, Load
from aliend.core.transfers.transfer import Transfer
from aliend.core.transfers.wait_reason import Copying
from aliend.engine.admission.storage_limiter import Gate
from aliend.engine.views import Moving

_MOST_RUNNING = 250
"""Attempts at a time, those without a slot included."""


@dataclass(slots=True, eq=False)
class Run:
    """An attempt under way: its transfer and job, what it writes, its trail, whether it was told to stop.

    `is_tidy` says that there is nothing to clean up behind it.
    """

    transfer: Transfer
    job: Job
    target: str
    trail: Trail
    stopped: bool = False
    is_tidy: bool = False
    task: asyncio.Task[None] | None = field(default=None, repr=False)


class Slots:
    """The attempts, by the numbers of their transfers. `clock` gives POSIX seconds; see `Gate` for `on_wait`."""

    def __init__(self, clock: Callable[[], float], on_wait: Callable[[], None]) -> None:
        self.limits = Limits()
        self.runs: dict[int, Run] = {}
        self.gate = Gate(clock, lambda: self.taken < self.limits.files, on_wait)

    def set_limits(self, limits: Limits) -> None:
        """Use other limits from now on."""
        self.limits = limits
        self.gate.set_limits(limits)

    @property
    def taken(self) -> int:
        """How many slots are taken; see `load`."""
        return len(self._with_slot())

    @property
    def is_full(self) -> bool:
        """Whether nothing more may start now."""
        waiting = sum(one.trail.stage is Stage.SLOT for one in self.runs.values())
        is_crowded = waiting >= 2 * self.limits.files or len(self.runs) >= _MOST_RUNNING
        return is_crowded or self.taken >= self.limits.files

    def load(self) -> Load:
        """What runs, for the scheduler; attempts that still stop included, those that have no need of a slot not."""
        slots = self._with_slot()
        by_job = Counter(one.job.id for one in slots)
        by_direction: Counter[str] = Counter(one.job.spec.direction for one in slots)
        targets = frozenset(one.target for one in self.runs.values())
        return Load(by_job, targets, by_direction)

    def full_jobs(self, load: Load) -> list[int]:
        """Jobs that run as many files as they want, or have enough files that wait for storage."""
        jobs = {one.job.id: one.job.spec.parallel for one in self.runs.values()}
        waiting = Counter(one.job.id for one in self.runs.values() if one.trail.stage is Stage.SLOT)
        running = load.by_job
        return [
            job
            for job, parallel in jobs.items()
            if 0 < parallel <= running.get(job, 0) + waiting[job] or waiting[job] >= self.limits.waiting
        ]

    def uploading(self) -> int:
        """Uploads that will come to be verified."""
        coming = [one for one in self.runs.values() if one.trail.stage is not Stage.VERIFY and not one.stopped]
        return sum(one.job.spec.direction != "download" for one in coming)

    def copying(self) -> tuple[Copying, ...]:
        """Who has a slot."""
        return tuple(
            Copying(
                number,
                one.job.id,
                one.job.spec.direction,
                one.target,
                one.trail.ses if one.trail.stage is Stage.SLOT else (),
            )
            for number, one in self.runs.items()
        )

    def moving(self, job: int) -> list[Moving]:
        """The files of a job (0: of all) that move now."""
        return [
            Moving(number, one.transfer.source.rpartition("/")[2], one.trail.bytes, one.transfer.size)
            for number, one in self.runs.items()
            if job in (0, one.job.id) and not one.stopped
        ]

    def trails(self) -> list[tuple[int, Trail]]:
        """The trails of those that were not told to stop."""
        return [(number, one.trail) for number, one in self.runs.items() if not one.stopped]

    def _with_slot(self) -> list[Run]:
        """Those that have need of one; the limit of a job itself counts all that has begun."""
        resting = self.gate.resting()
        return [
            one
            for number, one in self.runs.items()
            if one.job.spec.parallel or self._needs_slot(number, one.trail.stage, resting)
        ]

    def _needs_slot(self, number: int, stage: Stage, resting: Collection[str]) -> bool:
        """Not while it waits for room on a storage element or for the catalogue, or one that rests stalls its copy."""
        if stage is Stage.COPY:
            return not any(se in resting for se in self.gate.of(number))
        return stage not in (Stage.SLOT, Stage.VERIFY)
