"""Counts running calls, so that an idle daemon can exit and a busy one is not replaced."""

from __future__ import annotations

import time
from collections.abc import Iterator
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
        """True if no call and no watch is running."""
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
