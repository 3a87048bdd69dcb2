"""The context of one running task: its completion queue, its memory, its bandwidth credit, its progress reports."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from aliend.storage.io.completion_queue import CompletionQueue
from aliend.storage.io.output_pipe import OutputPipe
from aliend.storage.tasks import Tuning

CHUNK = 4 << 20
"""Bytes read or written by one request."""
_PROGRESS_INTERVAL = 0.1  # seconds between two progress reports
_MEMORY_BUDGET = 32 << 20
"""Bytes in flight for all tasks of one process; the library and Python may briefly hold them twice."""
_MAX_REQUESTS, _MIN_REQUESTS = 8, 2
_MAX_TUNED_MEMORY = 64 << 20
_MIN_CHUNK = 16 << 10
_MIN_UNTHROTTLED_CHUNK = 512 << 10
_CHUNK_TIME = 0.1  # seconds of its share that one chunk of a throttled task takes
_CREDIT_WAIT = 1.0


class TaskContext:
    """The context of one task.

    `send` sends a message to the daemon, `running` returns how many tasks share the memory, `pool` hashes. `slot` is a
    small number that no other running task of the process has; `share` the bytes per second that the task can expect
    (0: not throttled, for now). `output` receives the bytes of a `Read`; `tuning` is what the user requested, limited
    to 64 MiB in flight.
    """

    def __init__(
        self,
        send: Callable[[dict[str, Any]], None],
        running: Callable[[], int],
        pool: Executor,
        slot: int = 0,
        share: int = 0,
        output: OutputPipe | None = None,
    ) -> None:
        self.pool = pool
        self.output = output
        self.completions = CompletionQueue()
        self.slot = slot
        self.tuning = Tuning()
        self._send = send
        self._running = running
        self._reported_at = time.monotonic()
        self._share = share
        self._credit = 0
        self._requested_credit = False

    def max_requests(self) -> int:
        """Return how many requests one file may have in flight now."""
        if self._share:
            return min(_MAX_REQUESTS, max(_MIN_REQUESTS, int(self._share * _CHUNK_TIME) // CHUNK + 1))
        if self.tuning.chunks:
            return min(self.tuning.chunks, max(1, _MAX_TUNED_MEMORY // self.chunk_size()))
        return min(_MAX_REQUESTS, max(_MIN_REQUESTS, self._memory() // self.chunk_size()))

    def chunk_size(self) -> int:
        """Return the bytes that one request should have now."""
        if self._share:
            return min(CHUNK, max(_MIN_CHUNK, int(self._share * _CHUNK_TIME)))
        if self.tuning.chunk_size:
            return min(max(_MIN_CHUNK, self.tuning.chunk_size), _MAX_TUNED_MEMORY)
        return min(CHUNK, max(_MIN_UNTHROTTLED_CHUNK, self._memory() // 4))

    def _memory(self) -> int:
        """Return this task's part of the memory budget in bytes."""
        return _MEMORY_BUDGET // max(1, self._running())

    def report_progress(self, size: int) -> None:
        """Report the bytes so far, at most ten times per second."""
        now = time.monotonic()
        if now - self._reported_at >= _PROGRESS_INTERVAL:
            self._reported_at = now
            self._send({"progress": size})

    def report_source(self, se: str) -> None:
        """Report the storage element that is used from now on."""
        self._send({"se": se})

    def report_failure(self, se: str, reason: str) -> None:
        """Report a transient failure of a storage element at once: the task may continue elsewhere for long."""
        self._send({"failed": se, "reason": reason})

    def throttle(self, size: int) -> None:
        """Charge `size` bytes; if bandwidth is limited, wait for credit. Raises Stopped."""
        if not self._share:
            return
        self._credit -= size
        while self._share and self._credit < 0:
            if not self._requested_credit:
                self._requested_credit = True
                self._send({"want": -self._credit})
            self.completions.process(_CREDIT_WAIT)

    def unused_credit(self) -> int:
        """Return the bytes that were granted and not used."""
        return max(0, self._credit)

    def set_rate(self, share: int) -> None:
        """Set another share (0: no longer throttled); earlier credit is void. May be called from any thread."""
        self.completions.put(lambda: self._apply_rate(share))

    def add_credit(self, size: int, share: int) -> None:
        """Add `size` bytes of credit. May be called from any thread."""
        self.completions.put(lambda: self._apply_credit(size, share))

    def _apply_rate(self, share: int) -> None:
        self._share = share
        self._credit = min(self._credit, 0) if share else 0
        self._requested_credit = False

    def _apply_credit(self, size: int, share: int) -> None:
        if self._share:
            self._share = share
            self._credit += size
            self._requested_credit = False
