"""What a running task has to do with the rest of its process: its inbox, its share of memory and of bandwidth."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from aliend.storage.io.completion_queue import Inbox
from aliend.storage.io.output_pipe import Outlet
from aliend.storage.tasks import Tuning

CHUNK = 4 << 20
"""Bytes read or written by one request."""
_PAUSE = 0.1  # seconds between two words about progress
_BUDGET = 32 << 20
"""Bytes on their way for all tasks of one process; the library and Python may hold them twice for a moment."""
_MOST, _LEAST = 8, 2
_MOST_TUNED = 64 << 20
_SMALLEST = 16 << 10
_LEAST_CHUNK = 512 << 10
_CHUNK_TIME = 0.1  # seconds of its share that one chunk of a metered task takes
_PATIENCE = 1.0


class Line:
    """One task's line to its process.

    `say` sends words to the daemon, `running` says how many tasks share the memory, `pool` hashes. `slot` is a small
    number that no other running task of the process has; `share` the bytes per second that the task can expect (0: it
    is not metered, and may be later). `output` takes the bytes of a `Read`; `tuning` is what the user wants, at most
    64 MiB on their way.
    """

    def __init__(
        self,
        say: Callable[[dict[str, Any]], None],
        running: Callable[[], int],
        pool: Executor,
        slot: int = 0,
        share: int = 0,
        output: Outlet | None = None,
    ) -> None:
        self.pool = pool
        self.output = output
        self.inbox = Inbox()
        self.slot = slot
        self.tuning = Tuning()
        self._say = say
        self._running = running
        self._told_at = time.monotonic()
        self._share = share
        self._allowance = 0
        self._asked = False

    def window(self) -> int:
        """How many requests one file may have on their way just now."""
        if self._share:
            return min(_MOST, max(_LEAST, int(self._share * _CHUNK_TIME) // CHUNK + 1))
        if self.tuning.chunks:
            return min(self.tuning.chunks, max(1, _MOST_TUNED // self.chunk()))
        return min(_MOST, max(_LEAST, self._memory() // self.chunk()))

    def chunk(self) -> int:
        """Bytes that one request should have just now."""
        if self._share:
            return min(CHUNK, max(_SMALLEST, int(self._share * _CHUNK_TIME)))
        if self.tuning.chunk_size:
            return min(max(_SMALLEST, self.tuning.chunk_size), _MOST_TUNED)
        return min(CHUNK, max(_LEAST_CHUNK, self._memory() // 4))

    def _memory(self) -> int:
        """This task's part of the budget, in bytes."""
        return _BUDGET // max(1, self._running())

    def progress(self, size: int) -> None:
        """Tell the bytes so far, at most ten times a second."""
        now = time.monotonic()
        if now - self._told_at >= _PAUSE:
            self._told_at = now
            self._say({"progress": size})

    def turn_to(self, se: str) -> None:
        """Tell the storage element that is used from now on."""
        self._say({"se": se})

    def fail_at(self, se: str, reason: str) -> None:
        """Tell a failure of a storage element that may pass, at once: the task may go on elsewhere for long."""
        self._say({"failed": se, "reason": reason})

    def spend(self, size: int) -> None:
        """Bytes were moved; where bandwidth is limited, wait until they are paid. Stopped as from any waiting."""
        if not self._share:
            return
        self._allowance -= size
        while self._share and self._allowance < 0:
            if not self._asked:
                self._asked = True
                self._say({"want": -self._allowance})
            self.inbox.serve(_PATIENCE)

    def unused(self) -> int:
        """Bytes that were granted and not moved."""
        return max(0, self._allowance)

    def pace(self, share: int) -> None:
        """Another share from now on (0: not metered any more); what was granted before is void."""
        self.inbox.put(lambda: self._paced(share))

    def grant(self, size: int, share: int) -> None:
        """So many bytes more may be moved."""
        self.inbox.put(lambda: self._granted(size, share))

    def _paced(self, share: int) -> None:
        self._share = share
        self._allowance = min(self._allowance, 0) if share else 0
        self._asked = False

    def _granted(self, size: int, share: int) -> None:
        if self._share:
            self._share = share
            self._allowance += size
            self._asked = False
