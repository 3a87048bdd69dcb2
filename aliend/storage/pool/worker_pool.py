"""The pool of all worker processes: chooses the group of processes for each task and shares the bandwidth.

Small files have processes of their own, so that no large or stalled copy delays them and killing the process of a
frozen copy does not hit them. Tasks with their own XRootD variables run in separate processes, since XRootD reads its
variables once in the life of a process; only a few sets of variables have processes at a time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from aliend.core.cli.environment import Settings
from aliend.core.cli.executor import LOCAL, scheduler_of
from aliend.storage.pool.bandwidth_grants import BandwidthGrants
from aliend.storage.pool.clusters import Clusters
from aliend.storage.pool.read_stream import PipeWriter, Stream, open_stream

# Imported with the first task: the daemon starts without them.
if TYPE_CHECKING:
    from aliend.storage.pool.cluster_pool import ClusterPool
    from aliend.storage.pool.worker_group import WorkerGroup
    from aliend.storage.tasks import R, Read, ReadDone, Task, TaskOptions

SMALL_FILE = 64 << 20
"""Bytes; smaller files are copied by the processes for small files."""
_MAX_SETTINGS = 3
"""Sets of variables that have processes at a time."""
_TRIED_LAST = 300.0
"""Seconds for which reads try a storage element last after it did not answer one."""


class WorkerPool:
    """Up to `processes` worker processes per group with up to `per_process` tasks each, started on demand.

    `environment` is the processes' environment (our XRootD settings are added unless it sets them); a process without a
    task for `idle` seconds is ended. `bandwidth` limits the rates of all tasks.

    The copies of a job run here or on a cluster, as its executor says; `executor` is that of jobs without one.
    `connect` returns the part for a scheduler's address or file, which leaves to this pool what must run here.
    """

    def __init__(
        self,
        processes: int = 2,
        per_process: int = 8,
        environment: Mapping[str, str] | None = None,
        idle: float = 120.0,
        executor: str = LOCAL,
        connect: Callable[[str, WorkerPool], ClusterPool] | None = None,
    ) -> None:
        self._environment = dict(environment or {})
        self.bandwidth = BandwidthGrants()
        self._sizes = (processes, per_process, idle)
        self._by_size: dict[Literal["small", "bulk"], WorkerGroup] = {}
        self._by_settings: dict[Settings, WorkerGroup] = {}
        self._group_idle = asyncio.Event()
        self._executor = executor
        self._clusters = Clusters(connect, self) if connect else None
        self._unanswered: dict[str, float] = {}
        """Storage elements that did not answer a read, and until when they are tried last (monotonic seconds)."""

    async def __aenter__(self) -> WorkerPool:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def pids(self) -> list[int]:
        """Return the process ids of the worker processes."""
        return [pid for group in self._groups() for pid in group.pids]

    def with_options(self, options: TaskOptions) -> PoolWithOptions:
        """Return the pool for tasks with these options."""
        return PoolWithOptions(self, options)

    def reserve_slot(self, options: TaskOptions, on_wait: Callable[[], None]) -> AbstractAsyncContextManager[None]:
        """Return a block that begins when the executor has a free slot; on this machine it begins at once."""
        name = scheduler_of(options.executor or self._executor)
        return (
            self._clusters.reserve_slot(name, options.settings, on_wait) if name and self._clusters else nullcontext()
        )

    def _cluster_of(self, options: TaskOptions) -> ClusterPool | None:
        """Return the cluster on which the job has a slot; None: this machine runs it."""
        name = scheduler_of(options.executor or self._executor)
        return self._clusters.used_for(name) if name and self._clusters else None

    async def run(self, task: Task[R], on_progress: Callable[[int], None], options: TaskOptions | None = None) -> R:
        """Run one task and return its result; `on_progress` receives the bytes so far, at most ten times per second.

        Raises CopyError with the kind of failure; WorkerDied (a CopyError) if the process ended, which is not the
        file's fault. Cancelling stops the task, and returns once it has stopped or its process was killed: within 12 s.
        """
        from aliend.storage.tasks import TaskOptions

        options = options or TaskOptions()
        if (cluster := self._cluster_of(options)) and cluster.takes(task, options):
            return await cluster.run(task, on_progress, options)
        group = await self._group_for(task, options.settings)
        try:
            return await group.run(task, on_progress, options)
        finally:
            if not group.load:
                self._group_idle.set()

    async def start_batch(
        self, tasks: Sequence[Task[R]], window: Mapping[str, int], options: Sequence[TaskOptions]
    ) -> list[asyncio.Task[R]]:
        """Start small files of one job, all of one kind of task; return a running task for the result of each.

        At most `window[se]` of them use a storage element at a time; `options` are those of each. The tasks raise what
        `run` raises, or LeftBatch; cancelling one stops its copy.
        """
        if (cluster := self._cluster_of(options[0])) and all(map(cluster.takes, tasks, options)):
            return await cluster.start_batch(tasks, window, options)
        group = await self._group_for(tasks[0], options[0].settings)
        return await group.start_batch(tasks, window, options)

    @asynccontextmanager
    async def open_read(self, task: Read) -> AsyncGenerator[Stream, None]:
        """Stream the bytes of a file no faster than they are consumed; never waits for copies.

        Storage elements that did not answer a read lately are tried last. Leaving the block early stops the reading.
        """
        from aliend.storage.tasks import TaskOptions

        now = time.monotonic()
        sources = tuple(sorted(task.sources, key=lambda source: self._unanswered.get(source.se, 0.0) > now))
        ordered, options = replace(task, sources=sources), TaskOptions(on_failure=self._note_unanswered)

        async def write(output: PipeWriter) -> ReadDone:
            done = await self._group_of_size("small").run(ordered, lambda _: None, options, output)
            self._unanswered.pop(done.se, None)
            return done

        async with open_stream(write) as stream:
            yield stream

    def _note_unanswered(self, se: str, _reason: str) -> None:
        self._unanswered[se] = time.monotonic() + _TRIED_LAST

    async def close(self) -> None:
        """End all processes within 2 s, gracefully first. Tasks that have not ended raise WorkerDied."""
        await asyncio.gather(*(group.close() for group in self._groups()))
        if self._clusters:
            await self._clusters.close()

    def _groups(self) -> list[WorkerGroup]:
        remote = self._clusters.groups if self._clusters else ()
        return [*self._by_size.values(), *self._by_settings.values(), *remote]

    def _group_of_size(self, size: Literal["small", "bulk"]) -> WorkerGroup:
        if size not in self._by_size:
            self._by_size[size] = self._new_group(())
        return self._by_size[size]

    def _new_group(self, settings: Settings) -> WorkerGroup:
        from aliend.storage.pool.local_process import LocalExecutor
        from aliend.storage.pool.worker_group import GroupSizes, WorkerGroup

        environment = {**self._environment, **dict(settings)}
        return WorkerGroup(GroupSizes(*self._sizes), environment, LocalExecutor(), self.bandwidth)

    async def _group_for(self, task: Task[Any], settings: Settings) -> WorkerGroup:
        from aliend.storage.tasks import AdoptPartial, PublishPartial, RemovePartial

        if isinstance(task, RemovePartial | AdoptPartial | PublishPartial):
            local = (*self._by_size.values(), *self._by_settings.values())
            return next((group for group in local if group.pids), self._group_of_size("small"))
        if all(self._environment.get(name) == value for name, value in settings):
            return self._group_of_size("small" if _is_small(task) else "bulk")
        while settings not in self._by_settings:
            if len(self._by_settings) >= _MAX_SETTINGS and not self._drop_idle_group():
                self._group_idle.clear()
                await self._group_idle.wait()
                continue
            self._by_settings[settings] = self._new_group(settings)
        return self._by_settings[settings]

    def _drop_idle_group(self) -> bool:
        """Drop one set of variables without a task. Return whether one existed."""
        idle = next((settings for settings, group in self._by_settings.items() if not group.load), None)
        if idle is None:
            return False
        self._by_settings.pop(idle).dismiss()
        return True


class PoolWithOptions:
    """The worker pool for tasks with certain options."""

    def __init__(self, pool: WorkerPool, options: TaskOptions) -> None:
        self._pool = pool
        self._options = options

    async def run(self, task: Task[R], on_progress: Callable[[int], None]) -> R:
        """Run one task, see `WorkerPool.run`."""
        return await self._pool.run(task, on_progress, self._options)


def _is_small(task: Task[Any]) -> bool:
    from aliend.storage.tasks import Checksum, Checksums, Compare, Download, ThirdParty, Upload

    match task:
        case Download(size=size) | Upload(size=size) | ThirdParty(size=size) | Compare(size=size):
            return size < SMALL_FILE
        case Checksum() | Checksums():
            return False
        case _:
            return True
