"""The part of the pool for one cluster: runs the copies of jobs there.

Files in the daemon's own directories (relayed and piped ones) are copied on this machine: a cluster does not see them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, cast

from aliend.core.catalogue.file_system import is_below
from aliend.core.cli.environment import Settings
from aliend.storage.pool.cluster_group import ClusterGroup
from aliend.storage.pool.executor import ClusterExecutor
from aliend.storage.pool.shared_directories import SharedDirectories
from aliend.storage.pool.worker_group import GroupSizes
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


class ClusterPool:
    """Up to `processes` processes of `executor`, with these variables, for each set of XRootD variables.

    `name` is the scheduler's address or file. Files below `own_directory`, and what only this machine may do, are left
    to the pool `local`.
    """

    def __init__(
        self,
        name: str,
        executor: ClusterExecutor,
        processes: int,
        environment: Mapping[str, str],
        own_directory: str,
        local: WorkerPool,
    ) -> None:
        self._executor = executor
        self._sizes = GroupSizes(processes, _PER_PROCESS, _IDLE)
        self._environment = environment
        self._own_directory = own_directory
        self._local = local
        self._groups: dict[Settings, ClusterGroup] = {}
        self._shared = SharedDirectories(f"{own_directory} {name}")

    @property
    def groups(self) -> Collection[ClusterGroup]:
        """Return the groups of processes."""
        return self._groups.values()

    def takes(self, task: Task[Any], options: TaskOptions) -> bool:
        """Return whether a task runs on the cluster."""
        match task:
            case Download(target=path) | Upload(source=path) | Checksum(path=path):
                return bool(options.job) and not is_below(path, self._own_directory)
            case Compare():
                return bool(options.job)
            case _:
                return False

    def reserve_slot(self, settings: Settings, on_wait: Callable[[], None]) -> AbstractAsyncContextManager[None]:
        """Wait for a slot on the cluster, see `ClusterGroup.reserve_slot`."""
        return self._group(settings).reserve_slot(on_wait)

    async def run(self, task: Task[R], on_progress: Callable[[int], None], options: TaskOptions) -> R:
        """Run one task, see `WorkerPool.run`."""
        sent = _as_seen_elsewhere(task, options)
        result = await self._group(options.settings).run(sent, on_progress, options)
        await self._publish(task, sent, result)
        return result

    async def start_batch(
        self, tasks: Sequence[Task[R]], window: Mapping[str, int], options: Sequence[TaskOptions]
    ) -> list[asyncio.Task[R]]:
        """Start small files, see `WorkerPool.start_batch`."""
        sent = [_as_seen_elsewhere(task, own) for task, own in zip(tasks, options, strict=True)]
        copies = await self._group(options[0].settings).start_batch(sent, window, options)
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
            await self._local.run(PublishPartial(task.id, complete), lambda _: None)

    @property
    def scheduler_id(self) -> str:
        """Return the id of the scheduler that it is connected to; empty: none."""
        return self._executor.scheduler_id

    async def connect(self) -> str:
        """Connect to the scheduler, and return its id. Raises CopyError if it cannot be used."""
        return await self._executor.connect()

    async def disconnect(self) -> None:
        """End the connection, and with it all processes."""
        await self._executor.close()

    def _group(self, settings: Settings) -> ClusterGroup:
        if settings not in self._groups:
            environment = {**self._environment, **dict(settings)}
            bandwidth = self._local.bandwidth
            self._groups[settings] = ClusterGroup(
                self._sizes, environment, self._executor, bandwidth, self._shared, self._groups.values()
            )
        return self._groups[settings]


def _as_seen_elsewhere(task: Task[R], options: TaskOptions) -> Task[R]:
    """Return the task for another machine, where a file system has other numbers and a lock may not hold."""
    if isinstance(task, Download):
        return cast("Task[R]", replace(task, file_systems=(), attempt=max(1, options.attempt)))
    return task
