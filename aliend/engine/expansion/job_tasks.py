"""Which of a kind of work on jobs is under way, and which failed for a passing reason and rests for a while.

Only in memory: what rests is begun at once by the next daemon.
"""

from __future__ import annotations

from aliend.core.transfers import backoff


class Rounds:
    """The jobs by their numbers; times are POSIX seconds."""

    def __init__(self) -> None:
        self._running: set[int] = set()
        self._resting: dict[int, float] = {}
        self._failures: dict[int, int] = {}

    @property
    def count(self) -> int:
        """How many are under way."""
        return len(self._running)

    def begun(self, now: float) -> set[int]:
        """Jobs that are not to be begun now."""
        # a time beyond the longest pause is one of a clock that was set back since
        self._resting = {job: until for job, until in self._resting.items() if now < until <= now + backoff.CAP}
        return self._running | set(self._resting)

    def next_start(self) -> float | None:
        """When the next resting one is due."""
        return min(self._resting.values(), default=None)

    def begin(self, job: int) -> None:
        """A round of a job is under way."""
        self._running.add(job)

    def end(self, job: int) -> None:
        """It has ended, however that went."""
        self._running.discard(job)

    def succeeded(self, job: int) -> None:
        """It went well: its next failure is the first one."""
        self._failures.pop(job, None)

    def failed(self, job: int, now: float, chance: float) -> None:
        """It is begun again after a pause, a longer one each time; `chance` is a uniform number in [0, 1)."""
        self._failures[job] = self._failures.get(job, 0) + 1
        self._resting[job] = now + backoff.delay(self._failures[job], chance, 1.0, backoff.SHORT_CAP)

    def put_off(self, job: int, now: float) -> None:
        """It is begun again after the longest pause."""
        self._resting[job] = now + backoff.SHORT_CAP
