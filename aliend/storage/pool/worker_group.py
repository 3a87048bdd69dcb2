"""Copying processes of one kind: gives each task to the least busy one, replaces the dead, dismisses the idle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from aliend.errors import CopyError
from aliend.storage.pool.bandwidth_grants import BandwidthGrants
from aliend.storage.pool.read_stream import PipeWriter
from aliend.storage.pool.worker_process import WorkerProcess
from aliend.storage.tasks import Probe, Read, RemovePartial, Result, Stopped, Task, TaskOptions

_STOP_TIMEOUT = 8.0
"""Seconds that a task may take to stop by itself before its process is killed."""
_KILL_TIMEOUT = 3.0
"""Seconds that the kernel may take for that."""
_SIDE_TASKS = 8
"""Files that are read along, questions to servers and what is tidied up at a time; they never wait for copies."""
_CLOSE_STOP_TIMEOUT, _CLOSE_KILL_TIMEOUT = 1.0, 0.8
"""The same in `close`."""


class WorkerGroup:
    """Up to `processes` copying processes in one `environment` with up to `per_process` tasks each, started on demand.

    One without a task for `idle` seconds is dismissed; `pacer` has the bandwidth.
    """

    def __init__(
        self, processes: int, per_process: int, environment: Mapping[str, str], idle: float, bandwidth: BandwidthGrants
    ) -> None:
        self._max_processes = processes
        self._idle = idle
        self._environment = environment
        self._bandwidth = bandwidth
        self._processes: list[WorkerProcess] = []
        self._task_slots = asyncio.Semaphore(processes * per_process)
        self._side_task_slots = asyncio.Semaphore(_SIDE_TASKS)
        self._starting = asyncio.Lock()
        self._dismissals: dict[WorkerProcess, asyncio.TimerHandle] = {}
        self._stopping: set[asyncio.Task[None]] = set()
        self._closed = False
        self.load = 0
        """Tasks that run or wait for a process."""

    @property
    def pids(self) -> list[int]:
        """The process ids of the copying processes."""
        return [process.pid for process in self._processes if process.is_alive]

    async def run(
        self, task: Task, on_progress: Callable[[int], None], options: TaskOptions, output: PipeWriter | None = None
    ) -> Result:
        """Do one task, see `Workers`; `output` is for the bytes of a `Read` and is closed here."""
        self.load += 1
        try:
            return await self._run(task, on_progress, options, output)
        finally:
            self.load -= 1

    async def _run(
        self, task: Task, on_progress: Callable[[int], None], options: TaskOptions, output: PipeWriter | None
    ) -> Result:
        async with self._side_task_slots if isinstance(task, Read | Probe | RemovePartial) else self._task_slots:
            process = await self._choose(another=not isinstance(task, RemovePartial))
            number = process.start_task(task, on_progress, options, output.descriptor if output else None)
            if output:
                output.close()
            try:
                return await process.result(number)
            except asyncio.CancelledError:
                await self._stop_task(process, number)
                raise
            except Stopped:
                raise CopyError("the daemon is closing", "transient") from None
            finally:
                self._schedule_dismissal(process)

    def dismiss(self) -> None:
        """End what is idle; called when there is no task."""
        for timer in self._dismissals.values():
            timer.cancel()
        self._dismissals.clear()
        for process in self._processes:
            process.dismiss()

    async def close(self) -> None:
        """End all processes within 2 s, softly first. Tasks that did not end raise WorkerDied."""
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
        """The least busy process; a new one where there is none, or none is idle and `another` is worth its start."""
        async with self._starting:
            self._refuse_when_closed()
            self._processes = [process for process in self._processes if process.is_usable or process.load]
            usable = [process for process in self._processes if process.is_usable]
            chosen = min(usable, key=lambda process: process.load, default=None)
            if chosen is None or (another and chosen.load and len(usable) < self._max_processes):
                chosen = await WorkerProcess.start(self._environment, self._bandwidth)
                self._processes.append(chosen)
                if self._closed:
                    await chosen.kill(_CLOSE_KILL_TIMEOUT)
                    self._refuse_when_closed()
            if timer := self._dismissals.pop(chosen, None):
                timer.cancel()
            return chosen

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise CopyError("the daemon is closing", "transient")

    async def _stop_task(self, process: WorkerProcess, number: int) -> None:
        """Stop a task for good, also when the caller is cancelled once more meanwhile."""
        stopping = asyncio.get_running_loop().create_task(_stop(process, number))
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)
        await asyncio.wait([stopping])

    def _schedule_dismissal(self, process: WorkerProcess) -> None:
        """A process without a task: dismissed now when it is spent, later when it stays idle."""
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
