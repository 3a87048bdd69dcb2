"""Collects for every waiting file why it waits, from stored and running transfers."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aliend.core.transfers.job import Job
from aliend.core.transfers.transfer import UNFINISHED
from aliend.core.transfers.wait_reason import SchedulerSnapshot, expansion_wait_reason, wait_reason
from aliend.engine.views import WaitingFile
from aliend.store import BATCH, Store


async def reasons(store: Store, job: int, around: SchedulerSnapshot) -> AsyncIterator[list[WaitingFile]]:
    """Return the waiting files of a job (0: of all jobs), in groups. Raises NoSuchJob, StoreError."""
    if job:
        async for found in _of_job(store, await store.job(job), around):
            yield found
        return
    last = 0
    while jobs := await store.jobs(BATCH, last, active_only=True):
        for one in jobs:
            async for found in _of_job(store, one, around):
                yield found
        last = jobs[-1].id


async def _of_job(store: Store, job: Job, around: SchedulerSnapshot) -> AsyncIterator[list[WaitingFile]]:
    whole = expansion_wait_reason(job)
    if whole:
        yield [WaitingFile(job.id, 0, "", whole)]
    last = 0
    while page := await store.transfers(job.id, BATCH, last, UNFINISHED):
        kinds = await store.last_error_kinds([one.id for one in page])
        told = [(one, wait_reason(one, job, kinds.get(one.id, ""), around)) for one in page]
        yield [WaitingFile(job.id, one.id, one.source, reason) for one, reason in told if reason]
        last = page[-1].id
