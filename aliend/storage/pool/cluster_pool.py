"""The pool of a daemon with a cluster: the copies of jobs run on the cluster, everything else on this machine.

Files in the daemon's own directories (relayed and piped ones) are copied here too: the cluster does not see them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, cast

from aliend.core.catalogue.file_system import is_below
from aliend.core.cli.environment import Settings
from aliend.storage.pool.cluster_group import ClusterGroup
from aliend.storage.pool.executor import Executor
from aliend.storage.pool.worker_group import GroupSizes, WorkerGroup
from aliend.storage.pool.worker_pool import WorkerPool
from aliend.storage.tasks import (
    Checksum,
    Compare,
    Download,
    Downloaded,
    PublishPartial,
    R,
    Task,
    TaskOptions,
    Upload,
)

_PER_PROCESS = 8
"""Copies in one process."""
_IDLE = 120.0
"""Seconds after which a process without a task returns its worker to the cluster."""


class ClusterPool(WorkerPool):
    """As its base, with up to `processes` processes of `executor` for copies.

    Files below `own_directory` are copied on this machine.
    """

    def __init__(self, executor: Executor, processes: int, environment: Mapping[str, str], own_directory: str) -> None:
        super().__init__(environment=environment)
        self._executor = executor
        self._cluster_sizes = GroupSizes(processes, _PER_PROCESS, _IDLE)
        self._own_directory = own_directory
        self._clusters: dict[Settings, ClusterGroup] = {}

    def place(self, settings: Settings, on_wait: Callable[[], None]) -> AbstractAsyncContextManager[None]:
        """Wait for a place on the cluster, see `ClusterGroup.place`."""
        return self._cluster(settings).place(on_wait)

    async def run(self, task: Task[R], on_progress: Callable[[int], None], options: TaskOptions | None = None) -> R:
        """Run one task, see `WorkerPool.run`."""
        if options is None or not self._is_for_cluster(task, options):
            return await super().run(task, on_progress, options)
        sent = _as_seen_elsewhere(task, options)
        result = await self._cluster(options.settings).run(sent, on_progress, options)
        await self._publish(task, sent, result)
        return result

    async def start_batch(
        self, tasks: Sequence[Task[R]], window: Mapping[str, int], options: Sequence[TaskOptions]
    ) -> list[asyncio.Task[R]]:
        """Start small files, see `WorkerPool.start_batch`."""
        if not all(self._is_for_cluster(task, own) for task, own in zip(tasks, options, strict=True)):
            return await super().start_batch(tasks, window, options)
        sent = [_as_seen_elsewhere(task, own) for task, own in zip(tasks, options, strict=True)]
        copies = await self._cluster(options[0].settings).start_batch(sent, window, options)
        loop = asyncio.get_running_loop()
        return [loop.create_task(self._ended(*each)) for each in zip(tasks, sent, copies, strict=True)]

    async def _ended(self, task: Task[R], sent: Task[R], copy: asyncio.Task[R]) -> R:
        result = await copy
        await self._publish(task, sent, result)
        return result

    async def _publish(self, task: Task[R], sent: Task[R], result: R) -> None:
        """Rename what an attempt has downloaded to its target. Only here: a lost process cannot do that later."""
        if isinstance(task, Download) and isinstance(sent, Download) and cast("Downloaded", result).kept is False:
            complete = replace(task, sources=(), attempt=sent.attempt)
            await super().run(PublishPartial(task.id, complete), lambda _: None)

    async def close(self) -> None:
        """End all processes, see `WorkerPool.close`, and the connection to the cluster."""
        await super().close()
        await self._executor.close()

    def _groups(self) -> list[WorkerGroup]:
        return [*super()._groups(), *self._clusters.values()]

    def _cluster(self, settings: Settings) -> ClusterGroup:
        if settings not in self._clusters:
            environment = {**self._environment, **dict(settings)}
            self._clusters[settings] = ClusterGroup(self._cluster_sizes, environment, self._executor, self.bandwidth)
        return self._clusters[settings]

    def _is_for_cluster(self, task: Task[Any], options: TaskOptions) -> bool:
        match task:
            case Download(target=path) | Upload(source=path) | Checksum(path=path):
                return bool(options.job) and not is_below(path, self._own_directory)
            case Compare():
                return bool(options.job)
            case _:
                return False


def _as_seen_elsewhere(task: Task[R], options: TaskOptions) -> Task[R]:
    """Return the task for another machine, where a file system has other numbers and a lock may not hold."""
    if isinstance(task, Download):
        return cast("Task[R]", replace(task, file_systems=(), attempt=max(1, options.attempt)))
    return task
