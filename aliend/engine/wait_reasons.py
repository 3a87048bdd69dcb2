"""Collects for every waiting file why it waits, from stored and running transfers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from aliend.core.transfers.job import Job
from aliend.core.transfers.transfer import UNFINISHED
from aliend.core.transfers.wait_reason import SchedulerSnapshot, expansion_wait_reason, general_text, wait_reason
from aliend.engine.views import WaitGroup, WaitingFile
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


def add_to_groups(groups: dict[tuple[int, str, str], WaitGroup], file: WaitingFile) -> None:
    """Add a file to the group of its job and reason; names of the file in the reason do not make it another one."""
    text = general_text(file.reason.text, file.source)
    key = (file.job, file.reason.kind, text)
    before = groups.get(key)
    if before is None:
        groups[key] = WaitGroup(file.job, file.reason, int(file.transfer > 0), file.source)
        return
    until = min(before.reason.until or file.reason.until, file.reason.until or before.reason.until)
    groups[key] = replace(before, reason=replace(file.reason, text=text, until=until), files=before.files + 1)
