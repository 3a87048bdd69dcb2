"""Storage elements and workers in virtual time: bytes flow, nothing is copied.

The copies on an element share its bandwidth equally, and none gets more than its worker's network card carries.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from aliend.core.transfers.scheduler import Candidate
from aliend.core.transfers.transfer import Transfer

WORKER_RATE = 125e6
"""Bytes per second of a worker's network card."""
TOTAL_RATE = 150e9
"""Bytes per second that all storage elements deliver together."""


@dataclass(eq=False)
class Attempt:
    """A file, or a batch of small ones, on its way: `ready_at` is the served amount at which its copy is complete."""

    first: Candidate
    transfers: list[Transfer]
    size: float
    se: int = -1
    ready_at: float = 0.0


@dataclass(eq=False)
class Element:
    """A storage element that delivers `capacity` bytes per second.

    `served` is what a copy would have got since the start of time, `delivered` what all copies have got (bytes).
    """

    number: int
    capacity: float
    is_up: bool = True
    copies: set[Attempt] = field(default_factory=set)
    served: float = 0.0
    delivered: float = 0.0
    at: float = 0.0
    _ends: list[tuple[float, int, Attempt]] = field(default_factory=list)
    _count: int = 0

    def advance(self, now: float) -> None:
        """Let the bytes flow until `now`."""
        step = (now - self.at) * self._rate()
        self.served += step
        self.delivered += step * len(self.copies)
        self.at = now

    def add(self, attempt: Attempt, now: float) -> None:
        """Start a copy."""
        self.advance(now)
        attempt.ready_at = self.served + attempt.size
        self._count += 1
        heapq.heappush(self._ends, (attempt.ready_at, self._count, attempt))
        self.copies.add(attempt)

    def remove(self, attempt: Attempt, now: float) -> None:
        """End a copy before its end."""
        self.advance(now)
        self.copies.discard(attempt)

    def complete(self, now: float) -> list[Attempt]:
        """Return the copies that are complete, and forget them."""
        self.advance(now)
        found = []
        while (first := self._first()) and first.ready_at <= self.served + 1.0:
            self.copies.discard(first)
            found.append(first)
        return found

    def next_end(self) -> float | None:
        """Return the second at which the next copy is complete."""
        first = self._first()
        return self.at + max(0.0, first.ready_at - self.served) / self._rate() if first else None

    def _first(self) -> Attempt | None:
        while self._ends and self._ends[0][2] not in self.copies:
            heapq.heappop(self._ends)
        return self._ends[0][2] if self._ends else None

    def _rate(self) -> float:
        return min(WORKER_RATE, self.capacity / len(self.copies)) if self.copies else WORKER_RATE
