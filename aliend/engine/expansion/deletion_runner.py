"""Runs the last step of synchronisations: delete what only the target has, once every file has arrived.

The source is listed again, completely: files that it has by now are kept, and if the listing fails nothing is
deleted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aliend.core.transfers.job import DeletionsFinished, Job, JobState
from aliend.engine.expansion import target_disks
from aliend.engine.expansion.deletion import DeletionOutcome, delete_in_catalogue, delete_local
from aliend.engine.expansion.job_tasks import JobStopped, JobTaskRunner
from aliend.engine.expansion.sync_plan import SyncPlan
from aliend.store import Deletion

_BATCH = 50
"""Files deleted between two checks whether the job was stopped; as many as one request can name."""


class DeletionRunner(JobTaskRunner):
    """Deletes the files that only the target of a synchronisation has."""

    what = "deleting files"

    async def work(self, job: Job) -> None:
        """Delete the files, and end the job with a message if some were kept."""
        await self._store.change_job(job.id, DeletionsFinished(await self._delete(job)))

    async def give_up(self, job: Job, reason: str, _number: int) -> None:
        """End the job without a deletion."""
        await self._store.change_job(job.id, DeletionsFinished(f"nothing was deleted: {reason}"))

    async def _delete(self, job: Job) -> str:
        """Delete the files; return the message for the user (empty: all were deleted)."""
        deletions = await self._store.deletions.page(job.id, None, ("pending", "kept", "refused"))
        if not deletions:
            return ""
        if not deletions[0].below:
            return f"nothing was deleted: {deletions[0].reason}"
        catalogue = self._context.catalogue_of(job.spec.context)
        async with SyncPlan(job.spec, catalogue, self._context.workers, self._store) as plan:
            await plan.list_source()
            if reason := await plan.why_no_deletion():
                return f"nothing was deleted: {reason}"
            kept = 0
            while deletions:
                for start in range(0, len(deletions), _BATCH):
                    if (await self._store.job(job.id)).state is not JobState.DELETING:
                        raise JobStopped
                    kept += await self._delete_batch(job, plan, deletions[start : start + _BATCH])
                deletions = await self._store.deletions.page(job.id, deletions[-1].below, ("pending", "kept"))
        if not kept:
            return ""
        files = "1 file" if kept == 1 else f"{kept} files"
        return f"deleting {files} failed; see `alienctl transfers show {job.id}`"

    async def _delete_batch(self, job: Job, plan: SyncPlan, batch: Sequence[Deletion]) -> int:
        """Delete the files of a batch that the source still lacks; return how many could not be deleted."""
        returned = {deletion.below for deletion in batch if await plan.has(deletion.below)}
        doomed = [deletion for deletion in batch if deletion.below not in returned]
        outcomes = await self._delete_files(job, doomed) if doomed else []
        done = [
            Deletion(deletion.below, deletion.fingerprint, state, reason)
            for deletion, (state, reason) in zip(doomed, outcomes, strict=True)
        ]
        spared = [
            Deletion(deletion.below, deletion.fingerprint, "spared", "the source has it again")
            for deletion in batch
            if deletion.below in returned
        ]
        await self._store.deletions.add(job.id, [*done, *spared])
        return sum(deletion.state == "kept" for deletion in done)

    async def _delete_files(self, job: Job, doomed: Sequence[Deletion]) -> list[DeletionOutcome]:
        if job.spec.direction == "download":
            await asyncio.to_thread(target_disks.require_disks, job.spec)
            return await delete_local(job.spec.target, doomed)
        return await delete_in_catalogue(self._context.catalogue_of(job.spec.context), job.spec.target, doomed)
