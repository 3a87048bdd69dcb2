"""A group of worker processes: gives each task to the least busy one, replaces dead ones, ends idle ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from aliend.errors import CopyError
from aliend.storage.pool.bandwidth_grants import BandwidthGrants
from aliend.storage.pool.executor import Executor
from aliend.storage.pool.read_stream import PipeWriter
from aliend.storage.pool.worker_process import WorkerProcess
from aliend.storage.tasks import (
    AdoptPartial,
    Probe,
    PublishPartial,
    R,
    Read,
    RemovePartial,
    Result,
    Stopped,
    Task,
    TaskOptions,
)

_STOP_TIMEOUT = 8.0
"""Seconds that a task may take to stop before its process is killed."""
_KILL_TIMEOUT = 3.0
"""Seconds that the kernel may take to end a killed process."""
_SIDE_TASKS = 8
"""Reads, server queries, and removals and renames of partial files at a time; they never wait for copies."""
_BATCH_LOAD = 64
"""Files of a process above which the next batch goes to another one."""
_CLOSE_STOP_TIMEOUT, _CLOSE_KILL_TIMEOUT = 1.0, 0.8
"""The same limits in `close`."""


@dataclass(frozen=True, slots=True)
class GroupSizes:
    """Up to `processes` processes with up to `per_process` tasks each; one without a task for `idle` seconds ends."""

    processes: int
    per_process: int
    idle: float


class WorkerGroup:
    """Worker processes in one `environment`, which `executor` starts on demand."""

    def __init__(
        self, sizes: GroupSizes, environment: Mapping[str, str], executor: Executor, bandwidth: BandwidthGrants
    ) -> None:
        self._max_processes = sizes.processes
        self._idle = sizes.idle
        self._executor = executor
        self._environment = environment
        self._bandwidth = bandwidth
        self._processes: list[WorkerProcess] = []
        self._task_slots = asyncio.Semaphore(sizes.processes * sizes.per_process)
        self._side_task_slots = asyncio.Semaphore(_SIDE_TASKS)
        self._starting = asyncio.Lock()
        self._dismissals: dict[WorkerProcess, asyncio.TimerHandle] = {}
        self._stopping: set[asyncio.Task[None]] = set()
        self._closed = False
        self.load = 0
        """Tasks that run or wait for a process."""

    @property
    def pids(self) -> list[int]:
        """Return the process ids of the worker processes."""
        return [process.pid for process in self._processes if process.is_alive]

    async def run(
        self,
        task: Task[R],
        on_progress: Callable[[int], None],
        options: TaskOptions,
        output: PipeWriter | None = None,
    ) -> R:
        """Run one task, see `WorkerPool.run`; `output` receives the bytes of a `Read` and is closed here."""
        self.load += 1
        is_side_task = isinstance(task, Read | Probe | RemovePartial | AdoptPartial | PublishPartial)
        try:
            async with self._side_task_slots if is_side_task else self._task_slots:
                process = await self._choose(another=not isinstance(task, RemovePartial | PublishPartial))
                number = process.start_task(task, on_progress, options, output.descriptor if output else None)
                if output:
                    output.close()
                return cast("R", await self._result(process, number))
        finally:
            self.load -= 1

    async def start_batch(
        self, tasks: Sequence[Task[R]], window: Mapping[str, int], options: Sequence[TaskOptions]
    ) -> list[asyncio.Task[R]]:
        """Start small files in one process, see `WorkerPool.start_batch`."""
        return self._start_batch_in(await self._choose_for_batch(), tasks, window, options)

    def _start_batch_in(
        self,
        process: WorkerProcess,
        tasks: Sequence[Task[R]],
        window: Mapping[str, int],
        options: Sequence[TaskOptions],
    ) -> list[asyncio.Task[R]]:
        numbers = process.start_batch(tasks, window, options)
        self.load += len(tasks)
        results = []
        for number in numbers:
            result = asyncio.get_running_loop().create_task(self._result(process, number))
            result.add_done_callback(partial(self._batch_file_ended, process, number))
            results.append(result)
        return cast("list[asyncio.Task[R]]", results)

    def _batch_file_ended(self, process: WorkerProcess, number: int, _: asyncio.Task[Result]) -> None:
        self.load -= 1
        process.abandon(number)  # the task may have been cancelled before it began to wait

    async def _choose_for_batch(self) -> WorkerProcess:
        """Return the busiest process that has few files: a second process costs a small file a sixth more CPU."""
        usable = [process for process in self._processes if process.is_usable and process.load < _BATCH_LOAD]
        process = max(usable, key=lambda process: process.load, default=None)
        if process is None or self._closed:
            return await self._choose(another=True)
        self._keep(process)
        return process

    def _keep(self, process: WorkerProcess) -> None:
        """Do not end a process that gets a task."""
        if timer := self._dismissals.pop(process, None):
            timer.cancel()

    async def _result(self, process: WorkerProcess, number: int) -> Result:
        try:
            return await process.result(number)
        except asyncio.CancelledError:
            await self._stop_task(process, number)
            raise
        except Stopped:
            raise CopyError("aliend is shutting down", "transient") from None
        finally:
            self._schedule_dismissal(process)

    def dismiss(self) -> None:
        """End all processes; called when no task runs."""
        for timer in self._dismissals.values():
            timer.cancel()
        self._dismissals.clear()
        for process in self._processes:
            process.dismiss()

    async def close(self) -> None:
        """End all processes within 2 s, gracefully first. Tasks that have not ended raise WorkerDied."""
        self._closed = True
        for timer in self._dismissals.values():
            timer.cancel()
        self._dismissals.clear()
        for process in self._processes:
            process.stop_all()
        await _gather(process.wait_ended(_CLOSE_STOP_TIMEOUT) for process in self._processes)
        await _gather(process.kill(_CLOSE_KILL_TIMEOUT) for process in self._processes)
        if self._stopping:
            await asyncio.wait(self._stopping)
        self._processes.clear()

    async def _choose(self, *, another: bool) -> WorkerProcess:
        """Return the least busy process, or a new one if none runs, or if none is idle and `another` is set."""
        async with self._starting:
            self._refuse_when_closed()
            self._processes = [process for process in self._processes if process.is_usable or process.load]
            usable = [process for process in self._processes if process.is_usable]
            chosen = min(usable, key=lambda process: process.load, default=None)
            if chosen is None or (another and chosen.load and len(usable) < self._max_processes):
                chosen = WorkerProcess(await self._executor.start(self._environment), self._bandwidth)
                self._processes.append(chosen)
                if self._closed:
                    await chosen.kill(_CLOSE_KILL_TIMEOUT)
                    self._refuse_when_closed()
            self._keep(chosen)
            return chosen

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise CopyError("aliend is shutting down", "transient")

    async def _stop_task(self, process: WorkerProcess, number: int) -> None:
        """Stop a task, even if the caller is cancelled again meanwhile."""
        stopping = asyncio.get_running_loop().create_task(_stop(process, number))
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)
        await asyncio.wait([stopping])

    def _schedule_dismissal(self, process: WorkerProcess) -> None:
        """End a process without a task: now if it is retired, later if it stays idle."""
        if process.load or self._closed:
            return
        if process.retired:
            process.dismiss()
        elif process not in self._dismissals:
            loop = asyncio.get_running_loop()
            self._dismissals[process] = loop.call_later(self._idle, self._dismiss_idle, process)

    def _dismiss_idle(self, process: WorkerProcess) -> None:
        self._dismissals.pop(process, None)
        if not process.load:
            process.dismiss()


async def _gather(endings: Iterable[Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*endings)


async def _stop(process: WorkerProcess, number: int) -> None:
    process.stop(number)
    try:
        async with asyncio.timeout(_STOP_TIMEOUT):
            await process.result(number)
    except TimeoutError:
        await process.kill(_KILL_TIMEOUT)
        process.forget(number)
    except (CopyError, Stopped):
        return
