"""What a running task has to do with the rest of its process: its inbox, its share of memory, its progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor

from aliend.storage.inbox import Inbox

_PAUSE = 0.1  # seconds between two words about progress
_BUDGET = 24  # requests on their way for all tasks of one process: 96 MiB
_MOST, _LEAST = 8, 2


class Line:
    """One task's line to its process.

    `tell` hears bytes so far, `running` says how many tasks share the memory, `pool` hashes.
    `slot` is a small number that no other running task of the process has.
    """

    def __init__(self, tell: Callable[[int], None], running: Callable[[], int], pool: Executor, slot: int = 0) -> None:
        self.pool = pool
        self.inbox = Inbox()
        self.slot = slot
        self._tell = tell
        self._running = running
        self._told_at = 0.0

    def window(self) -> int:
        """How many requests one file may have on their way just now."""
        return min(_MOST, max(_LEAST, _BUDGET // max(1, self._running())))

    def progress(self, size: int) -> None:
        """Tell the bytes so far, at most ten times a second."""
        now = time.monotonic()
        if now - self._told_at >= _PAUSE:
            self._told_at = now
            self._tell(size)
