"""Runs the expansions of jobs, a few at a time; one that fails for a passing reason rests and is begun again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from aliend.core.transfers.error_mapping import error_kind
from aliend.core.transfers.job import Checkpoint, ExpansionAdvanced, Hold, Job, JobEvent, JobState, SetMessage
from aliend.engine.expansion.disk_space import DiskSpaceCheck
from aliend.engine.expansion.expansion import Expansion
from aliend.engine.expansion.job_tasks import Rounds
from aliend.engine.expansion.sync_plan import SyncExpansion, SyncPlan
from aliend.engine.ports import CatalogueOf, WorkersPort
from aliend.errors import AliendError, CopyError, Obstacle
from aliend.store import NewTransfer, Store

log = logging.getLogger(__name__)

_AT_A_TIME = 4


class _Ended(Exception):
    """The job was cancelled or paused while it was expanded."""


class ExpansionRunner:
    """Expansions under way and those that rest. `on_change` is called when transfers were found or one has ended."""

    def __init__(
        self,
        store: Store,
        workers: WorkersPort,
        catalogue_of: CatalogueOf,
        clock: Callable[[], float],
        chance: Callable[[], float],
        on_change: Callable[[], None],
    ) -> None:
        self._store = store
        self._workers = workers
        self._catalogue_of = catalogue_of
        self._clock = clock
        self._chance = chance
        self._on_change = on_change
        self.on_hold: Callable[[], None] = on_change
        """Called when a job was held."""
        self.keep_free = -1
        self._rounds = Rounds()
        self.next_start = self._rounds.next_start

    def begun(self) -> tuple[set[int], int]:
        """Jobs that are not to be begun now, and how many others may be."""
        return self._rounds.begun(self._clock()), _AT_A_TIME - self._rounds.count

    def start(self, jobs: Sequence[Job], group: asyncio.TaskGroup) -> None:
        """Begin the expansions of these jobs."""
        for job in jobs:
            self._rounds.begin(job.id)
            group.create_task(self._run(job))

    async def _run(self, job: Job) -> None:
        try:
            await self._expand(job)
            self._rounds.succeeded(job.id)
        except _Ended:
            log.info("job %d: its expansion was stopped", job.id)
        except AliendError as error:
            await self._failed(job, error)
        except Exception:
            log.exception("job %d: an error of aliend itself in the expansion", job.id)
            await self._give_up(job, "aliend itself failed to find out the files of this job; its log has the details")
        finally:
            self._rounds.end(job.id)
            self._on_change()

    async def _expand(self, job: Job) -> None:
        room = DiskSpaceCheck(job.spec.target_of(0), self.keep_free)

        async def add(found: Sequence[NewTransfer], event: ExpansionAdvanced | None) -> Job:
            if job.spec.direction == "download":
                await asyncio.to_thread(room.require_space, found)
            _require_readable(found)
            now = await self._store.add(job.id, found, event)
            self._on_change()
            if now.state not in {JobState.EXPANDING, JobState.ACTIVE}:
                raise _Ended
            return now

        catalogue = self._catalogue_of(job.spec.context)
        if job.spec.purpose == "sync":
            plan = SyncPlan(job.spec, catalogue, self._workers, self._store, whole=True)
            await SyncExpansion(job, plan, self._store, add).run()
        else:
            await Expansion(job, catalogue, add).run()

    async def _failed(self, job: Job, error: AliendError) -> None:
        kind = error.kind if isinstance(error, CopyError) else error_kind(error)
        log.warning("job %d: its files cannot be found out: %s", job.id, error)
        if kind == "permanent":
            await self._give_up(job, str(error))
            return
        if kind == "local":
            obstacle = error.obstacle if isinstance(error, CopyError) else None
            await self._change(job, Hold(str(error), obstacle or Obstacle("other", "/")))
            self.on_hold()
            return
        self._rounds.failed(job.id, self._clock(), self._chance())
        await self._change(job, SetMessage(f"{error} (will be tried again)"))

    async def _give_up(self, job: Job, reason: str) -> None:
        """What was found goes on; the sources that were not looked at fail with the reason."""
        try:
            now = await self._store.job(job.id)
            rest = now.spec.sources[now.checkpoint.sources :]
            failed = [NewTransfer(source, "", problem=reason) for source in rest]
            done = ExpansionAdvanced(Checkpoint(len(now.spec.sources), "directory"))
            await self._store.add(job.id, failed, done)
        except AliendError as error:
            log.error("job %d: %s", job.id, error)
            self._rounds.put_off(job.id, self._clock())

    async def _change(self, job: Job, event: JobEvent) -> None:
        try:
            await self._store.change_job(job.id, event)
        except AliendError as error:
            log.error("job %d: %s", job.id, error)


def _require_readable(found: Sequence[NewTransfer]) -> None:
    """CopyError of kind `local` where something here has to be mended before one of these can be copied."""
    for one in found:
        if one.obstacle:
            raise CopyError(one.problem, "local", obstacle=one.obstacle)
