"""What runs for callers: calls, counted so that an idle daemon can exit and a busy one is not replaced, and the jobs
that a command follows in the foreground.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class Activity:
    """Running calls: `calls` fail if the daemon ends, `watches` can resume with the next daemon."""

    def __init__(self) -> None:
        self.calls = 0
        self.watches = 0
        self.last_end = time.monotonic()
        """The time at which the last call or watch ended (monotonic seconds)."""

    @property
    def is_none(self) -> bool:
        """Return whether no call and no watch is running."""
        return not self.calls and not self.watches

    @contextmanager
    def call(self, *, can_resume: bool = False) -> Iterator[None]:
        """Count a call while the block runs; `can_resume`: count it as a watch."""
        calls, watches = (0, 1) if can_resume else (1, 0)
        self.calls += calls
        self.watches += watches
        try:
            yield
        finally:
            self.calls -= calls
            self.watches -= watches
            self.last_end = time.monotonic()


class ForegroundJobs:
    """The transfer jobs that commands follow in the foreground, and how to end these commands."""

    def __init__(self) -> None:
        self._detached: defaultdict[int, set[asyncio.Event]] = defaultdict(set)

    @contextmanager
    def following(self, jobs: Sequence[int], detached: asyncio.Event) -> Iterator[None]:
        """Record a command that follows `jobs` while the block runs; `detached` ends it without stopping the jobs."""
        for job in jobs:
            self._detached[job].add(detached)
        try:
            yield
        finally:
            for job in jobs:
                self._detached[job].discard(detached)
                if not self._detached[job]:
                    del self._detached[job]

    def detach(self, job: int) -> bool:
        """End the commands that follow a job; return whether one does."""
        events = self._detached.get(job, set())
        for event in events:
            event.set()
        return bool(events)
