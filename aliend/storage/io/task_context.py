"""What a running task has to do with the rest of its process: its completions, its share of memory and of bandwidth."""

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
_PROGRESS_INTERVAL = 0.1  # seconds between two words about progress
_MEMORY_BUDGET = 32 << 20
"""Bytes on their way for all tasks of one process; the library and Python may hold them twice for a moment."""
_MAX_REQUESTS, _MIN_REQUESTS = 8, 2
_MAX_TUNED_MEMORY = 64 << 20
_MIN_CHUNK = 16 << 10
_MIN_UNTHROTTLED_CHUNK = 512 << 10
_CHUNK_TIME = 0.1  # seconds of its share that one chunk of a metered task takes
_CREDIT_WAIT = 1.0


class TaskContext:
    """One task's line to its process.

    `say` sends words to the daemon, `running` says how many tasks share the memory, `pool` hashes. `slot` is a small
    number that no other running task of the process has; `share` the bytes per second that the task can expect (0: it
    is not metered, and may be later). `output` takes the bytes of a `Read`; `tuning` is what the user wants, at most
    64 MiB on their way.
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
        """How many requests one file may have on their way just now."""
        if self._share:
            return min(_MAX_REQUESTS, max(_MIN_REQUESTS, int(self._share * _CHUNK_TIME) // CHUNK + 1))
        if self.tuning.chunks:
            return min(self.tuning.chunks, max(1, _MAX_TUNED_MEMORY // self.chunk_size()))
        return min(_MAX_REQUESTS, max(_MIN_REQUESTS, self._memory() // self.chunk_size()))

    def chunk_size(self) -> int:
        """Bytes that one request should have just now."""
        if self._share:
            return min(CHUNK, max(_MIN_CHUNK, int(self._share * _CHUNK_TIME)))
        if self.tuning.chunk_size:
            return min(max(_MIN_CHUNK, self.tuning.chunk_size), _MAX_TUNED_MEMORY)
        return min(CHUNK, max(_MIN_UNTHROTTLED_CHUNK, self._memory() // 4))

    def _memory(self) -> int:
        """This task's part of the budget, in bytes."""
        return _MEMORY_BUDGET // max(1, self._running())

    def report_progress(self, size: int) -> None:
        """Tell the bytes so far, at most ten times a second."""
        now = time.monotonic()
        if now - self._reported_at >= _PROGRESS_INTERVAL:
            self._reported_at = now
            self._send({"progress": size})

    def report_source(self, se: str) -> None:
        """Tell the storage element that is used from now on."""
        self._send({"se": se})

    def report_failure(self, se: str, reason: str) -> None:
        """Tell a failure of a storage element that may pass, at once: the task may go on elsewhere for long."""
        self._send({"failed": se, "reason": reason})

    def throttle(self, size: int) -> None:
        """Bytes were moved; where bandwidth is limited, wait until they are paid. Stopped as from any waiting."""
        if not self._share:
            return
        self._credit -= size
        while self._share and self._credit < 0:
            if not self._requested_credit:
                self._requested_credit = True
                self._send({"want": -self._credit})
            self.completions.process(_CREDIT_WAIT)

    def unused_credit(self) -> int:
        """Bytes that were granted and not moved."""
        return max(0, self._credit)

    def set_rate(self, share: int) -> None:
        """Another share from now on (0: not metered any more); what was granted before is void."""
        self.completions.put(lambda: self._apply_rate(share))

    def add_credit(self, size: int, share: int) -> None:
        """So many bytes more may be moved."""
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
