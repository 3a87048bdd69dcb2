"""One copying process seen from the daemon: started, given tasks, listened to, killed."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aliend.core.transfers.bandwidth import Flow
from aliend.errors import CopyError
from aliend.storage import wire
from aliend.storage.errors import exceeded_limit
from aliend.storage.pool.bandwidth_grants import Paced, Pacer
from aliend.storage.pool.worker_environment import isolated, worker_environment
from aliend.storage.tasks import Compare, Download, Read, Result, Stopped, Task, Terms, Upload, WorkerDied

RETIRE_AFTER = 5000
"""Tasks after which a process is replaced, whatever its library may have leaked."""


@dataclass(slots=True)
class _Pending:
    answer: asyncio.Future[Result]
    on_progress: Callable[[int], None]
    terms: Terms
    paced: int
    """Its number with the pacer; 0: its bytes do not count."""


class Process:
    """A running copying process; use `Process.start`. `run` tasks, then `stop` each or `kill` all."""

    def __init__(self, process: asyncio.subprocess.Process, pacer: Pacer, outputs: socket.socket) -> None:
        self._process = process
        self._pacer = pacer
        self._outputs = outputs
        self._pending: dict[int, _Pending] = {}
        self._count = 0
        self._fatal = ""
        self.retired = False
        self._listener = asyncio.get_running_loop().create_task(self._listen())

    @classmethod
    async def start(cls, environment: Mapping[str, str], pacer: Pacer) -> Process:
        """A new process in a session of its own, so that a terminal's Ctrl-C does not reach it."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            process = await asyncio.create_subprocess_exec(
                *isolated("aliend.storage.worker"),
                str(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=worker_environment(environment),
                cwd="/",
                start_new_session=True,
                limit=wire.LONGEST_LINE,
            )
        except OSError as error:
            ours.close()
            reason = exceeded_limit(error) or error.strerror
            raise CopyError(f"a copying process could not be started: {reason}", "local", 30.0) from error
        finally:
            theirs.close()
        return cls(process, pacer, ours)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def load(self) -> int:
        """How many tasks it has."""
        return len(self._pending)

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended yet."""
        return not self._listener.done()

    @property
    def is_usable(self) -> bool:
        """Whether it may be given another task."""
        return not self.retired and self.is_alive

    def begin(self, task: Task, on_progress: Callable[[int], None], terms: Terms, output: int | None = None) -> int:
        """Give it a task, and a descriptor to write to; the number to wait for."""
        self._count += 1
        self.retired = self.retired or self._count >= RETIRE_AFTER
        paced = self._paced(self._count, task, terms)
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._pending[self._count] = _Pending(answer, on_progress, terms, paced)
        share = self._pacer.share(paced) if paced else 0
        message = {"do": self._count, "task": wire.pack(task), "share": share}
        if output is not None:
            socket.send_fds(self._outputs, [b"\0"], [output])
            message["output"] = True
        self._send(message)
        return self._count

    def _paced(self, number: int, task: Task, terms: Terms) -> int:
        match task:
            case Download() | Read() | Compare():
                flow = Flow("download", tuple(source.se for source in task.sources[:1]), terms.job, terms.rate)
            case Upload():
                flow = Flow("upload", tuple(target.se for target in task.targets), terms.job, terms.rate)
            case _:
                return 0
        return self._pacer.join(
            flow,
            Paced(
                task.id,
                lambda size, share: self._send({"grant": number, "size": size, "share": share}),
                lambda share: self._send({"pace": number, "share": share}),
            ),
        )

    async def result(self, number: int) -> Result:
        """The task's result; CopyError, WorkerDied, or Stopped when it was told to stop.

        Cancelling the waiting leaves the task alone: it can be waited for again.
        """
        pending = self._pending[number]
        await asyncio.wait([pending.answer])
        self._pending.pop(number, None)
        return pending.answer.result()

    def stop(self, number: int) -> None:
        """Tell a task to stop between two chunks; nothing more is heard of its progress."""
        self._pending[number].on_progress = _unheard
        self._send({"stop": number})

    def stop_all(self) -> None:
        """Tell all tasks to stop, and the process to end once they have."""
        self.retired = True
        for number in self._pending:
            self.stop(number)
        self._send({"end": True})

    def forget(self, number: int) -> None:
        """Nobody waits for this task any more."""
        if (pending := self._pending.pop(number, None)) and pending.answer.done():
            pending.answer.exception()

    def dismiss(self) -> None:
        """End its input: an idle process ends by itself."""
        self.retired = True
        if self._process.stdin:
            self._process.stdin.close()

    async def kill(self, limit: float) -> None:
        """End it now; its tasks raise WorkerDied.

        One that the kernel does not let go within `limit` seconds (a dead network disk) is left to itself.
        """
        self._kill()
        await self.ended(limit)
        if self.is_alive:
            self._listener.cancel()
            await asyncio.wait([self._listener])

    async def ended(self, limit: float) -> None:
        """Wait until it is gone and everybody who waited for it was told; at most `limit` seconds."""
        await asyncio.wait([self._listener], timeout=limit)

    def _kill(self) -> None:
        self.retired = True
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def _send(self, message: dict[str, Any]) -> None:
        # Not drained: a line is small, and the process always reads.
        if self._process.stdin and not self._process.stdin.is_closing():
            self._process.stdin.write(wire.encode(message))

    async def _listen(self) -> None:
        how = "does not end"
        try:
            await self._hear()
            self.dismiss()
            how = _ending(await self._process.wait())
        finally:
            self.retired = True
            self._outputs.close()
            self._bury(how)

    async def _hear(self) -> None:
        assert self._process.stdout is not None
        try:
            while line := await self._process.stdout.readline():
                self._heard(wire.decode(line))
        except (ValueError, KeyError, TypeError):  # it does not speak our language: it must go
            self._kill()

    def _heard(self, message: dict[str, Any]) -> None:
        match message:
            case {"fatal": str(reason)}:
                self._fatal = reason
            case {"retire": True}:
                self.retired = True
            case {"id": int(number)} if (pending := self._pending.get(number)) and not pending.answer.done():
                self._heard_of(pending, message)

    def _heard_of(self, pending: _Pending, message: dict[str, Any]) -> None:
        match message:
            case {"want": int(owed)}:
                self._pacer.want(pending.paced, owed)
            case {"se": str(se)}:
                self._pacer.turn(pending.paced, se)
                asyncio.get_running_loop().call_soon(pending.terms.turned, se)
            case {"failed": str(se), "reason": str(reason)}:
                asyncio.get_running_loop().call_soon(pending.terms.failed, se, reason)
            case {"unused": int(unused)}:
                self._pacer.leave(pending.paced, unused)
                _answer(pending, message)
            case _:
                _answer(pending, message)

    def _bury(self, how: str) -> None:
        for pending in self._pending.values():
            if not pending.answer.done():
                self._pacer.leave(pending.paced, 0)
                pending.answer.set_exception(self._obituary(how, alone=len(self._pending) == 1))

    def _obituary(self, how: str, *, alone: bool) -> CopyError:
        """Where several tasks die, nobody can say whose fault it was: no file is blamed."""
        if self._fatal:
            return CopyError(self._fatal, "local", retry_after=60.0)
        return WorkerDied(f"the copying process {how}", "transient" if alone else "storage", retry_after=1.0)


def _ending(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def _unheard(_: int) -> None:
    """Progress of a task whose owner has gone."""


def _answer(pending: _Pending, message: dict[str, Any]) -> None:
    match message:
        case {"progress": int(size)}:
            # Not called here: what the listener of progress does wrong must not end the listening to the process.
            asyncio.get_running_loop().call_soon(pending.on_progress, size)
        case {"result": dict(packed)}:
            pending.answer.set_result(wire.unpack_result(packed))
        case {"error": dict(packed)}:
            pending.answer.set_exception(wire.unpack_error(packed))
        case {"stopped": True}:
            pending.answer.set_exception(Stopped())
