"""All copying processes: which of them does a task, and how much bandwidth the tasks share.

Small files have a lane of their own, so that no large or stalled copy is in their way, and what is killed with a frozen
copy is not theirs. Tasks with XRootD variables of their own run in processes of their own, of a few kinds at a time:
XRootD reads its variables once in a process's life.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import overload

from aliend.core.cli.environment import Settings
from aliend.core.transfers.bandwidth import Rates
from aliend.storage.pool.bandwidth_grants import BandwidthGrants
from aliend.storage.pool.read_stream import PipeWriter, Stream, open_stream
from aliend.storage.pool.worker_group import WorkerGroup
from aliend.storage.tasks import (
    Checksum,
    Checksummed,
    Compare,
    Compared,
    Download,
    Downloaded,
    Listed,
    ListMembers,
    Probe,
    Probed,
    Read,
    ReadDone,
    RemovePartial,
    Result,
    Task,
    TaskOptions,
    ThirdParty,
    Upload,
    Uploaded,
)

SMALL_FILE = 64 << 20
"""Bytes; a file below has its copy in the lane of the small ones."""
_MAX_SETTINGS = 3
"""Sets of variables with processes at a time."""


class WorkerPool:
    """Up to `processes` copying processes in each lane with up to `per_process` tasks each; started on demand.

    `environment` is what they run in (our XRootD settings are added below it); one without a task for `idle` seconds
    is dismissed.
    """

    def __init__(
        self,
        processes: int = 2,
        per_process: int = 8,
        environment: Mapping[str, str] | None = None,
        idle: float = 120.0,
    ) -> None:
        self._environment = dict(environment or {})
        self.bandwidth = BandwidthGrants()
        self._sizes = (processes, per_process, idle)
        self._small, self._bulk = self._new_group(()), self._new_group(())
        self._by_settings: dict[Settings, WorkerGroup] = {}
        self._group_idle = asyncio.Event()

    async def __aenter__(self) -> WorkerPool:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def pids(self) -> list[int]:
        """The process ids of the copying processes."""
        return [pid for group in self._groups() for pid in group.pids]

    def of(self, options: TaskOptions) -> Bound:
        """The same processes for tasks with these options."""
        return Bound(self, options)

    @overload
    async def run(
        self, task: Download, on_progress: Callable[[int], None], options: TaskOptions = ...
    ) -> Downloaded: ...
    @overload
    async def run(
        self, task: Upload | ThirdParty, on_progress: Callable[[int], None], options: TaskOptions = ...
    ) -> Uploaded: ...
    @overload
    async def run(
        self, task: Checksum | RemovePartial, on_progress: Callable[[int], None], options: TaskOptions = ...
    ) -> Checksummed: ...
    @overload
    async def run(
        self, task: ListMembers, on_progress: Callable[[int], None], options: TaskOptions = ...
    ) -> Listed: ...
    @overload
    async def run(self, task: Compare, on_progress: Callable[[int], None], options: TaskOptions = ...) -> Compared: ...
    @overload
    async def run(self, task: Probe, on_progress: Callable[[int], None], options: TaskOptions = ...) -> Probed: ...
    async def run(self, task: Task, on_progress: Callable[[int], None], options: TaskOptions = TaskOptions()) -> Result:  # noqa: B008 - frozen
        """Do one task; `on_progress` hears the bytes so far, at most ten times a second.

        CopyError says who can act; WorkerDied (a CopyError) that the process ended and the file is not to blame.
        Cancelling stops the task and returns when it has stopped, or its process was killed: within 12 s.
        """
        group = await self._group_for(task, options.settings)
        try:
            return await group.run(task, on_progress, options)
        finally:
            if not group.load:
                self._group_idle.set()

    @asynccontextmanager
    async def open_read(self, task: Read) -> AsyncGenerator[Stream, None]:
        """The bytes of a file as they come, no faster than they are taken, and never behind the copies.

        Leaving the block early stops the reading.
        """

        async def give(output: PipeWriter) -> ReadDone:
            result = await self._small.run(task, lambda _: None, TaskOptions(), output)
            assert isinstance(result, ReadDone)
            return result

        async with open_stream(give) as stream:
            yield stream

    def set_rates(self, rates: Rates) -> None:
        """Limit the bandwidth of all tasks, also of those that run."""
        self.bandwidth.set_rates(rates)

    def set_job_rate(self, job: int, rate: int) -> None:
        """Limit the bandwidth of a job's tasks that run (bytes per second, 0: no limit)."""
        self.bandwidth.set_job_rate(job, rate)

    def give(self, transfer: int, job: int, rate: int) -> None:
        """What is copied for a transfer belongs to another job, which has this rate."""
        self.bandwidth.reassign(transfer, job, rate)

    def metered(self) -> dict[int, int]:
        """The transfers whose copies have limited bandwidth, with the bytes per second that each can expect."""
        return self.bandwidth.throttled_rates()

    def waited(self) -> dict[int, float]:
        """The transfers whose copies have waited for bandwidth, with the seconds since then (0: they wait)."""
        return self.bandwidth.seconds_since_wait()

    async def close(self) -> None:
        """End all processes within 2 s, softly first. Tasks that did not end raise WorkerDied."""
        await asyncio.gather(*(group.close() for group in self._groups()))

    def _groups(self) -> list[WorkerGroup]:
        return [self._small, self._bulk, *self._by_settings.values()]

    def _new_group(self, settings: Settings) -> WorkerGroup:
        processes, per_process, idle = self._sizes
        return WorkerGroup(processes, per_process, {**self._environment, **dict(settings)}, idle, self.bandwidth)

    async def _group_for(self, task: Task, settings: Settings) -> WorkerGroup:
        if isinstance(task, RemovePartial):
            return next((group for group in self._groups() if group.pids), self._small)
        if all(self._environment.get(name) == value for name, value in settings):
            return self._small if _is_small(task) else self._bulk
        while settings not in self._by_settings:
            if len(self._by_settings) >= _MAX_SETTINGS and not self._drop_idle_group():
                self._group_idle.clear()
                await self._group_idle.wait()
                continue
            self._by_settings[settings] = self._new_group(settings)
        return self._by_settings[settings]

    def _drop_idle_group(self) -> bool:
        """Make room for other variables; whether there was a set without a task."""
        idle = next((settings for settings, group in self._by_settings.items() if not group.load), None)
        if idle is None:
            return False
        self._by_settings.pop(idle).dismiss()
        return True


class Bound:
    """The copying processes for tasks with certain options."""

    def __init__(self, workers: WorkerPool, options: TaskOptions) -> None:
        self._workers = workers
        self._options = options

    @overload
    async def run(self, task: Download, on_progress: Callable[[int], None]) -> Downloaded: ...
    @overload
    async def run(self, task: Upload | ThirdParty, on_progress: Callable[[int], None]) -> Uploaded: ...
    @overload
    async def run(self, task: Checksum | RemovePartial, on_progress: Callable[[int], None]) -> Checksummed: ...
    @overload
    async def run(self, task: ListMembers, on_progress: Callable[[int], None]) -> Listed: ...
    @overload
    async def run(self, task: Compare, on_progress: Callable[[int], None]) -> Compared: ...
    async def run(
        self,
        task: Download | Upload | ThirdParty | Checksum | RemovePartial | ListMembers | Compare,
        on_progress: Callable[[int], None],
    ) -> Result:
        """See `Workers.run`."""
        return await self._workers.run(task, on_progress, self._options)


def _is_small(task: Task) -> bool:
    match task:
        case Download(size=size) | Upload(size=size) | ThirdParty(size=size) | Compare(size=size):
            return size < SMALL_FILE
        case Checksum():
            return False
        case _:
            return True
