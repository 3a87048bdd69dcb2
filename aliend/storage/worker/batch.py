"""Copies the small files of one message side by side in one thread: each proceeds from answer to answer of its servers.

A file that needs more than the usual steps leaves the batch: the daemon then copies it as a task of its own.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, Protocol

from aliend.errors import CopyError
from aliend.storage import wire
from aliend.storage.errors import StorageError
from aliend.storage.io.completion_queue import UNRESPONSIVE_AFTER, CompletionQueue
from aliend.storage.io.task_context import TaskContext
from aliend.storage.tasks import Download, Result, Upload

_ANSWER_INTERVAL = 0.1
"""Seconds that the result of a file may wait for those of others."""
_CHECK_INTERVAL = 0.05
"""Seconds between two checks for silent servers."""
_STALLED_AFTER = 1.0
"""Seconds without an answer of a storage element after which files that wait for it leave the batch."""
_GATHER_TIME, _IDLE_TIME = 0.02, 0.5
"""Seconds to wait for several answers, and for any answer while none has arrived lately."""


class Unusual(Exception):
    """The file needs more than the usual steps; `failure` is what its storage element `se` did, if that failed."""

    def __init__(self, se: str = "", failure: StorageError | None = None) -> None:
        super().__init__(str(failure or ""))
        self.se = se
        self.failure = failure


class SmallFile(Protocol):
    """One file of a batch. It is used by one thread."""

    @property
    def ses(self) -> Sequence[str]:
        """Return the storage elements that it uses."""

    @property
    def in_flight(self) -> int:
        """Return how many requests are not answered."""

    def steps(self) -> Iterator[None]:
        """Do the work; yield wherever answers must arrive first. Raises Unusual, CopyError, OSError."""

    def check(self, limit: float) -> None:
        """Fail the requests that were not answered for `limit` seconds. Raises Unusual."""

    def give_up(self) -> None:
        """Release what it holds; it has failed, was stopped, or leaves the batch."""

    def error_of(self, error: OSError) -> CopyError:
        """Return the error of the local file."""


Finish = Callable[[Sequence[SmallFile]], Iterator[tuple[SmallFile, Result | CopyError]]]
"""Completes files that have done all their steps; yields each with its result."""


class BatchRun:
    """One batch: `files` by the number of their task, at most `window[se]` of them at a time on a storage element.

    `send` sends messages to the daemon.
    """

    def __init__(
        self,
        files: Mapping[int, SmallFile],
        window: Mapping[str, int],
        completions: CompletionQueue,
        finish: Finish,
        send: Callable[[Sequence[dict[str, Any]]], None],
    ) -> None:
        self._numbers = {id(file): number for number, file in files.items()}
        self._queued = dict(files)
        self._started: dict[int, tuple[SmallFile, Iterator[None]]] = {}
        self._complete: list[SmallFile] = []
        self._window = window
        self._running: Counter[str] = Counter()
        self._answered_at: dict[str, float] = {}
        self.completions = completions
        self._finish = finish
        self._send = send
        self._messages: list[dict[str, Any]] = []
        self._stopped: set[int] = set()
        self._sent_at = self._checked_at = time.monotonic()

    def stop(self, number: int) -> None:
        """Stop one file. May be called from any thread."""
        self.completions.put(lambda: self._stopped.add(number))

    def run(self) -> None:
        """Copy all files; each is answered once."""
        while self._queued or self._started:
            self._drop_stopped()
            self._start_allowed()
            self._advance()
            if time.monotonic() - self._sent_at > _ANSWER_INTERVAL:
                self._answer()
            if self._started:
                self._wait()
        self._answer()

    def _start_allowed(self) -> None:
        for number, file in list(self._queued.items()):
            if all(self._running[se] < self._window.get(se, 1) for se in file.ses):
                del self._queued[number]
                self._running.update(file.ses)
                self._started[number] = file, file.steps()
                self._answered_at.update(dict.fromkeys(file.ses, time.monotonic()))

    def _advance(self) -> None:
        """Let each file do the steps for which it has all answers."""
        for number, (file, steps) in list(self._started.items()):
            while not file.in_flight:
                self._answered_at.update(dict.fromkeys(file.ses, time.monotonic()))
                try:
                    next(steps)
                except StopIteration:
                    self._leave(number)
                    self._complete.append(file)
                    break
                except (Unusual, CopyError, OSError) as error:
                    self._fail(number, file, error)
                    break

    def _leave(self, number: int) -> None:
        file, _ = self._started.pop(number)
        self._running.subtract(file.ses)

    def _fail(self, number: int, file: SmallFile, error: Unusual | CopyError | OSError) -> None:
        """Answer a file that was not copied."""
        if number in self._started:
            self._leave(number)
        file.give_up()
        if isinstance(error, OSError):
            error = file.error_of(error)
        if isinstance(error, CopyError):
            self._messages.append({"id": number, "unused": 0, "error": wire.pack_error(error)})
            return
        if error.failure and error.failure.kind == "transient":
            self._messages.append({"id": number, "failed": error.se, "reason": str(error.failure)})
        self._messages.append({"id": number, "unused": 0, "left": True})

    def _drop_stopped(self) -> None:
        for number in self._stopped & {*self._queued, *self._started}:
            if number in self._started:
                file = self._started[number][0]
                self._leave(number)
            else:
                file = self._queued.pop(number)
            file.give_up()
            self._messages.append({"id": number, "unused": 0, "stopped": True})
        self._stopped.clear()

    def _answer(self) -> None:
        """Complete the files that are ready, and send the answers that were gathered."""
        for file, result in self._finish(self._complete):
            number = self._numbers[id(file)]
            if isinstance(result, CopyError):
                self._messages.append({"id": number, "unused": 0, "error": wire.pack_error(result)})
            else:
                self._messages.append({"id": number, "unused": 0, "result": wire.pack(result)})
        self._complete = []
        if self._messages:
            self._send(self._messages)
            self._messages = []
        self._sent_at = time.monotonic()

    def _wait(self) -> None:
        """Wait for answers, for several at once while they arrive: each wakeup costs two thread switches."""
        answers = sum(file.in_flight for file, _ in self._started.values())
        now = time.monotonic()
        if now - max(self._answered_at.values()) < _STALLED_AFTER:
            arrived = self.completions.process(_GATHER_TIME, max(1, answers // 2))
        else:
            self._answer()
            arrived = self.completions.process(_IDLE_TIME)
        if not arrived or time.monotonic() - self._checked_at > _CHECK_INTERVAL:
            self._checked_at = time.monotonic()
            self._check_silent(self._checked_at)

    def _check_silent(self, now: float) -> None:
        """Fail files whose server is silent; files that wait behind them leave the batch."""
        for number, (file, _) in list(self._started.items()):
            try:
                file.check(UNRESPONSIVE_AFTER)
            except Unusual as error:
                self._fail(number, file, error)
        silent = {se for se, at in self._answered_at.items() if now - at > _STALLED_AFTER and self._running[se] > 0}
        for number, file in list(self._queued.items()):
            if silent & set(file.ses):
                del self._queued[number]
                self._fail(number, file, Unusual())


def batch_of(
    tasks: Mapping[int, Download | Upload],
    window: Mapping[str, int],
    pool: Executor,
    send: Callable[[Sequence[dict[str, Any]]], None],
) -> BatchRun:
    """Return the batch of some downloads or uploads, by number."""
    # Imported late, as all kinds of tasks are: the process is ready sooner.
    from aliend.storage.worker import small_download, small_upload

    context = TaskContext(lambda _: None, lambda: 1, pool)
    finish: Finish = small_download.publish
    files: dict[int, SmallFile] = {}
    for number, task in tasks.items():
        if isinstance(task, Upload):
            files[number], finish = small_upload.SmallUpload(task, context), small_upload.results
        else:
            files[number] = small_download.SmallDownload(task, context.completions, pool)
    return BatchRun(files, window, context.completions, finish, send)
