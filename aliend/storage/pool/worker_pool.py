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
from aliend.storage.pool.bandwidth_grants import Pacer
from aliend.storage.pool.read_stream import Stream, WritingEnd, streamed
from aliend.storage.pool.worker_group import Crew
from aliend.storage.tasks import (
    Checksum,
    Checksummed,
    Compare,
    Compared,
    Delivered,
    Discard,
    Download,
    Downloaded,
    Listed,
    ListMembers,
    Probe,
    Probed,
    Read,
    Result,
    Task,
    Terms,
    ThirdParty,
    Upload,
    Uploaded,
)

SMALL = 64 << 20
"""Bytes; a file below has its copy in the lane of the small ones."""
_KINDS = 3
"""Sets of variables with processes at a time."""


class Workers:
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
        self._pacer = Pacer()
        self._sizes = (processes, per_process, idle)
        self._small, self._bulk = self._crew(()), self._crew(())
        self._others: dict[Settings, Crew] = {}
        self._freed = asyncio.Event()

    async def __aenter__(self) -> Workers:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def pids(self) -> list[int]:
        """The process ids of the copying processes."""
        return [pid for crew in self._crews() for pid in crew.pids]

    def of(self, terms: Terms) -> Bound:
        """The same processes for tasks with these terms."""
        return Bound(self, terms)

    @overload
    async def run(self, task: Download, on_progress: Callable[[int], None], terms: Terms = ...) -> Downloaded: ...
    @overload
    async def run(
        self, task: Upload | ThirdParty, on_progress: Callable[[int], None], terms: Terms = ...
    ) -> Uploaded: ...
    @overload
    async def run(
        self, task: Checksum | Discard, on_progress: Callable[[int], None], terms: Terms = ...
    ) -> Checksummed: ...
    @overload
    async def run(self, task: ListMembers, on_progress: Callable[[int], None], terms: Terms = ...) -> Listed: ...
    @overload
    async def run(self, task: Compare, on_progress: Callable[[int], None], terms: Terms = ...) -> Compared: ...
    @overload
    async def run(self, task: Probe, on_progress: Callable[[int], None], terms: Terms = ...) -> Probed: ...
    async def run(self, task: Task, on_progress: Callable[[int], None], terms: Terms = Terms()) -> Result:  # noqa: B008 - frozen
        """Do one task; `on_progress` hears the bytes so far, at most ten times a second.

        CopyError says who can act; WorkerDied (a CopyError) that the process ended and the file is not to blame.
        Cancelling stops the task and returns when it has stopped, or its process was killed: within 12 s.
        """
        crew = await self._crew_for(task, terms.settings)
        try:
            return await crew.run(task, on_progress, terms)
        finally:
            if not crew.load:
                self._freed.set()

    @asynccontextmanager
    async def reading(self, task: Read) -> AsyncGenerator[Stream, None]:
        """The bytes of a file as they come, no faster than they are taken, and never behind the copies.

        Leaving the block early stops the reading.
        """

        async def give(output: WritingEnd) -> Delivered:
            result = await self._small.run(task, lambda _: None, Terms(), output)
            assert isinstance(result, Delivered)
            return result

        async with streamed(give) as stream:
            yield stream

    def set_rates(self, rates: Rates) -> None:
        """Limit the bandwidth of all tasks, also of those that run."""
        self._pacer.set_rates(rates)

    def set_job_rate(self, job: int, rate: int) -> None:
        """Limit the bandwidth of a job's tasks that run (bytes per second, 0: no limit)."""
        self._pacer.set_job(job, rate)

    def give(self, transfer: int, job: int, rate: int) -> None:
        """What is copied for a transfer belongs to another job, which has this rate."""
        self._pacer.give(transfer, job, rate)

    def metered(self) -> dict[int, int]:
        """The transfers whose copies have limited bandwidth, with the bytes per second that each can expect."""
        return self._pacer.metered()

    def waited(self) -> dict[int, float]:
        """The transfers whose copies have waited for bandwidth, with the seconds since then (0: they wait)."""
        return self._pacer.waited()

    async def close(self) -> None:
        """End all processes within 2 s, softly first. Tasks that did not end raise WorkerDied."""
        await asyncio.gather(*(crew.close() for crew in self._crews()))

    def _crews(self) -> list[Crew]:
        return [self._small, self._bulk, *self._others.values()]

    def _crew(self, settings: Settings) -> Crew:
        processes, per_process, idle = self._sizes
        return Crew(processes, per_process, {**self._environment, **dict(settings)}, idle, self._pacer)

    async def _crew_for(self, task: Task, settings: Settings) -> Crew:
        if isinstance(task, Discard):
            return next((crew for crew in self._crews() if crew.pids), self._small)
        if all(self._environment.get(name) == value for name, value in settings):
            return self._small if _is_small(task) else self._bulk
        while settings not in self._others:
            if len(self._others) >= _KINDS and not self._drop_idle():
                self._freed.clear()
                await self._freed.wait()
                continue
            self._others[settings] = self._crew(settings)
        return self._others[settings]

    def _drop_idle(self) -> bool:
        """Make room for other variables; whether there was a set without a task."""
        idle = next((settings for settings, crew in self._others.items() if not crew.load), None)
        if idle is None:
            return False
        self._others.pop(idle).dismiss()
        return True


class Bound:
    """The copying processes for tasks with certain terms."""

    def __init__(self, workers: Workers, terms: Terms) -> None:
        self._workers = workers
        self._terms = terms

    @overload
    async def run(self, task: Download, on_progress: Callable[[int], None]) -> Downloaded: ...
    @overload
    async def run(self, task: Upload | ThirdParty, on_progress: Callable[[int], None]) -> Uploaded: ...
    @overload
    async def run(self, task: Checksum | Discard, on_progress: Callable[[int], None]) -> Checksummed: ...
    @overload
    async def run(self, task: ListMembers, on_progress: Callable[[int], None]) -> Listed: ...
    @overload
    async def run(self, task: Compare, on_progress: Callable[[int], None]) -> Compared: ...
    async def run(
        self,
        task: Download | Upload | ThirdParty | Checksum | Discard | ListMembers | Compare,
        on_progress: Callable[[int], None],
    ) -> Result:
        """See `Workers.run`."""
        return await self._workers.run(task, on_progress, self._terms)


def _is_small(task: Task) -> bool:
    match task:
        case Download(size=size) | Upload(size=size) | ThirdParty(size=size) | Compare(size=size):
            return size < SMALL
        case Checksum():
            return False
        case _:
            return True
