"""Collects for every waiting file why it waits, from stored and running transfers."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aliend.core.transfers.job import Job
from aliend.core.transfers.transfer import UNFINISHED
from aliend.core.transfers.wait_reason import SchedulerSnapshot, expansion_wait_reason, wait_reason
from aliend.engine.views import WaitingFile
from aliend.store import BATCH, Store


async def reasons(store: Store, job: int, snapshot: SchedulerSnapshot) -> AsyncIterator[list[WaitingFile]]:
    """Return the waiting files of a job (0: of all jobs), in groups. Raises NoSuchJob, StoreError."""
    if job:
        async for group in _of_job(store, await store.job(job), snapshot):
            yield group
        return
    last = 0
    while jobs := await store.jobs(BATCH, last, active_only=True):
        for transfer in jobs:
            async for group in _of_job(store, transfer, snapshot):
                yield group
        last = jobs[-1].id


async def _of_job(store: Store, job: Job, snapshot: SchedulerSnapshot) -> AsyncIterator[list[WaitingFile]]:
    whole = expansion_wait_reason(job)
    if whole:
        yield [WaitingFile(job.id, 0, "", whole)]
    last = 0
    while page := await store.transfers(job.id, BATCH, last, UNFINISHED):
        kinds = await store.last_error_kinds([transfer.id for transfer in page])
        reasons_of = [(transfer, wait_reason(transfer, job, kinds.get(transfer.id, ""), snapshot)) for transfer in page]
        yield [WaitingFile(job.id, transfer.id, transfer.source, reason) for transfer, reason in reasons_of if reason]
        last = page[-1].id
