"""Tells what changes: first a snapshot, then changes, merged to at most ten messages a second; and the end of a job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

from aliend.core.job import Job
from aliend.core.transfer import Transfer
from aliend.engine.views import Changes, Moving, TransferView, view_of_job, view_of_transfer
from aliend.errors import UsageError
from aliend.store import Store

_PAUSE = 0.1
"""Seconds between two messages at least."""
_PROGRESS = 0.5
"""Seconds between two messages that only tell of moving bytes."""

Progress = Callable[[int], list[Moving]]


class Watcher:
    """Changes of one job, or of all (0). `progress` gives the files of a job (of all) that move now."""

    def __init__(self, store: Store, job: int, progress: Progress) -> None:
        self._store = store
        self._job = job
        self._progress = progress
        self._moved: dict[int, int] = {}

    async def changes(self, token: str) -> AsyncIterator[Changes]:
        """From the snapshot, or from after `token`. Raises NoSuchJob, UsageError (a token of another database)."""
        database, now = await self._store.position()
        revision = _revision_of(token, database)
        base = 0 if token else now
        if self._job:
            await self._store.job(self._job)
        changed = self._store.watch()
        try:
            while True:
                changed.clear()
                found = await self._store.changes_since(self._job, revision, base)
                revision = found.revision
                told = f"{database}-{revision}"
                if found.jobs or found.transfers:
                    yield await self._told(found.jobs, found.transfers, told)
                    await asyncio.sleep(_PAUSE)
                if not found.complete:
                    continue
                if await self._has_ended(revision):
                    return
                while not await self._changes_soon(changed):
                    yield await self._told((), await self._moving(), told)
        finally:
            self._store.unwatch(changed)

    async def _has_ended(self, revision: int) -> bool:
        """Whether the job has ended, and its end was told."""
        if not self._job:
            return False
        job = await self._store.job(self._job)
        return bool(job.ended_ms) and job.revision <= revision

    async def _changes_soon(self, changed: asyncio.Event) -> bool:
        """Wait for a change; False as soon as bytes have moved instead. Sleeps undisturbed while nothing moves."""
        while True:
            try:
                await asyncio.wait_for(changed.wait(), _PROGRESS if self._progress(self._job) else None)
            except TimeoutError:
                if {one.id: one.bytes_done for one in self._progress(self._job)} == self._moved:
                    continue
                return False
            return True

    async def _moving(self) -> list[Transfer]:
        return [await self._store.transfer(one.id) for one in self._progress(self._job)]

    async def _told(self, jobs: Iterable[Job], transfers: Iterable[Transfer], token: str) -> Changes:
        self._moved = {one.id: one.bytes_done for one in self._progress(self._job)}
        known = {job.id: job for job in jobs}
        views: list[TransferView] = []
        for one in transfers:
            if one.job not in known:
                known[one.job] = await self._store.job(one.job)
            views.append(view_of_transfer(one, known[one.job].spec.direction, self._moved.get(one.id, 0)))
        return Changes(tuple(view_of_job(job) for job in jobs), tuple(views), token)


def _revision_of(token: str, database: str) -> int:
    if not token:
        return 0
    name, dash, number = token.rpartition("-")
    if not dash or name != database or not (number.isascii() and number.isdigit()):
        raise UsageError("This resume token belongs to another database; watch again without it")
    return int(number)
