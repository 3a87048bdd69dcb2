"""A group of processes that may take minutes to start, because a cluster must first have a free worker.

Attempts wait for a slot before they request tickets; a task never waits for a process.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from aliend.errors import CopyError, Obstacle
from aliend.storage.pool.bandwidth_grants import BandwidthGrants
from aliend.storage.pool.executor import Executor
from aliend.storage.pool.read_stream import PipeWriter
from aliend.storage.pool.shared_directories import SharedDirectories, local_path
from aliend.storage.pool.worker_group import GroupSizes, WorkerGroup
from aliend.storage.pool.worker_process import WorkerProcess
from aliend.storage.tasks import R, Task, TaskOptions, WorkerDied

_START_TRIES = 3
"""Machines that may fail one after the other before the reason is reported."""

log = logging.getLogger(__name__)


class ClusterGroup(WorkerGroup):
    """As its base, with processes that start in the background as soon as attempts wait for a slot.

    The groups of one cluster are `neighbours`: an idle process ends at once when attempts of another group wait.
    """

    def __init__(
        self,
        sizes: GroupSizes,
        environment: Mapping[str, str],
        executor: Executor,
        bandwidth: BandwidthGrants,
        shared: SharedDirectories,
        neighbours: Collection[ClusterGroup] = (),
    ) -> None:
        super().__init__(sizes, environment, executor, bandwidth)
        self._per_process = sizes.per_process
        self._attempts = 0
        """Attempts that have a slot or wait for one."""
        self._reserved = 0
        self._starts: set[asyncio.Task[None]] = set()
        self._failure: CopyError | None = None
        self._changed = asyncio.Event()
        self._shared = shared
        self._neighbours = neighbours

    @asynccontextmanager
    async def reserve_slot(self, on_wait: Callable[[], None]) -> AsyncGenerator[None, None]:
        """Wait for a slot of a process and keep it inside the block; `on_wait` is called if none is free now.

        Raises CopyError if no process runs and none can be started.
        """
        self._attempts += 1
        try:
            await self._wait_for_slot(on_wait)
            self._reserved += 1
            try:
                yield
            finally:
                self._reserved -= 1
        finally:
            self._attempts -= 1
            self._announce()
            if not self._attempts:
                self._cancel_starts()
            if any(group.has_waiting for group in self._neighbours):
                self.end_unused()

    @property
    def has_waiting(self) -> bool:
        """Return whether attempts wait for a slot."""
        return self._attempts > self._reserved

    def end_unused(self) -> None:
        """End all processes if no attempt needs one: they occupy threads that others wait for."""
        if not self._attempts:
            self.dismiss()

    async def _wait_for_slot(self, on_wait: Callable[[], None]) -> None:
        self._failure = None
        self._grow()
        if self._reserved < self._slots():
            return
        on_wait()
        for group in self._neighbours:
            group.end_unused()
        while self._reserved >= self._slots():
            self._refuse_when_closed()
            if self._failure and not self._usable():
                error = self._failure
                raise CopyError(str(error), error.kind, error.retry_after, obstacle=error.obstacle)
            self._grow()
            await self._changed.wait()

    def _slots(self) -> int:
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
        for tries_left in reversed(range(_START_TRIES)):
            try:
                channel = await self._executor.start(self._environment)
                break
            except CopyError as error:
                log.warning("%s", error)
                if error.kind == "local":
                    self._failure = error
                    return
                if not tries_left:
                    self._failure = CopyError(str(error), "local", obstacle=Obstacle("other", "/"))
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
            raise WorkerDied("the workers of the cluster were lost", "lost", retry_after=1.0)
        self._keep(chosen)
        return chosen

    async def run(
        self,
        task: Task[R],
        on_progress: Callable[[int], None],
        options: TaskOptions,
        output: PipeWriter | None = None,
    ) -> R:
        """Run one task, see `WorkerPool.run`; the attempt has a slot. `output` is not used."""
        self.load += 1
        try:
            process = await self._choose_with_files([task])
            return cast("R", await self._result(process, process.start_task(task, on_progress, options)))
        finally:
            self.load -= 1

    async def start_batch(
        self, tasks: Sequence[Task[R]], window: Mapping[str, int], options: Sequence[TaskOptions]
    ) -> list[asyncio.Task[R]]:
        """Start small files in one process, see `WorkerPool.start_batch`."""
        return self._start_batch_in(await self._choose_with_files(tasks), tasks, window, options)

    async def _choose_with_files(self, tasks: Sequence[Task[Any]]) -> WorkerProcess:
        """Return a process that shares the directories of the tasks' local files. Raises CopyError if it does not."""
        process = await self._choose(another=False)
        try:
            for directory in {str(Path(path).parent) for path in map(local_path, tasks) if path}:
                await self._shared.require(process, directory)
        except BaseException:
            self._schedule_dismissal(process)
            raise
        return process

    async def close(self) -> None:
        """End all processes, also those that are starting."""
        self._closed = True
        self._cancel_starts()
        self._announce()
        await super().close()
