"""The copying processes as one: gives each task to the least busy process, replaces the dead, dismisses the idle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from types import TracebackType
from typing import Any, overload

from aliend.errors import CopyError
from aliend.storage.process import Process
from aliend.storage.tasks import (
    Checksum,
    Checksummed,
    Discard,
    Download,
    Downloaded,
    Result,
    Stopped,
    Task,
    Upload,
    Uploaded,
)

_SOFT_STOP = 8.0
"""Seconds that a task may take to stop by itself before its process is killed."""
_KILL = 3.0
"""Seconds that the kernel may take for that."""
_LAST_SOFT_STOP, _LAST_KILL = 1.0, 0.8
"""The same in `close`."""


class Workers:
    """Up to `processes` copying processes with up to `per_process` tasks each; started on demand.

    `environment` is what they run in (their XRootD settings are added below it); one without a task for `idle` seconds
    is dismissed.
    """

    def __init__(
        self,
        processes: int = 2,
        per_process: int = 8,
        environment: Mapping[str, str] | None = None,
        idle: float = 120.0,
    ) -> None:
        self._most = processes
        self._per_process = per_process
        self._idle = idle
        self._environment = dict(environment or {})
        self._processes: list[Process] = []
        self._free = asyncio.Semaphore(processes * per_process)
        self._starting = asyncio.Lock()
        self._dismissals: dict[Process, asyncio.TimerHandle] = {}
        self._stopping: set[asyncio.Task[None]] = set()
        self._closed = False

    async def __aenter__(self) -> Workers:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def pids(self) -> list[int]:
        """The process ids of the copying processes."""
        return [process.pid for process in self._processes if process.is_alive]

    @overload
    async def run(self, task: Download, on_progress: Callable[[int], None]) -> Downloaded: ...
    @overload
    async def run(self, task: Upload, on_progress: Callable[[int], None]) -> Uploaded: ...
    @overload
    async def run(self, task: Checksum | Discard, on_progress: Callable[[int], None]) -> Checksummed: ...
    async def run(self, task: Task, on_progress: Callable[[int], None]) -> Result:
        """Do one task; `on_progress` hears the bytes so far, at most ten times a second.

        CopyError says who can act; WorkerDied (a CopyError) that the process ended and the file is not to blame.
        Cancelling stops the task and returns when it has stopped, or its process was killed: within 12 s.
        """
        async with self._free:
            process = await self._choose()
            number = process.begin(task, on_progress)
            try:
                return await process.result(number)
            except asyncio.CancelledError:
                await self._finish(process, number)
                raise
            except Stopped:
                raise CopyError("the daemon is closing", "transient") from None
            finally:
                self._rest(process)

    async def close(self) -> None:
        """End all processes within 2 s, softly first. Tasks that did not end raise WorkerDied."""
        self._closed = True
        for timer in self._dismissals.values():
            timer.cancel()
        self._dismissals.clear()
        for process in self._processes:
            process.stop_all()
        await _together(process.ended(_LAST_SOFT_STOP) for process in self._processes)
        await _together(process.kill(_LAST_KILL) for process in self._processes)
        if self._stopping:
            await asyncio.wait(self._stopping)
        self._processes.clear()

    async def _choose(self) -> Process:
        """The least busy process; a new one while there may be more and none is idle."""
        async with self._starting:
            self._refuse_when_closed()
            self._processes = [process for process in self._processes if process.is_usable or process.load]
            usable = [process for process in self._processes if process.is_usable]
            chosen = min(usable, key=lambda process: process.load, default=None)
            if chosen is None or (chosen.load and len(usable) < self._most):
                chosen = await Process.start(self._environment)
                self._processes.append(chosen)
                if self._closed:
                    await chosen.kill(_LAST_KILL)
                    self._refuse_when_closed()
            if timer := self._dismissals.pop(chosen, None):
                timer.cancel()
            return chosen

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise CopyError("the daemon is closing", "transient")

    async def _finish(self, process: Process, number: int) -> None:
        """Stop a task for good, also when the caller is cancelled once more meanwhile."""
        stopping = asyncio.get_running_loop().create_task(_stop(process, number))
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)
        await asyncio.wait([stopping])

    def _rest(self, process: Process) -> None:
        """A process without a task: dismissed now when it is spent, later when it stays idle."""
        if process.load or self._closed:
            return
        if process.retired:
            process.dismiss()
        elif process not in self._dismissals:
            loop = asyncio.get_running_loop()
            self._dismissals[process] = loop.call_later(self._idle, self._dismiss_idle, process)

    def _dismiss_idle(self, process: Process) -> None:
        self._dismissals.pop(process, None)
        if not process.load:
            process.dismiss()


async def _together(endings: Iterable[Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*endings)


async def _stop(process: Process, number: int) -> None:
    process.stop(number)
    try:
        async with asyncio.timeout(_SOFT_STOP):
            await process.result(number)
    except TimeoutError:
        await process.kill(_KILL)
        process.forget(number)
    except (CopyError, Stopped):
        return
