"""What one attempt at a transfer works with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aliend.core.transfers.attempt_progress import Trail
from aliend.core.transfers.job import JobSpec
from aliend.core.transfers.transfer import Intent, Transfer
from aliend.engine.admission.storage_limiter import Gate
from aliend.engine.attempts.archive_tickets import Archives
from aliend.engine.attempts.relay_spool import Spool
from aliend.engine.attempts.stat_batcher import Looks
from aliend.engine.ports import CataloguePort, RunnerPort
from aliend.errors import CopyError
from aliend.storage.tasks import R, Task, Tuning


@dataclass(frozen=True, slots=True)
class Attempt:
    """The transfer as it was when the attempt began, and the parts that it may use.

    `made` remembers local directories that are about to be made; `keep_free` bytes of a disk are left free (-1: as
    `storage.tasks.Download` says); `note` stores an intent, durably when it returns; `progress` hears the bytes so far;
    `spool` is for what passes through this machine; `trail` what is remembered; `looks` looks names up together with
    other attempts, `archives` gets tickets; `neighbours` are the next transfers of the job.
    """

    transfer: Transfer
    spec: JobSpec
    catalogue: CataloguePort
    workers: RunnerPort
    gate: Gate
    note: Callable[[Intent], Awaitable[None]]
    progress: Callable[[int], None]
    trail: Trail
    looks: Looks
    archives: Archives
    neighbours: Callable[[], Awaitable[Sequence[Transfer]]]
    made: Callable[[Sequence[str]], Awaitable[None]]
    spool: Spool
    keep_free: int = -1

    async def copy(self, task: Task[R], on_progress: Callable[[int], None] | None = None) -> R:
        """Run a copy within the time that the job gives to each file. Raises CopyError, permanent when it is over.

        Its progress is that of the attempt, unless `on_progress` is to hear it.
        """
        try:
            async with asyncio.timeout(self.spec.timeout or None):
                return await self.workers.run(task, on_progress or self.progress)
        except TimeoutError:
            raise CopyError(
                f"the copy took longer than the {self.spec.timeout:g} s that were allowed", "permanent"
            ) from None


def tuning_of(spec: JobSpec) -> Tuning:
    """What the job says of the way in which bytes move."""
    return Tuning(spec.chunks, spec.chunk_size, spec.streams, spec.min_rate)
