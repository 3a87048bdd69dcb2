"""Counts the calls that run now, so that the daemon knows whether anybody needs it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Activity:
    """The calls that run now: `calls` would fail with the daemon, `watches` can be resumed with the next one."""

    def __init__(self) -> None:
        self.calls = 0
        self.watches = 0
        self.last_end = time.monotonic()
        """When the last call or watch ended (monotonic seconds)."""

    @property
    def is_none(self) -> bool:
        """Whether no call and no watch runs."""
        return not self.calls and not self.watches

    @contextmanager
    def call(self, *, can_resume: bool = False) -> Iterator[None]:
        """Count a call as long as the block lasts; `can_resume`: it is a watch."""
        calls, watches = (0, 1) if can_resume else (1, 0)
        self.calls += calls
        self.watches += watches
        try:
            yield
        finally:
            self.calls -= calls
            self.watches -= watches
            self.last_end = time.monotonic()
