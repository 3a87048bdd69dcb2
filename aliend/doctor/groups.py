"""Runs groups of checks at the same time, each for a limited time: one that hangs or fails does not stop the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from aliend.core.doctor.finding import Finding, unchecked
from aliend.errors import AliendError, one_line

T = TypeVar("T")


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
    """Return the result of a function that may hang; None after `seconds`."""
    results: list[T] = []
    thread = threading.Thread(target=lambda: results.append(function()), daemon=True)
    thread.start()
    thread.join(seconds)
    return results[0] if results else None


def run(groups: Sequence[Group], seconds: float) -> list[Finding]:
    """Return the findings of all groups, in order, after at most `seconds`."""
    deadline = time.monotonic() + seconds
    running = [_Running(group) for group in groups]
    for one in running:
        one.thread.join(max(0.0, deadline - time.monotonic()))
    return [finding for one in running for finding in one.findings()]
