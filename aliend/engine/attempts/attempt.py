"""One attempt at a transfer: what is to be copied, and the tools it may use."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from aliend.core.cli.log_records import Fact, facts
from aliend.core.transfers.attempt_progress import AttemptProgress
from aliend.core.transfers.job import JobSpec
from aliend.core.transfers.transfer import Intent, IntentSaved, Transfer
from aliend.engine.admission.running_attempts import RunningAttempts
from aliend.engine.admission.storage_limiter import StorageElementLimiter
from aliend.engine.attempts.archive_tickets import ArchiveTickets
from aliend.engine.attempts.stat_batcher import BATCH_SIZE, StatBatcher
from aliend.engine.ports import CataloguePort, RunnerPort
from aliend.engine.relay_spool import RelaySpool
from aliend.errors import CopyError
from aliend.storage.tasks import R, Task, Tuning
from aliend.store import Store

log = logging.getLogger(__name__)

_FINISH_LIMIT = 10.0
"""Seconds that a cancelled attempt may take to register what it has written."""


@dataclass(frozen=True, slots=True)
class AttemptTools:
    """The parts that an attempt may use.

    `stats` and `tickets` batch requests of several attempts; files relayed through this machine lie in `spool`;
    `keep_free` bytes of a disk stay free (-1: see `storage.tasks.Download`).
    """

    catalogue: CataloguePort
    workers: RunnerPort
    running: RunningAttempts
    limiter: StorageElementLimiter
    stats: StatBatcher
    tickets: ArchiveTickets
    spool: RelaySpool
    store: Store
    keep_free: int = -1


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: the transfer as it was at the start, its job's specification, its progress, and the tools."""

    transfer: Transfer
    spec: JobSpec
    progress: AttemptProgress
    tools: AttemptTools

    def acquire(self, ses: Collection[str]) -> AbstractAsyncContextManager[None]:
        """Wait for a file slot and for capacity on all of `ses`. Raises CopyError (kind `storage`)."""
        return self.tools.running.acquire(self.transfer.id, ses)

    def facts(self, **more: Fact) -> dict[str, Any]:
        """Return the facts of this attempt for the log, and `more`."""
        return facts(job=self.transfer.job, transfer=self.transfer.id, attempt=self.transfer.attempts, **more)

    async def save_intent(self, intent: Intent) -> None:
        """Save what is about to change in the catalogue; it is durable on return. Raises StoreError."""
        await self.tools.store.change(self.transfer.id, IntentSaved(intent))

    async def record_created_directories(self, directories: Sequence[str]) -> None:
        """Record local directories that are about to be created. Raises StoreError."""
        await self.tools.store.partial_files.record_created_directories(self.transfer.job, directories)

    async def next_transfers(self) -> Sequence[Transfer]:
        """Return the next transfers of the job. Raises StoreError."""
        return await self.tools.store.next_transfers(self.transfer.job, self.transfer.id, 2 * BATCH_SIZE)

    async def finish(self, work: Coroutine[None, None, None]) -> None:
        """Do work that a cancellation must not cut in two: it is completed first, within a few seconds."""
        task = asyncio.create_task(work)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait({task}, timeout=_FINISH_LIMIT)
            if not task.done():
                task.cancel()
            elif not task.cancelled() and (error := task.exception()):
                log.warning("the cancelled work failed: %s", error, extra=self.facts())
            raise

    async def copy(self, task: Task[R], on_progress: Callable[[int], None] | None = None) -> R:
        """Run a copy within the job's time limit for one file. Raises CopyError, permanent on a timeout.

        Bytes moved are reported to `on_progress` (None: to the attempt's progress).
        """
        try:
            async with asyncio.timeout(self.spec.timeout or None):
                return await self.tools.workers.run(task, on_progress or self.progress.record_bytes)
        except TimeoutError:
            text = f"the copy exceeded its time limit of {self.spec.timeout:g} s"
            raise CopyError(text, "permanent").with_errno(errno.ETIMEDOUT) from None


def tuning_of(spec: JobSpec) -> Tuning:
    """Return the job's settings for moving bytes."""
    return Tuning(spec.chunks, spec.chunk_size, spec.streams, spec.min_rate)
