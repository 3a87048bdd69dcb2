"""Runs the expansions of jobs, a few at a time, and puts a job on hold because of an obstacle on this machine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from aliend.core.cli.log_records import facts
from aliend.core.transfers.error_mapping import error_kind
from aliend.core.transfers.job import Checkpoint, ExpansionAdvanced, Hold, Job, JobState
from aliend.engine.expansion import target_disks
from aliend.engine.expansion.disk_space import DiskSpaceCheck
from aliend.engine.expansion.existing_files import ExistingFiles
from aliend.engine.expansion.expansion import Expansion
from aliend.engine.expansion.job_tasks import JobStopped, JobTaskRunner
from aliend.engine.expansion.sync_plan import SyncPlan, expand
from aliend.engine.held_jobs import HeldJobs
from aliend.engine.ports import EngineContext
from aliend.errors import AliendError, CopyError, Obstacle
from aliend.store import NewTransfer

log = logging.getLogger(__name__)


class ExpansionRunner(JobTaskRunner):
    """Finds the files of jobs. Downloads leave `keep_free` bytes of the disk free, see `storage.tasks.Download`."""

    what = "listing its files"

    def __init__(self, context: EngineContext, held_jobs: HeldJobs) -> None:
        super().__init__(context)
        self._held_jobs = held_jobs
        self.keep_free = -1

    async def work(self, job: Job) -> None:
        """Expand the job."""
        disk = DiskSpaceCheck(job.spec.target_of(0), self.keep_free)

        catalogue = self._context.catalogue_of(job.spec.context)
        existing = ExistingFiles(job, catalogue, self._context.workers)

        async def add(files: Sequence[NewTransfer], event: ExpansionAdvanced | None) -> Job:
            if job.spec.direction == "download":
                await self._record_disks(job.id, files)
                await asyncio.to_thread(disk.require_space, files)
            _require_readable(files)
            files = await existing.mark(files)
            current = await self._store.add(job.id, files, event)
            _log_failures(job, files)
            self._context.wake()
            if current.state not in {JobState.EXPANDING, JobState.ACTIVE}:
                raise JobStopped
            return current

        if job.spec.direction == "download":
            await asyncio.to_thread(target_disks.require_disks, job.spec)
        if job.spec.purpose == "sync":
            plan = SyncPlan(job.spec, catalogue, self._context.workers, self._store, whole=True)
            await expand(job, plan, self._store, add)
        else:
            await Expansion(job, catalogue, add).run()

    async def _record_disks(self, number: int, files: Sequence[NewTransfer]) -> None:
        """Record file systems that are mounted below the target. Raises CopyError if a recorded one is not there."""
        spec = (await self._store.job(number)).spec
        if found := await asyncio.to_thread(target_disks.disks_below, spec, files):
            await self._store.change_spec(number, lambda now: replace(now, file_systems=(*now.file_systems, *found)))

    async def handle_failure(self, job: Job, error: AliendError) -> None:
        """Put the job on hold if the error is local to this machine."""
        if error_kind(error) != "local":
            await super().handle_failure(job, error)
            return
        obstacle = error.obstacle if isinstance(error, CopyError) else None
        log.warning("on hold: %s", error, extra=facts(job=job.id, reason=str(error)))
        await self.change_job(job, Hold(str(error), obstacle or Obstacle("other", "/")))
        self._held_jobs.schedule_check()

    async def give_up(self, job: Job, reason: str, number: int) -> None:
        """Fail the sources that were not expanded; the files found so far continue."""
        current = await self._store.job(job.id)
        failed = [
            NewTransfer(source, "", problem=reason, error_number=number)
            for source in current.spec.sources[current.checkpoint.sources :]
        ]
        await self._store.add(job.id, failed, ExpansionAdvanced(Checkpoint(len(current.spec.sources), "directory")))
        _log_failures(job, failed)


def _log_failures(job: Job, files: Sequence[NewTransfer]) -> None:
    for file in files:
        if file.problem:
            log.warning("failed: %s: %s", file.source, file.problem, extra=facts(job=job.id, reason=file.problem))


def _require_readable(files: Sequence[NewTransfer]) -> None:
    """Raise CopyError (kind `local`) if the user must fix something on this machine before a file can be copied."""
    for file in files:
        if file.obstacle:
            raise CopyError(file.problem, "local", obstacle=file.obstacle)
