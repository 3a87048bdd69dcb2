"""Runs groups of checks at the same time, each for a limited time: one that hangs or fails does not stop the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from aliend.core.doctor.finding import Finding, unchecked
from aliend.errors import AliendError, one_line

T = TypeVar("T")
_STEP = 0.5
"""Seconds between two looks at the waiting time."""


@dataclass(frozen=True, slots=True)
class Group:
    """Checks that share facts: their names, and what collects the facts and returns one finding for each name."""

    checks: tuple[str, ...]
    collect: Callable[[], Sequence[Finding]]


class _Running:
    """A group in a thread of its own. A thread that hangs, for example on a network file system, is left behind."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._found: dict[str, Finding] = {}
        self._reason = "no result in time"
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def findings(self) -> list[Finding]:
        """Return a finding for each check of the group."""
        return [self._found.get(name) or unchecked(name, self._reason) for name in self._group.checks]

    def _run(self) -> None:
        try:
            self._found = {finding.check: finding for finding in self._group.collect()}
            self._reason = "no result"
        except (AliendError, OSError) as error:
            self._reason = one_line(error)
        except Exception as error:  # noqa: BLE001 - a check that fails reports it; the others continue
            self._reason = f"internal error: {type(error).__name__}: {error}"


def within(seconds: float, function: Callable[[], T]) -> T | None:
    """Return the result of a function that may hang; None after `seconds`, see `Limit`."""
    results: list[T] = []
    limit = Limit(seconds)
    thread = threading.Thread(target=lambda: results.append(function()), daemon=True)
    thread.start()
    limit.join(thread)
    return results[0] if results else None


def run(groups: Sequence[Group], seconds: float) -> list[Finding]:
    """Return the findings of all groups, in order, after at most `seconds`, see `Limit`."""
    limit = Limit(seconds)
    running = [_Running(group) for group in groups]
    for one in running:
        limit.join(one.thread)
    return [finding for one in running for finding in one.findings()]


def processor_wait() -> float:
    """Return the seconds for which the threads of this process have waited for a processor; 0 if that is unknown."""
    try:
        return sum(int(path.read_text().split()[1]) for path in Path("/proc/self/task").glob("*/schedstat")) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


class Limit:
    """A time limit from now on, up to twice as long on a busy machine: waiting for a processor does not count."""

    def __init__(self, seconds: float, waited: Callable[[], float] = processor_wait) -> None:
        self._seconds = seconds
        self._waited = waited
        self._begin, self._waited_before = time.monotonic(), waited()

    def join(self, thread: threading.Thread) -> None:
        """Wait for the end of the thread, or for the limit."""
        while thread.is_alive() and (left := self._left()) > 0:
            thread.join(min(left, _STEP))

    def _left(self) -> float:
        more = min(self._seconds, max(0.0, self._waited() - self._waited_before))
        return self._seconds + more - (time.monotonic() - self._begin)
