"""Partial files of cancelled downloads: kept for a day, resumed by a retry or by the same copy, then removed.

The transfer's intent records each of them before its copy stops, so that none is left that nobody knows. A partial file
is verified when it is resumed: the md5 of the whole file decides.
"""

from __future__ import annotations

from dataclasses import replace

from aliend.core.catalogue.file_system import directory_above
from aliend.core.transfers.job import Job
from aliend.core.transfers.transfer import IntentSaved, NoIntent, PartialKept, Transfer
from aliend.engine.ports import EngineContext
from aliend.store import BATCH

KEEP_SECONDS = 86400.0
"""Seconds for which the partial file of a cancelled download is kept."""
KEEP_FROM = 1 << 20
"""Bytes; a shorter partial file is not worth keeping."""
_RETRY = 3600.0
"""Seconds before a partial file that could not be removed is tried again."""


class KeptPartialFiles:
    """Keeps and removes partial files; every method raises StoreError."""

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._store = context.store
        self.next_end: float | None = 0.0
        """The POSIX second from which the next one need not be kept any more (None: none is kept)."""

    async def release(self, transfer: Transfer, job: Job) -> None:
        """Remove the partial file of a download that was given up, unless it is to be kept. Raises AliendError."""
        from aliend.storage.tasks import RemovePartial  # the engine needs no tasks until it has a job

        intent = transfer.intent
        is_kept = isinstance(intent, PartialKept) and intent.until_ms > self._now_ms()
        created = await self._store.partial_files.created_directories_above(job.id, transfer.target)
        keep_from = KEEP_FROM if is_kept else 0
        above = directory_above(transfer.target, job.spec.directories)
        task = RemovePartial(
            id=transfer.id,
            target=transfer.target,
            directories=tuple(created),
            keep_from=keep_from,
            file_systems=job.spec.file_systems,
            directory=above,
            attempts=transfer.attempts,
        )
        found = await self._context.workers.run(task, lambda _: None)
        if not isinstance(intent, PartialKept):
            return
        if is_kept and found.size >= KEEP_FROM:
            await self._store.change(transfer.id, IntentSaved(replace(intent, bytes=found.size)))
            end = intent.until_ms / 1000
            self.next_end = end if self.next_end is None else min(end, self.next_end)
        else:
            await self._store.change(transfer.id, IntentSaved(NoIntent()))

    async def discard(self, job: Job) -> None:
        """Remove the partial files that are kept of a job. Raises AliendError."""
        for transfer in await self._store.partial_files.of(job.id):
            await self.release(replace(transfer, intent=PartialKept(0)), job)

    async def ended(self) -> list[Transfer]:
        """Return transfers whose partial file need not be kept any more; each end is returned once an hour."""
        now = self._context.clock()
        if self.next_end is None or now < self.next_end:
            return []
        found = await self._store.partial_files.ended(self._now_ms(), BATCH)
        first = await self._store.partial_files.first_end()
        self.next_end = None if first is None else max(first, now + _RETRY)
        return found

    def _now_ms(self) -> int:
        return int(self._context.clock() * 1000)
