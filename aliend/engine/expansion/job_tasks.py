"""Runs one kind of background work for jobs, such as expansions or deletions, and retries it after transient failures.

State is in memory only: the next daemon starts the work of unfinished jobs at once.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence

from aliend.core.cli.log_records import facts
from aliend.core.transfers import backoff
from aliend.core.transfers.error_mapping import error_number, final_reason
from aliend.core.transfers.job import Checkpoint, Job, JobEvent, SetMessage
from aliend.engine.ports import EngineContext
from aliend.errors import AliendError

log = logging.getLogger(__name__)

MAX_RUNNING = 4
"""Jobs for which one kind of work runs at a time."""
_MAX_POSTPONED = 64
"""Postponed jobs at which no more are started, so that a failing service is not asked for each job of a long queue."""


class JobStopped(Exception):
    """The job was cancelled or paused while the work ran."""


class JobTaskRunner(ABC):
    """Runs `work` for several jobs at a time, in the engine's task group. Times are POSIX seconds."""

    what: str
    """The work, for log messages."""

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._store = context.store
        self._running: set[int] = set()
        self._postponed: dict[int, float] = {}
        self._failures: dict[int, tuple[int, tuple[Checkpoint, int]]] = {}
        """The failures of each job since it last got further: its checkpoint and the number of its files then."""

    def excluded(self) -> set[int]:
        """Return the jobs that must not be started now."""
        now = self._context.clock()
        # a time beyond the longest back-off was set before the clock was set back
        self._postponed = {job: until for job, until in self._postponed.items() if now < until <= now + backoff.CAP}
        return self._running | set(self._postponed)

    @property
    def free_slots(self) -> int:
        """Return how many more jobs may start now."""
        return MAX_RUNNING - len(self._running) if len(self._postponed) < _MAX_POSTPONED else 0

    def next_start(self) -> float | None:
        """Return when the next postponed job is due."""
        return min(self._postponed.values(), default=None)

    def start(self, jobs: Sequence[Job]) -> None:
        """Start the work of these jobs."""
        for job in jobs:
            self._running.add(job.id)
            self._context.tasks.create_task(self._run(job))

    @abstractmethod
    async def work(self, job: Job) -> None:
        """Do the work. Raises AliendError; JobStopped if the job was cancelled or paused."""

    @abstractmethod
    async def give_up(self, job: Job, reason: str, number: int) -> None:
        """Record that the work has failed for good; `number` is the errno (0: none). Raises AliendError."""

    async def handle_failure(self, job: Job, error: AliendError) -> None:
        """Retry after an exponential back-off; give up after a permanent error, or too many others."""
        reached = job.checkpoint, job.files.total
        earlier, before = self._failures.get(job.id, (0, reached))
        failures = earlier + 1 if before == reached else 1
        if reason := final_reason(error, failures):
            await self._give_up(job, reason, error_number(error))
            return
        self._failures[job.id] = failures, reached
        pause = backoff.delay(failures, self._context.random(), 1.0)
        self._postponed[job.id] = self._context.clock() + pause
        await self.change_job(job, SetMessage(f"{error}; retrying in {pause:.0f} s"))

    async def change_job(self, job: Job, event: JobEvent) -> None:
        """Apply an event to the job; a failure is logged only."""
        try:
            await self._store.change_job(job.id, event)
        except AliendError as error:
            log.error("%s", error, extra=facts(job=job.id))

    async def _run(self, job: Job) -> None:
        try:
            await self.work(job)
            self._failures.pop(job.id, None)
        except JobStopped:
            log.info("%s stopped", self.what, extra=facts(job=job.id))
        except AliendError as error:
            log.warning("%s failed: %s", self.what, error, extra=facts(job=job.id, reason=str(error)))
            await self.handle_failure(job, error)
        except Exception:
            log.exception("%s: internal error", self.what, extra=facts(job=job.id))
            await self._give_up(job, f"internal error: {self.what} failed; see `alienctl daemon logs`", 0)
        finally:
            self._running.discard(job.id)
            self._context.wake()

    async def _give_up(self, job: Job, reason: str, number: int) -> None:
        try:
            await self.give_up(job, reason, number)
        except AliendError as error:
            log.error("%s", error, extra=facts(job=job.id))
            self._postponed[job.id] = self._context.clock() + backoff.SHORT_CAP
