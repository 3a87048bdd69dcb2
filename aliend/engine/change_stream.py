"""Streams changes of jobs and transfers: a snapshot, then changes, merged to at most ten messages a second.

Events are never merged: a client that resumes after the last event it has seen gets each later one exactly once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from aliend.core.cli.numbers import parse_whole
from aliend.core.transfers.job import Job
from aliend.core.transfers.transfer import Running
from aliend.engine.views import ActiveCopy, Changes, JobView, TransferView, view_of_transfer
from aliend.errors import UsageError
from aliend.store import Store
from aliend.store.changes import ChangedRows

_PAUSE = 0.1
"""Shortest time in seconds between two messages."""
_PROGRESS = 0.5
"""Seconds between two messages that report only progress."""

Progress = Callable[[int], list[ActiveCopy]]


class ChangeStream:
    """Changes of one job, or of all (0). `progress` returns the files of a job (of all) that are being copied.

    `view` returns the view of a job with the bytes of its running copies.
    """

    def __init__(self, store: Store, job: int, progress: Progress, view: Callable[[Job], JobView]) -> None:
        self._view = view
        self._store = store
        self._job = job
        self._progress = progress
        self._moved: dict[int, int] = {}

    async def changes(self, token: str, since: int | None = None) -> AsyncIterator[Changes]:
        """Stream from the snapshot, from after `token`, or from after event number `since`.

        Raises NoSuchJob; UsageError for the token of another database and for a number whose events are no longer kept.
        """
        database, now = await self._store.position()
        revision = _revision_of(token, database) if since is None else since
        base = 0 if token or since is not None else now
        if self._job:
            await self._store.job(self._job)
        changed, has_sent = self._store.watch(), False
        try:
            while True:
                changed.clear()
                rows = await self._store.changes_since(self._job, revision, base)
                revision = rows.revision
                resume_token = f"{database}-{revision}"
                if rows.jobs or rows.transfers or rows.events:
                    has_sent = True
                    yield await self._message(rows, resume_token)
                if not rows.complete:
                    continue
                if await self._has_ended(revision):
                    return
                await asyncio.sleep(_PAUSE)
                if not has_sent:
                    has_sent = True
                    yield await self._message(rows, resume_token)
                while not await self._changes_soon(changed):
                    yield await self._message(await self._moving(rows), resume_token)
        finally:
            self._store.unwatch(changed)

    async def _has_ended(self, revision: int) -> bool:
        """Return whether the job has ended and its end was streamed."""
        if not self._job:
            return False
        job = await self._store.job(self._job)
        return bool(job.ended_ms) and job.revision <= revision

    async def _changes_soon(self, changed: asyncio.Event) -> bool:
        """Wait for a change and return True, or return False when running copies have moved bytes meanwhile."""
        while True:
            try:
                async with asyncio.timeout(_PROGRESS if self._progress(self._job) else None):
                    await changed.wait()
            except TimeoutError:
                if {active.id: active.bytes_done for active in self._progress(self._job)} == self._moved:
                    continue
                return False
            return True

    async def _moving(self, rows: ChangedRows) -> ChangedRows:
        """Return the running transfers and their jobs, without events; one that has just ended is a change."""
        moving = [await self._store.transfer(active.id) for active in self._progress(self._job)]
        transfers = [transfer for transfer in moving if isinstance(transfer.state, Running)]
        jobs = [await self._store.job(number) for number in sorted({transfer.job for transfer in transfers})]
        return replace(rows, jobs=tuple(jobs), transfers=tuple(transfers), events=())

    async def _message(self, rows: ChangedRows, token: str) -> Changes:
        self._moved = {active.id: active.bytes_done for active in self._progress(self._job)}
        by_number = {job.id: job for job in rows.jobs}
        views: list[TransferView] = []
        for transfer in rows.transfers:
            if transfer.job not in by_number:
                by_number[transfer.job] = await self._store.job(transfer.job)
            views.append(
                view_of_transfer(transfer, by_number[transfer.job].spec.direction, self._moved.get(transfer.id, 0))
            )
        jobs = tuple(map(self._view, rows.jobs))
        return Changes(jobs, tuple(views), rows.events, rows.revision, token)


def _revision_of(token: str, database: str) -> int:
    if not token:
        return 0
    name, _, text = token.rpartition("-")
    number = parse_whole(text)
    if name != database or number is None:
        raise UsageError("the resume token belongs to another database; watch again without it")
    return number
