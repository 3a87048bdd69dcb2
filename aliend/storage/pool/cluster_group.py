"""A group of processes that may take minutes to start, because a cluster must first have a free worker.

Attempts wait for a place before they request tickets; a task never waits for a process.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager

from aliend.errors import CopyError
from aliend.storage.pool.bandwidth_grants import BandwidthGrants
from aliend.storage.pool.executor import Executor
from aliend.storage.pool.worker_group import GroupSizes, WorkerGroup
from aliend.storage.pool.worker_process import WorkerProcess
from aliend.storage.tasks import WorkerDied

log = logging.getLogger(__name__)


class ClusterGroup(WorkerGroup):
    """As its base, with processes that start in the background as soon as attempts wait for a place."""

    def __init__(
        self, sizes: GroupSizes, environment: Mapping[str, str], executor: Executor, bandwidth: BandwidthGrants
    ) -> None:
        super().__init__(sizes, environment, executor, bandwidth)
        self._per_process = sizes.per_process
        self._attempts = 0
        """Attempts that have a place or wait for one."""
        self._placed = 0
        self._starts: set[asyncio.Task[None]] = set()
        self._failure: CopyError | None = None
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def place(self, on_wait: Callable[[], None]) -> AsyncGenerator[None, None]:
        """Wait for a place on a process and keep it inside the block; `on_wait` is called if none is free now.

        Raises CopyError if no process runs and none can be started.
        """
        self._attempts += 1
        try:
            await self._wait_for_place(on_wait)
            self._placed += 1
            try:
                yield
            finally:
                self._placed -= 1
        finally:
            self._attempts -= 1
            self._announce()
            if not self._attempts:
                self._cancel_starts()

    async def _wait_for_place(self, on_wait: Callable[[], None]) -> None:
        self._failure = None
        self._grow()
        if self._placed < self._places():
            return
        on_wait()
        while self._placed >= self._places():
            self._refuse_when_closed()
            if self._failure and not self._usable():
                error = self._failure
                raise CopyError(str(error), error.kind, error.retry_after, obstacle=error.obstacle)
            self._grow()
            await self._changed.wait()

    def _places(self) -> int:
        return len(self._usable()) * self._per_process

    def _usable(self) -> list[WorkerProcess]:
        return [process for process in self._processes if process.is_usable]

    def _grow(self) -> None:
        """Start a process for each attempt, as far as the limit allows: many machines have many network cards."""
        if self._failure or self._closed:
            return
        wanted = min(self._max_processes, self._attempts)
        for _ in range(len(self._usable()) + len(self._starts), wanted):
            start = asyncio.get_running_loop().create_task(self._start_one())
            self._starts.add(start)
            start.add_done_callback(self._start_ended)

    async def _start_one(self) -> None:
        try:
            channel = await self._executor.start(self._environment)
        except CopyError as error:
            log.warning("%s", error)
            self._failure = error
            return
        process = WorkerProcess(channel, self._bandwidth, on_end=self._announce)
        self._processes = [one for one in self._processes if one.is_usable or one.load]
        self._processes.append(process)
        self._schedule_dismissal(process)

    def _start_ended(self, start: asyncio.Task[None]) -> None:
        self._starts.discard(start)
        if not start.cancelled():
            start.exception()
        self._announce()

    def _announce(self) -> None:
        """Wake the attempts that wait."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _cancel_starts(self) -> None:
        for start in self._starts:
            start.cancel()

    async def _choose(self, *, another: bool) -> WorkerProcess:
        """Return the least busy process. Raises WorkerDied if none runs any more."""
        self._refuse_when_closed()
        chosen = min(self._usable(), key=lambda process: process.load, default=None)
        if chosen is None:
            raise WorkerDied("the workers of the cluster were lost", "storage", retry_after=1.0)
        self._keep(chosen)
        return chosen

    async def close(self) -> None:
        """End all processes, also those that are starting."""
        self._closed = True
        self._cancel_starts()
        self._announce()
        await super().close()
