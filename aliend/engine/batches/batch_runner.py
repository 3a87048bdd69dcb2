"""Runs batches of attempts: starts them, ends them, and cleans up after what was stopped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from aliend.core.transfers.job import Direction
from aliend.core.transfers.scheduler import Candidate
from aliend.engine.admission.running_attempts import RunningAttempt, RunningAttempts
from aliend.engine.admission.storage_limiter import StorageElementLimiter
from aliend.engine.attempts.runner import AttemptRunner
from aliend.engine.batches.batch import Batch
from aliend.engine.batches.download_batch import download_batch
from aliend.engine.batches.upload_batch import upload_batch
from aliend.engine.ports import EngineContext
from aliend.errors import CopyError
from aliend.store import ChangeResult

log = logging.getLogger(__name__)

_BY_DIRECTION: dict[Direction, Callable[[Batch], Awaitable[None]]] = {
    "download": download_batch,
    "upload": upload_batch,
}


class BatchRunner:
    """Runs batches in the engine's task group; `attempts` runs what starts alone or leaves its batch."""

    def __init__(
        self,
        context: EngineContext,
        attempts: AttemptRunner,
        running: RunningAttempts,
        limiter: StorageElementLimiter,
    ) -> None:
        self._context = context
        self._attempts = attempts
        self._running = running
        self._limiter = limiter

    def start(self, started: Sequence[tuple[Candidate, ChangeResult]]) -> None:
        """Run the attempts that the scheduler has started: in batches, or alone."""
        batches: dict[int, list[RunningAttempt]] = {}
        for candidate, result in started:
            if not candidate.batch or candidate.direction not in _BY_DIRECTION:
                self._attempts.start(candidate, result)
            elif running := self._attempts.register(candidate, result):
                batches.setdefault(candidate.batch, []).append(running)
        for members in batches.values():
            task = self._context.tasks.create_task(self._run(members))
            for running in members:
                running.task = task

    async def _run(self, members: Sequence[RunningAttempt]) -> None:
        batch = Batch(self._context, self._attempts, self._running, self._limiter, members)
        try:
            await self._run_guarded(batch, members[0].job.spec.direction)
            await self._attempts.record_ended([(one.running, one.event) for one in batch.members if one.event])
            await self._attempts.record_stopped([one.running for one in batch.members if not one.event])
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or not all(one.running.is_stopped for one in batch.members):
                raise
            task.uncancel()
            await self._attempts.record_stopped([one.running for one in batch.members])
        finally:
            await self._finish(batch)

    async def _run_guarded(self, batch: Batch, direction: Direction) -> None:
        """Run the stages; after an unexpected error each file gets its own task, which shows which file causes it."""
        try:
            options = self._attempts.task_options(batch.members[0].running)
            async with self._context.workers.reserve_slot(options, batch.wait_for_worker):
                batch.use_worker()
                await _BY_DIRECTION[direction](batch)
        except CopyError as error:  # no worker of the cluster can be reached: that concerns each file
            log.info("%d files leave their batch: %s", len(batch.remaining), error)
        except Exception:
            log.exception("%d files leave their batch after an internal error", len(batch.remaining))
        for member in batch.remaining:
            batch.leave(member)

    async def _finish(self, batch: Batch) -> None:
        """Clean up and free the slot; one after the other if the daemon is stopping, which cleans up nothing."""
        for member in batch.members:
            member.running.is_stopped = True
        task = asyncio.current_task()
        endings = [self._attempts.finish(member.running) for member in batch.members]
        if task and task.cancelling():
            for ending in endings:
                await ending
        else:
            await asyncio.gather(*endings)
