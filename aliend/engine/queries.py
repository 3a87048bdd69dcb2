"""The queries of the engine: jobs, transfers and why they wait, from the store and from what runs now."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence

from aliend.core.metrics.families import Family, gauge
from aliend.core.transfers.attempt_record import AttemptRecord
from aliend.core.transfers.job import EVERY_JOB, Job, JobFilter
from aliend.core.transfers.transfer import Phase
from aliend.core.transfers.wait_reason import AFTER_FAILURE, ElementLoad, SchedulerSnapshot
from aliend.engine.admission.job_rates import JobRates
from aliend.engine.admission.running_attempts import RunningAttempts
from aliend.engine.admission.storage_limiter import StorageElementLimiter
from aliend.engine.change_stream import ChangeStream
from aliend.engine.ports import WorkersPort
from aliend.engine.statistics import element_families
from aliend.engine.views import (
    ActiveCopy,
    Changes,
    DeletionView,
    JobView,
    TransferView,
    WaitGroup,
    WaitingFile,
    view_of_job,
    view_of_transfer,
)
from aliend.engine.wait_reasons import groups_of_job, reasons
from aliend.store import BATCH, Store


class Queries:
    """Queries that change nothing; they may be made as soon as the store is open.

    Every method raises StoreError, and NoSuchJob if it takes the number of a job.
    """

    def __init__(
        self, store: Store, workers: WorkersPort, clock: Callable[[], float], on_change: Callable[[], None]
    ) -> None:
        self._store = store
        self._workers = workers
        self._clock = clock
        self._limiter = StorageElementLimiter(clock, on_change)
        self._running = RunningAttempts(self._limiter, JobRates(clock))

    async def job(self, number: int) -> JobView:
        """Return one job."""
        return self._view(await self._store.job(number))

    async def submitted(self, request_id: str) -> JobView | None:
        """Return the job of a request id; None: the id is new."""
        job = await self._store.job_of_request(request_id)
        return self._view(job) if job else None

    async def jobs(
        self,
        page_size: int = 50,
        before_id: int = 0,
        *,
        active_only: bool = False,
        matching: JobFilter = EVERY_JOB,
    ) -> list[JobView]:
        """Return a page of jobs below number `before_id` (0: from the newest), the newest first."""
        page = await self._store.jobs(page_size, before_id, active_only=active_only, matching=matching)
        return list(map(self._view, page))

    async def running_jobs(self) -> list[JobView]:
        """Return the jobs with running copies, the newest first."""
        numbers = {attempt.job.id for attempt in self._running.by_transfer.values() if not attempt.is_stopped}
        return [await self.job(number) for number in sorted(numbers, reverse=True)]

    async def transfers(
        self, job: int, page_size: int = 50, after_id: int = 0, states: Collection[str] = ()
    ) -> list[TransferView]:
        """Return a page of a job's transfers above number `after_id`; only those in `states`, if any are named."""
        direction = (await self._store.job(job)).spec.direction
        active = {copy.id: copy.bytes_done for copy in self.progress()}
        page = await self._store.transfers(job, page_size, after_id, [Phase(state) for state in states])
        joined = await self._store.joined_counts([transfer.joined or transfer.id for transfer in page])
        views = []
        for transfer in page:
            carrier = transfer.joined or transfer.id
            views.append(view_of_transfer(transfer, direction, active.get(carrier, 0), 1 + joined.get(carrier, 0)))
        return views

    async def attempts(self, transfers: Sequence[int]) -> list[AttemptRecord]:
        """Return the attempts at these transfers (at most 1000), by transfer, the oldest first."""
        return await self._store.attempts(transfers)

    async def last_failures(self, transfers: Sequence[int]) -> dict[int, AttemptRecord]:
        """Return the newest failed attempt of each of these transfers (at most 1000) that has one."""
        return await self._store.last_failures(transfers) if transfers else {}

    async def deletions(self, job: int, after: str | None = None) -> list[DeletionView]:
        """Return a page of the files that a synchronisation deletes, by name, after `after` (None: from the first)."""
        page = await self._store.deletions.page(job, after)
        return [DeletionView(deletion.below, deletion.state, deletion.reason) for deletion in page]

    async def wait_reasons(self, job: int = 0) -> AsyncGenerator[list[WaitingFile], None]:
        """Return the files of a job (0: of all jobs) that wait, and why, in groups."""
        async for group in reasons(self._store, job, await self._snapshot()):
            yield group

    async def _snapshot(self) -> SchedulerSnapshot:
        now = self._clock()
        return SchedulerSnapshot(
            now,
            self._running.limits,
            self._running.running_copies(),
            {se: ElementLoad(view.copies, view.limit) for se, view in self._limiter.elements().items()},
            await self._store.jobs_with_ready_files(now),
            self._workers.bandwidth.throttled_rates(),
        )

    async def grouped_reasons(self, job: int = 0) -> list[WaitGroup]:
        """Return why the files of a job (0: of all jobs) wait, grouped by job and reason; cheap for large jobs."""
        snapshot = await self._snapshot()
        if job:
            return await groups_of_job(self._store, await self._store.job(job), snapshot)
        groups: list[WaitGroup] = []
        last = 0
        while page := await self._store.jobs(BATCH, last, active_only=True):
            for one in page:
                groups += await groups_of_job(self._store, one, snapshot)
            last = page[-1].id
        return groups

    async def wait_summary(self, job: int) -> list[WaitGroup]:
        """Return why files of a job wait: those that failed, or else the others."""
        groups = await self.grouped_reasons(job)
        return [group for group in groups if group.reason.kind in AFTER_FAILURE] or groups

    async def metrics(self) -> list[Family]:
        """Return the figures for monitoring."""
        counts = await self._store.queue_counts()
        rate = sum(self._running.rates.bytes_per_second(job) for job in self._running.job_numbers())
        return [
            *self._running.statistics.families(),
            *element_families(self._limiter.elements()),
            Family("jobs", "gauge", "Unfinished jobs.", ("state",), {(name,): n for name, n in counts.jobs.items()}),
            Family(
                "transfers",
                "gauge",
                "Unfinished transfers.",
                ("state",),
                {(name,): n for name, n in counts.transfers.items()},
            ),
            gauge("rate_bytes", "Measured bytes per second of all copies.", rate, "bytes"),
        ]

    def progress(self, job: int = 0) -> list[ActiveCopy]:
        """Return the files of a job (0: of all jobs) that are being copied."""
        return self._running.active_copies(job)

    def changes(self, job: int = 0, token: str = "", since: int | None = None) -> AsyncIterator[Changes]:
        """Return a snapshot, then changes; of one job until it has ended, or of all jobs (0).

        With `token` or event number `since` the changes after it come instead of the snapshot. Raises UsageError for
        the token of another database, and for events that are no longer kept.
        """
        return ChangeStream(self._store, job, self.progress, self._view).changes(token, since)

    async def wait(self, number: int) -> JobView:
        """Wait until the job has ended; return it."""
        changed = self._store.watch()
        try:
            while True:
                changed.clear()
                job = await self._store.job(number)
                if job.ended_ms:
                    return self._view(job)
                await changed.wait()
        finally:
            self._store.unwatch(changed)

    def _view(self, job: Job) -> JobView:
        return view_of_job(job, self._running.progress_of(job.id))
