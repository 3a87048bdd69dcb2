"""A worker process as the daemon sees it: sends it tasks, reads its answers, kills it, wherever it runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aliend.core.transfers.bandwidth import Flow
from aliend.errors import CopyError, ErrorKind
from aliend.storage import wire
from aliend.storage.errors import hung_disk
from aliend.storage.pool.bandwidth_grants import BandwidthGrants, ThrottledTask
from aliend.storage.pool.executor import Ending, ProcessChannel
from aliend.storage.tasks import (
    Compare,
    Download,
    LeftBatch,
    Read,
    Result,
    Stopped,
    Task,
    TaskOptions,
    Upload,
    WorkerDied,
)

RETIRE_AFTER = 5000
"""Tasks after which a process is replaced, in case its library leaks."""


_PING_INTERVAL = 10.0
"""Seconds between two questions to a process with tasks whether it still responds."""
_SILENT_PINGS = 3
"""Unanswered questions after which a process is frozen, and killed."""

_HUNG_AFTER = 120.0
"""Seconds without a sign of life of a task, in a process that responds, after which its local disk counts as hung."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Pending:
    answer: asyncio.Future[Result]
    on_progress: Callable[[int], None]
    options: TaskOptions
    flow: int
    """Its number in the bandwidth grants; 0: its bytes do not count."""


