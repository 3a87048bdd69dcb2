"""Collects why files wait, one by one or in groups, from stored and running transfers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from aliend.core.transfers.attempt_record import AttemptRecord
from aliend.core.transfers.job import Job, JobState
from aliend.core.transfers.transfer import UNFINISHED, Phase
from aliend.core.transfers.wait_reason import (
    Reason,
    SchedulerSnapshot,
    expansion_wait_reason,
    general_text,
    wait_reason,
    waiting_kind,
)
from aliend.engine.views import WaitGroup, WaitingFile
from aliend.store import BATCH, Store, WaitingCause

_LOOKED_AT, _EVERY = 100, 2**62
"""Files of a job that are examined one by one to group all of them."""


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


async def _of_job(
    store: Store, job: Job, snapshot: SchedulerSnapshot, most: int = _EVERY
) -> AsyncIterator[list[WaitingFile]]:
    """Return the waiting files of a job in groups: all, or those among its first `most` unfinished ones."""
    whole = expansion_wait_reason(job)
    if whole:
        yield [WaitingFile(job.id, 0, "", whole)]
    last, left = 0, most
    while left and (page := await store.transfers(job.id, min(BATCH, left), last, UNFINISHED)):
        failures = await store.last_failures([transfer.id for transfer in page])
        reasons_of = [(one, wait_reason(one, job, _kind_of(failures.get(one.id)), snapshot)) for one in page]
        yield [WaitingFile(job.id, transfer.id, transfer.source, reason) for transfer, reason in reasons_of if reason]
        last, left = page[-1].id, left - len(page)


async def groups_of_job(store: Store, job: Job, snapshot: SchedulerSnapshot) -> list[WaitGroup]:
    """Return why the files of a job wait, grouped by reason; its cost hardly grows with their number.

    The database groups the failed files. Of the files that have not started only the first are examined: the others
    are counted under the most frequent reason among these.
    """
    groups: dict[tuple[int, str, str], WaitGroup] = {}
    if job.state is JobState.PAUSED or job.files.unfinished <= _LOOKED_AT:
        async for page in _of_job(store, job, snapshot, most=_LOOKED_AT):
            for file in page:
                add_to_groups(groups, file)
        return _with_rest(list(groups.values()), job.files.unfinished)
    if whole := expansion_wait_reason(job):
        add_to_groups(groups, WaitingFile(job.id, 0, "", whole))
    for transfer in await store.transfers(job.id, BATCH, 0, (Phase.RUNNING,)):
        if reason := wait_reason(transfer, job, "", snapshot):
            add_to_groups(groups, WaitingFile(job.id, transfer.id, transfer.source, reason))
    causes = await store.waiting_causes(job.id)
    failures = await store.last_failures([cause.transfer for cause in causes]) if causes else {}
    failed = [
        WaitGroup(job.id, _reason_of(cause, _kind_of(failures.get(cause.transfer))), cause.files, cause.first)
        for cause in causes
    ]
    queued: dict[tuple[int, str, str], WaitGroup] = {}
    for transfer in await store.transfers(job.id, _LOOKED_AT, 0, (Phase.QUEUED,)):
        if reason := wait_reason(transfer, job, "", snapshot):
            add_to_groups(queued, WaitingFile(job.id, transfer.id, transfer.source, reason))
    others: list[WaitGroup] = []
    for group in _with_rest(list(queued.values()), job.files.queued):
        key = (job.id, group.reason.kind, group.reason.text)
        if started := groups.get(key):
            groups[key] = replace(started, files=started.files + group.files)
        else:
            others.append(group)
    return [*groups.values(), *failed, *others]


def _kind_of(failure: AttemptRecord | None) -> str:
    return failure.kind if failure else ""


def _reason_of(cause: WaitingCause, last_kind: str) -> Reason:
    return Reason(waiting_kind(cause.text, last_kind), cause.text, cause.until)


def _with_rest(groups: list[WaitGroup], files: int) -> list[WaitGroup]:
    """Return the groups; the files that were not examined count in the largest one."""
    rest = files - sum(group.files for group in groups)
    if rest <= 0 or files <= _LOOKED_AT or not any(group.files for group in groups):
        return groups
    largest = max(groups, key=lambda group: group.files)
    return [replace(group, files=group.files + rest) if group is largest else group for group in groups]


def add_to_groups(groups: dict[tuple[int, str, str], WaitGroup], file: WaitingFile) -> None:
    """Add a file to the group of its job and reason; reasons that differ only in the file's name are equal."""
    text = general_text(file.reason.text, file.source)
    key = (file.job, file.reason.kind, text)
    before = groups.get(key)
    if before is None:
        groups[key] = WaitGroup(file.job, file.reason, int(file.transfer > 0), file.source)
        return
    until = min(before.reason.until or file.reason.until, file.reason.until or before.reason.until)
    groups[key] = replace(before, reason=replace(file.reason, text=text, until=until), files=before.files + 1)
