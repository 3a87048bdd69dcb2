"""The copying process: reads tasks from standard input, runs each in a thread, answers on standard output.

`python -m aliend.storage.worker DESCRIPTOR` (of a socket), started by `aliend.storage.pool.worker_process`. It ends by
itself, and at once, when its input ends: that is how it survives no daemon, however that died and whatever a server
does. It ends with `os._exit`, because XRootD's own exit handlers may wait for a frozen server.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from aliend.errors import CopyError
from aliend.storage import wire
from aliend.storage.io import local_files
from aliend.storage.io.output_pipe import Outlet
from aliend.storage.io.partial_file import discard
from aliend.storage.io.task_context import Line
from aliend.storage.tasks import (
    Checksum,
    Checksummed,
    Compare,
    Discard,
    Download,
    ListMembers,
    Probe,
    Read,
    Result,
    Stopped,
    Task,
    ThirdParty,
    Upload,
)

Run = Callable[[Any, Line], Result]


_POOL = 16
"""Threads that hash and flush beside the tasks: two for each of the usual eight."""
_TASKS = 128
"""More tasks than a process ever has at a time; their threads stay for the next ones."""


class Pipe:
    """The way to the daemon; a broken one ends the process."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()

    def send(self, message: dict[str, Any]) -> None:
        """Send one message, whole."""
        line = memoryview(wire.encode(message))
        try:
            with self._lock:
                while line:
                    line = line[os.write(self._fd, line) :]
        except OSError:
            os._exit(1)


class Worker:
    """The tasks of this process, one thread each."""

    def __init__(
        self, pipe: Pipe, runners: dict[type[Any], Run], spent: Callable[[], bool], outputs: socket.socket
    ) -> None:
        self._pipe = pipe
        self._outputs = outputs
        self._runners = runners
        self._spent = spent
        self._lines: dict[int, Line] = {}
        self._pool = ThreadPoolExecutor(_POOL)
        self._threads = ThreadPoolExecutor(_TASKS)
        self._ending = False

    def handle(self, message: dict[str, Any]) -> None:
        """Obey one message of the daemon."""
        match message:
            case {"end": True}:
                self._ending = True
                self._end_if_done()
            case {"do": int(number), "task": dict(packed), "share": int(share)}:
                output = self._output() if message.get("output") else None
                self._start(number, wire.unpack_task(packed), share, output)
            case {"stop": int(number)} if line := self._lines.get(number):
                line.inbox.stop()
            case {"grant": int(number), "size": int(size), "share": int(share)} if line := self._lines.get(number):
                line.grant(size, share)
            case {"pace": int(number), "share": int(share)} if line := self._lines.get(number):
                line.pace(share)

    def _output(self) -> Outlet:
        """The descriptor that came before the task."""
        _, descriptors, _, _ = socket.recv_fds(self._outputs, 1, 1)
        return Outlet(descriptors[0])

    def _start(self, number: int, task: Task, share: int, output: Outlet | None) -> None:
        taken = {line.slot for line in tuple(self._lines.values())}
        slot = next(each for each in range(len(taken) + 1) if each not in taken)

        def say(words: dict[str, Any]) -> None:
            self._pipe.send({"id": number, **words})

        line = Line(say, lambda: len(self._lines), self._pool, slot, share, output)
        line.tuning = getattr(task, "tuning", line.tuning)
        self._lines[number] = line
        self._threads.submit(self._run, number, task, line)

    def _run(self, number: int, task: Task, line: Line) -> None:
        answer = self._answer(task, line)
        if line.output:
            line.output.close()
        if self._spent():
            self._pipe.send({"retire": True})
        self._pipe.send({"id": number, "unused": line.unused(), **answer})
        self._lines.pop(number)
        self._end_if_done()

    def _end_if_done(self) -> None:
        if self._ending and not self._lines:
            os._exit(0)

    def _answer(self, task: Task, line: Line) -> dict[str, Any]:
        try:
            return {"result": wire.pack(self._runners[type(task)](task, line))}
        except Stopped:
            return {"stopped": True}
        except CopyError as error:
            return {"error": wire.pack_error(error)}
        except Exception as error:  # noqa: BLE001 - the edge of the process: the daemon must hear of everything
            place = _place(error)
            return {"error": wire.pack_error(CopyError(f"the copy broke: {type(error).__name__} at {place}"))}


def _place(error: BaseException) -> str:
    """Where an unexpected error arose; its text is not told, since it might quote an envelope."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "unknown"


def _discard(task: Discard, _: Line) -> Checksummed:
    size = discard(Path(task.target), task.id)
    local_files.remove_empty(task.directories)
    return Checksummed(size, "")


def _checksum(task: Checksum, line: Line) -> Checksummed:
    return local_files.checksum(task, line.inbox.check, line.progress)


def _loaded(module: str, name: str) -> Run:
    """What is imported when it is first needed: a process that is awaited is there 50 ms earlier."""

    def run(task: Any, line: Line) -> Result:  # noqa: ANN401 - as `Run`
        result: Result = getattr(import_module(f"aliend.storage.{module}"), name)(task, line)
        return result

    return run


_RUNNERS: dict[type[Any], Run] = {
    Download: _loaded("worker.download", "download"),
    Upload: _loaded("worker.upload", "upload"),
    ThirdParty: _loaded("worker.third_party", "third_party"),
    Checksum: _checksum,
    Discard: _discard,
    ListMembers: _loaded("io.zip_members", "list_members"),
    Compare: _loaded("worker.read_back", "compare"),
    Read: _loaded("worker.read", "read"),
    Probe: _loaded("worker.server_query", "probe"),
}


def _spent() -> bool:
    """Whether uploads were given up, so that the process has to end."""
    upload = sys.modules.get("aliend.storage.worker.upload")
    return bool(upload and upload.abandoned)


def serve(control: BinaryIO, pipe: Pipe, outputs: socket.socket) -> None:
    """Obey until the daemon is gone; descriptors to write to come by `outputs`."""
    try:
        import_module("aliend.storage.io.xrootd_client")
    except ImportError as error:
        pipe.send({"fatal": f"the XRootD library cannot be loaded: {error}"})
        return
    worker = Worker(pipe, _RUNNERS, _spent, outputs)
    pipe.send({"ready": True})
    for line in control:
        worker.handle(wire.decode(line))


def main() -> None:
    """Keep standard output for the daemon alone (XRootD's library may print), then serve.

    Signals to a whole group or unit are for the daemon, which stops its copies softly; envelopes are in our memory, so
    that no core may be written.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.dup(1)
    os.dup2(2, 1)
    os.umask(0)
    code = 1
    try:
        serve(sys.stdin.buffer, Pipe(answers), socket.socket(fileno=int(sys.argv[1])))
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
