"""The last step of synchronisations: what only their target has is deleted, when everything has arrived.

The source is listed once more, whole and fresh: what it has by now is kept, and if the listing fails nothing is
deleted. One that fails for a passing reason rests and is begun again, also by the next daemon.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from aliend.core.transfers.error_mapping import error_kind
from aliend.core.transfers.job import DeletionsFinished, Job, JobState, SetMessage
from aliend.engine.expansion.deletion import DeletionOutcome, delete_in_catalogue, delete_local
from aliend.engine.expansion.job_tasks import Rounds
from aliend.engine.expansion.sync_plan import SyncPlan
from aliend.engine.ports import CatalogueOf, WorkersPort
from aliend.errors import AliendError, CopyError
from aliend.store import Deletion, Store

log = logging.getLogger(__name__)

_BATCH = 50
"""Files deleted between two looks whether the job was stopped; as many as one request can name."""


class DeletionRunner:
    """The deletions under way and those that rest. `on_change` is called when one has ended."""

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
        self._on_change = on_change
        self._chance = chance
        self._rounds = Rounds()
        self.next_start = self._rounds.next_start

    def begun(self) -> set[int]:
        """Jobs that are not to be begun now."""
        return self._rounds.begun(self._clock())

    def start(self, jobs: Sequence[Job], group: asyncio.TaskGroup) -> None:
        """Begin the deletions of these jobs."""
        for job in jobs:
            self._rounds.begin(job.id)
            group.create_task(self._run(job))

    async def _run(self, job: Job) -> None:
        try:
            message = await self._delete(job)
            if message is not None:
                await self._store.change_job(job.id, DeletionsFinished(message))
            self._rounds.succeeded(job.id)
        except AliendError as error:
            await self._failed(job, error)
        except Exception:
            log.exception("job %d: an error of aliend itself while deleting", job.id)
            await self._end(job, "aliend itself failed while deleting; its log has the details")
        finally:
            self._rounds.end(job.id)
            self._on_change()

    async def _delete(self, job: Job) -> str | None:
        """Delete what is to be deleted: what there is to say about it, None if the job was stopped."""
        todo = await self._store.deletions.page(job.id, None, ("pending", "kept", "refused"))
        if not todo:
            return ""
        if not todo[0].below:
            return f"nothing was deleted: {todo[0].reason}"
        plan = SyncPlan(job.spec, self._catalogue_of(job.spec.context), self._workers, self._store)
        try:
            await plan.list_source()
            if reason := await plan.why_no_deletion():
                return f"nothing was deleted: {reason}"
            kept = 0
            while todo:
                for start in range(0, len(todo), _BATCH):
                    if (await self._store.job(job.id)).state is not JobState.DELETING:
                        return None
                    kept += await self._delete_batch(job, plan, todo[start : start + _BATCH])
                todo = await self._store.deletions.page(job.id, todo[-1].below, ("pending", "kept"))
        finally:
            plan.close()
        return f"{kept} files that only the target has were not deleted (see: transfers show {job.id})" if kept else ""

    async def _delete_batch(self, job: Job, plan: SyncPlan, batch: Sequence[Deletion]) -> int:
        """Delete some; how many could not be. What the source has by now is none of them any more."""
        back = {one.below for one in batch if await plan.has(one.below)}
        doomed = [one for one in batch if one.below not in back]
        outcomes = await self._erase(job, doomed) if doomed else []
        told = [
            Deletion(one.below, one.fingerprint, state, reason)
            for one, (state, reason) in zip(doomed, outcomes, strict=True)
        ]
        returned = [
            Deletion(one.below, one.fingerprint, "spared", "the source has it again")
            for one in batch
            if one.below in back
        ]
        await self._store.deletions.add(job.id, [*told, *returned])
        return sum(one.state == "kept" for one in told)

    async def _erase(self, job: Job, doomed: Sequence[Deletion]) -> list[DeletionOutcome]:
        if job.spec.direction == "download":
            return await delete_local(job.spec.target, doomed)
        return await delete_in_catalogue(self._catalogue_of(job.spec.context), job.spec.target, doomed)

    async def _failed(self, job: Job, error: AliendError) -> None:
        log.warning("job %d: nothing can be deleted now: %s", job.id, error)
        kind = error.kind if isinstance(error, CopyError) else error_kind(error)
        if kind == "permanent":
            await self._end(job, f"nothing was deleted: {error}")
            return
        self._rounds.failed(job.id, self._clock(), self._chance())
        try:
            await self._store.change_job(job.id, SetMessage(f"{error} (will be tried again)"))
        except AliendError as failure:
            log.error("job %d: %s", job.id, failure)

    async def _end(self, job: Job, message: str) -> None:
        try:
            await self._store.change_job(job.id, DeletionsFinished(message))
        except AliendError as error:
            log.error("job %d: %s", job.id, error)
            self._rounds.put_off(job.id, self._clock())
