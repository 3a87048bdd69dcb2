"""The worker process: reads tasks from standard input, runs each in a thread, answers on standard output.

`aliend.storage.pool.worker_process` starts it as `python -m aliend.storage.worker DESCRIPTOR` (of a socket). It ends at
once when its input ends, so that it never outlives the daemon, however the daemon died and whatever a server does. It
ends with `os._exit`, because XRootD's exit handlers may wait for a frozen server.
"""

from __future__ import annotations

import os
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
from aliend.process_privacy import close_to_others
from aliend.storage import wire
from aliend.storage.io import attempt_files, local_files, mounts, target_directory
from aliend.storage.io.output_pipe import OutputPipe
from aliend.storage.io.partial_file import adopt_partial, remove_partial
from aliend.storage.io.task_context import TaskContext
from aliend.storage.tasks import (
    AdoptPartial,
    Checksum,
    Checksummed,
    ChecksummedFiles,
    Checksums,
    Compare,
    Download,
    ListMembers,
    Probe,
    PublishPartial,
    Read,
    RemovePartial,
    Result,
    Stopped,
    Task,
    ThirdParty,
    Upload,
)

TaskRunner = Callable[[Any, TaskContext], Result]


_HELPER_THREADS = 16
"""Threads that hash and flush for the tasks: two for each of the usual eight."""
_TASK_THREADS = 128
"""More threads than a process ever has tasks; they are reused."""


class Pipe:
    """The pipe to the daemon; a broken pipe ends the process."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()

    def send(self, message: dict[str, Any]) -> None:
        """Send one complete message."""
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
        self, pipe: Pipe, runners: dict[type[Any], TaskRunner], must_retire: Callable[[], bool], outputs: socket.socket
    ) -> None:
        self._pipe = pipe
        self._outputs = outputs
        self._runners = runners
        self._must_retire = must_retire
        self._contexts: dict[int, TaskContext] = {}
        self._local_tasks: dict[int, tuple[str, Any]] = {}
        """Path, and context or batch, of the tasks that read or write a local file."""
        self._batches: dict[int, Any] = {}
        self._pool = ThreadPoolExecutor(_HELPER_THREADS)
        self._threads = ThreadPoolExecutor(_TASK_THREADS)
        self._ending = False

    def handle(self, message: dict[str, Any]) -> None:
        """Handle one message of the daemon."""
        match message:
            case {"ping": True}:
                self._pipe.send({"alive": True, "silent": self._silent_tasks()})
            case {"end": True}:
                self._ending = True
                self._end_if_done()
            case {"do": int(number), "task": dict(packed), "share": int(share)}:
                output = self._receive_output() if message.get("output") else None
                self._start(number, wire.unpack_task(packed), share, output)
            case {"batch": list(packed), "window": dict(window)}:
                self._start_batch({one["do"]: wire.unpack_task(one["task"]) for one in packed}, window)
            case {"stop": int(number)} if context := self._contexts.get(number):
                context.completions.stop()
            case {"stop": int(number)} if batch := self._batches.get(number):
                batch.stop(number)
            case {"grant": int(number), "size": int(size), "share": int(share)} if context := self._contexts.get(
                number
            ):
                context.add_credit(size, share)
            case {"pace": int(number), "share": int(share)} if context := self._contexts.get(number):
                context.set_rate(share)

    def _silent_tasks(self) -> list[list[Any]]:
        """Return number, path and seconds of the tasks whose thread may be stuck in a call of a local file system."""
        found = []
        for number, (path, owner) in tuple(self._local_tasks.items()):
            if (seconds := owner.completions.seconds_silent()) >= 1:
                found.append([number, path, int(seconds)])
        return found

    def _receive_output(self) -> OutputPipe:
        """Receive the descriptor that was sent before the task."""
        _, descriptors, _, _ = socket.recv_fds(self._outputs, 1, 1)
        return OutputPipe(descriptors[0])

    def _start(self, number: int, task: Task[Any], share: int, output: OutputPipe | None) -> None:
        used = {context.slot for context in tuple(self._contexts.values())}
        slot = next(slot for slot in range(len(used) + 1) if slot not in used)

        def send(message: dict[str, Any]) -> None:
            self._pipe.send({"id": number, **message})

        context = TaskContext(send, lambda: len(self._contexts), self._pool, slot, share, output)
        context.tuning = getattr(task, "tuning", context.tuning)
        self._contexts[number] = context
        if path := _local_path(task):
            self._local_tasks[number] = (path, context)
        self._threads.submit(self._run, number, task, context)

    def _run(self, number: int, task: Task[Any], context: TaskContext) -> None:
        answer = self._answer(task, context)
        if context.output:
            context.output.close()
        if self._must_retire():
            self._pipe.send({"retire": True})
        self._pipe.send({"id": number, "unused": context.unused_credit(), **answer})
        self._contexts.pop(number)
        self._local_tasks.pop(number, None)
        self._end_if_done()

    def _start_batch(self, tasks: dict[int, Task[Any]], window: dict[str, int]) -> None:
        """Start the tasks of one message in one thread."""
        module = import_module("aliend.storage.worker.batch")
        batch = module.batch_of(tasks, window, self._pool, lambda answers: self._pipe.send({"answers": answers}))
        self._batches.update(dict.fromkeys(tasks, batch))
        self._local_tasks.update({number: (_local_path(task), batch) for number, task in tasks.items()})
        self._threads.submit(self._run_batch, batch, list(tasks))

    def _run_batch(self, batch: Any, numbers: list[int]) -> None:  # noqa: ANN401 - its module is imported late
        try:
            batch.run()
        except Exception as error:  # noqa: BLE001 - as in `_answer`; answers that were sent before count
            packed = wire.pack_error(_internal_error(error))
            self._pipe.send({"answers": [{"id": number, "unused": 0, "error": packed} for number in numbers]})
        if self._must_retire():
            self._pipe.send({"retire": True})
        for number in numbers:
            del self._batches[number], self._local_tasks[number]
        self._end_if_done()

    def _end_if_done(self) -> None:
        if self._ending and not self._contexts and not self._batches:
            os._exit(0)

    def _answer(self, task: Task[Any], context: TaskContext) -> dict[str, Any]:
        try:
            return {"result": wire.pack(self._runners[type(task)](task, context))}
        except Stopped:
            return {"stopped": True}
        except CopyError as error:
            return {"error": wire.pack_error(error)}
        except Exception as error:  # noqa: BLE001 - the edge of the process: the daemon must learn of every error
            return {"error": wire.pack_error(_internal_error(error))}


def _local_path(task: Task[Any]) -> str:
    """Return the local file that a task reads or writes; empty if none."""
    match task:
        case Download(target=path) | Upload(source=path) | Checksum(path=path) | RemovePartial(target=path):
            return path
        case PublishPartial(download=Download(target=path)):
            return path
        case Checksums(paths=(path, *_)):
            return path
        case _:
            return ""


def _internal_error(error: Exception) -> CopyError:
    return CopyError(f"internal error in the copy: {type(error).__name__} at {_location_of(error)}")


def _location_of(error: BaseException) -> str:
    """Return where an unexpected error occurred. Its text is left out, because it might quote an envelope."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "unknown"