class WorkerProcess:
    """A running worker process, reached by its channel; `on_end` is called when it has ended."""

    def __init__(
        self, channel: ProcessChannel, bandwidth: BandwidthGrants, on_end: Callable[[], None] = lambda: None
    ) -> None:
        self._channel = channel
        self._on_end = on_end
        self._bandwidth = bandwidth
        self._pending: dict[int, _Pending] = {}
        self._count = 0
        self._fatal = ""
        self.retired = False
        self._silent_pings = 0
        self._watcher = asyncio.get_running_loop().create_task(self._watch())
        self._listener = asyncio.get_running_loop().create_task(self._listen())

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._channel.pid

    @property
    def host(self) -> str:
        """Return the name of its machine; empty: this one."""
        return self._channel.host

    @property
    def load(self) -> int:
        """Return how many tasks it has."""
        return len(self._pending)

    @property
    def is_alive(self) -> bool:
        """Return whether it has not ended yet."""
        return not self._listener.done()

    @property
    def is_usable(self) -> bool:
        """Return whether it may get another task."""
        return not self.retired and self.is_alive

    def start_task(
        self, task: Task[Any], on_progress: Callable[[int], None], options: TaskOptions, output: int | None = None
    ) -> int:
        """Send it a task, and a descriptor to write to. Return the number to wait for."""
        self._count += 1
        self.retired = self.retired or self._count >= RETIRE_AFTER
        flow = self._add_flow(self._count, task, options)
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._pending[self._count] = _Pending(answer, on_progress, options, flow)
        share = self._bandwidth.share(flow) if flow else 0
        message = {"do": self._count, "task": wire.pack(task), "share": share}
        if output is not None:
            self._channel.send_output(output)
            message["output"] = True
        self._send(message)
        return self._count

    def start_batch(
        self, tasks: Sequence[Task[Any]], window: Mapping[str, int], options: Sequence[TaskOptions]
    ) -> list[int]:
        """Send it small files to copy in one thread, each with its options. Return the numbers to wait for.

        At most `window[se]` of them use a storage element at a time. Their bytes do not count as bandwidth.
        """
        numbers = range(self._count + 1, self._count + 1 + len(tasks))
        self._count += len(tasks)
        self.retired = self.retired or self._count >= RETIRE_AFTER
        for number, own in zip(numbers, options, strict=True):
            answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
            self._pending[number] = _Pending(answer, _ignore_progress, own, 0)
        packed = [{"do": number, "task": wire.pack(task)} for number, task in zip(numbers, tasks, strict=True)]
        self._send({"batch": packed, "window": dict(window)})
        return list(numbers)

    def _add_flow(self, number: int, task: Task[Any], options: TaskOptions) -> int:
        match task:
            case Download() | Read() | Compare():
                flow = Flow("download", tuple(source.se for source in task.sources[:1]), options.job, options.rate)
            case Upload():
                flow = Flow("upload", tuple(target.se for target in task.targets), options.job, options.rate)
            case _:
                return 0
        return self._bandwidth.add(
            flow,
            ThrottledTask(
                task.id,
                lambda size, share: self._send({"grant": number, "size": size, "share": share}),
                lambda share: self._send({"pace": number, "share": share}),
            ),
        )

    async def result(self, number: int) -> Result:
        """Return the task's result. Raises CopyError, WorkerDied, or Stopped if it was stopped.

        Cancelling this leaves the task running: it can be waited for again.
        """
        pending = self._pending[number]
        await asyncio.wait([pending.answer])
        self._pending.pop(number, None)
        return pending.answer.result()

    def abandon(self, number: int) -> None:
        """Stop a task and drop it, unless its result was taken."""
        if number in self._pending:
            self.stop(number)
            self.forget(number)

    def stop(self, number: int) -> None:
        """Ask a task to stop between two chunks; its progress is ignored from now on."""
        self._pending[number].on_progress = _ignore_progress
        self._send({"stop": number})

    def stop_all(self) -> None:
        """Ask all tasks to stop, and the process to end after that."""
        self.retired = True
        for number in self._pending:
            self.stop(number)
        self._send({"end": True})

    def forget(self, number: int) -> None:
        """Drop a task that nobody waits for any more."""
        if (pending := self._pending.pop(number, None)) and pending.answer.done():
            pending.answer.exception()

    def dismiss(self) -> None:
        """Close its input, which ends it."""
        self.retired = True
        self._channel.close()

    async def kill(self, limit: float) -> None:
        """Kill it; its tasks raise WorkerDied.

        A process that the kernel does not end within `limit` seconds (a dead network disk) is abandoned.
        """
        self._kill()
        await self.wait_ended(limit)
        if self.is_alive:
            self._listener.cancel()
            await asyncio.wait([self._listener])

    async def wait_ended(self, limit: float) -> None:
        """Wait until it has ended and its tasks have failed; at most `limit` seconds."""
        await asyncio.wait([self._listener], timeout=limit)

    def _kill(self) -> None:
        self.retired = True
        self._channel.kill()

    def _send(self, message: dict[str, Any]) -> None:
        self._channel.send(wire.encode(message))

    async def _listen(self) -> None:
        how = Ending("did not end when killed")
        try:
            await self._read_loop()
            self.dismiss()
            how = await self._channel.ended()
        finally:
            self.retired = True
            self._watcher.cancel()
            self._channel.release()
            self._fail_pending(how)
            self._on_end()

    async def _watch(self) -> None:
        """Kill the process when it is frozen: stopped by a signal, or starved. Its tasks are tried again."""
        while True:
            await asyncio.sleep(_PING_INTERVAL)
            if not self._pending:
                continue
            if self._silent_pings >= _SILENT_PINGS:
                log.warning("worker process %d does not respond and is killed", self.pid)
                self._kill()
                return
            self._silent_pings += 1
            self._send({"ping": True})

    async def _read_loop(self) -> None:
        try:
            while line := await self._channel.receive():
                self._silent_pings = 0
                self._dispatch(wire.decode(line))
        except (ValueError, KeyError, TypeError):  # a protocol error
            self._kill()

    def _dispatch(self, message: dict[str, Any]) -> None:
        match message:
            case {"fatal": str(reason)}:
                self._fatal = reason
            case {"alive": True, "silent": list(silent)}:
                self._give_up_hung(silent)
            case {"retire": True}:
                self.retired = True
            case {"answers": list(answers)}:
                for answer in answers:
                    self._dispatch(answer)
            case {"id": int(number)} if (pending := self._pending.get(number)) and not pending.answer.done():
                self._dispatch_task_message(pending, message)

    def _dispatch_task_message(self, pending: _Pending, message: dict[str, Any]) -> None:
        match message:
            case {"want": int(owed)}:
                self._bandwidth.request(pending.flow, owed)
            case {"se": str(se)}:
                self._bandwidth.switch_source(pending.flow, se)
                asyncio.get_running_loop().call_soon(pending.options.on_source_change, se)
            case {"failed": str(se), "reason": str(reason)}:
                asyncio.get_running_loop().call_soon(pending.options.on_failure, se, reason)
            case {"unused": int(unused)}:
                self._bandwidth.remove(pending.flow, unused)
                _answer(pending, message)
            case _:
                _answer(pending, message)

    def _give_up_hung(self, silent: Sequence[Sequence[Any]]) -> None:
        """Fail the tasks that hang in a local file system; the process gets no others, and ends without them."""
        for number, path, seconds in silent:
            pending = self._pending.get(number)
            if pending is None or pending.answer.done() or seconds < _HUNG_AFTER:
                continue
            log.warning("a copy hangs: %s has not answered for %d s", path, seconds)
            self.retired = True
            self._bandwidth.remove(pending.flow, 0)
            pending.answer.set_exception(hung_disk(path, seconds))

    def _fail_pending(self, how: Ending) -> None:
        for pending in self._pending.values():
            if not pending.answer.done():
                self._bandwidth.remove(pending.flow, 0)
                pending.answer.set_exception(self._death_error(how, alone=len(self._pending) == 1))

    def _death_error(self, how: Ending, *, alone: bool) -> CopyError:
        """Return the error for its tasks. If several die together, the cause is unknown and no file is blamed."""
        if self._fatal:
            return CopyError(self._fatal, "local", retry_after=60.0)
        kind: ErrorKind = "lost" if how.is_lost else "transient" if alone else "storage"
        return WorkerDied(f"the worker process {how.text}", kind, retry_after=1.0)


def _ignore_progress(_: int) -> None:
    """Ignore the progress of a task that was stopped."""


def _answer(pending: _Pending, message: dict[str, Any]) -> None:
    match message:
        case {"progress": int(size)}:
            # Called later, because an error in the callback must not end the read loop.
            asyncio.get_running_loop().call_soon(pending.on_progress, size)
        case {"result": dict(packed)}:
            pending.answer.set_result(wire.unpack_result(packed))
        case {"error": dict(packed)}:
            pending.answer.set_exception(wire.unpack_error(packed))
        case {"stopped": True}:
            pending.answer.set_exception(Stopped())
        case {"left": True}:
            pending.answer.set_exception(LeftBatch())