def _remove_partial(task: RemovePartial, _: TaskContext) -> Checksummed:
    _require_place(task)
    size = remove_partial(Path(task.target), task.id, task.keep_from, task.directory)
    attempt_files.remove(Path(task.target), task.id, task.attempts, task.directory)
    local_files.remove_empty_directories(task.directories)
    return Checksummed(size, "")


def _adopt_partial(task: AdoptPartial, _: TaskContext) -> Checksummed:
    _require_place(task)
    return Checksummed(adopt_partial(Path(task.target), task.id, task.other, task.directory), "")


def _publish_partial(task: PublishPartial, _: TaskContext) -> Checksummed:
    return attempt_files.publish(task.download)


def _require_place(task: RemovePartial | AdoptPartial) -> None:
    """Raise CopyError if the target is on another disk, or in another directory, than when it was submitted."""
    mounts.require_recorded(task.target, task.file_systems)
    target_directory.require_recorded(task.target, task.directory)


def _checksum(task: Checksum, context: TaskContext) -> Checksummed:
    return local_files.checksum(task, context.completions.raise_if_stopped, context.report_progress)


def _checksums(task: Checksums, context: TaskContext) -> ChecksummedFiles:
    return local_files.checksums(task, context.completions.raise_if_stopped)


def _import_runner(module: str, name: str) -> TaskRunner:
    """Return a runner that imports its module at the first call: the process is ready 50 ms earlier."""

    def run(task: Any, context: TaskContext) -> Result:  # noqa: ANN401 - as `Run`
        result: Result = getattr(import_module(f"aliend.storage.{module}"), name)(task, context)
        return result

    return run


_RUNNERS: dict[type[Any], TaskRunner] = {
    Download: _import_runner("worker.download", "download"),
    Upload: _import_runner("worker.upload", "upload"),
    ThirdParty: _import_runner("worker.third_party", "third_party"),
    Checksum: _checksum,
    Checksums: _checksums,
    RemovePartial: _remove_partial,
    AdoptPartial: _adopt_partial,
    PublishPartial: _publish_partial,
    ListMembers: _import_runner("io.zip_members", "list_members"),
    Compare: _import_runner("worker.read_back", "compare"),
    Read: _import_runner("worker.read", "read"),
    Probe: _import_runner("worker.server_query", "probe"),
}


def _must_retire() -> bool:
    """Return whether uploads were abandoned, so that the process must end."""
    upload = sys.modules.get("aliend.storage.worker.upload")
    return bool(upload and upload.abandoned)


def serve(control: BinaryIO, pipe: Pipe, outputs: socket.socket) -> None:
    """Handle messages until the daemon has gone; output descriptors arrive over `outputs`."""
    try:
        import_module("aliend.storage.io.xrootd_client")
    except ImportError as error:
        pipe.send({"fatal": f"cannot load the XRootD library: {error}"})
        return
    worker = Worker(pipe, _RUNNERS, _must_retire, outputs)
    pipe.send({"ready": True})
    for line in control:
        worker.handle(wire.decode(line))


def main() -> None:
    """Reserve standard output for the daemon (XRootD's library may print), then serve.

    Ignores signals to the whole process group or unit: the daemon handles them and stops its copies gracefully.
    """
    close_to_others(os.environ)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
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
