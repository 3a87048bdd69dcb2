"""The measured rates of the running jobs: bytes and files per second. Kept files do not count as bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

WINDOW = 10.0
"""Seconds over which a rate is measured."""
_BUCKET = 0.5
"""Seconds that are counted together."""


class RateMeter:
    """Counts amounts and returns their rate; all times are POSIX seconds."""

    def __init__(self) -> None:
        self._buckets: deque[tuple[float, float]] = deque()
        self._began = 0.0

    def add(self, amount: float, now: float) -> None:
        """Count an amount."""
        self._forget(now)
        if not self._buckets:
            self._began = now
        if self._buckets and now - self._buckets[-1][0] < _BUCKET:
            begun, counted = self._buckets.pop()
            self._buckets.append((begun, counted + amount))
        else:
            self._buckets.append((now, amount))

    def rate(self, now: float) -> float:
        """Return the amount per second over the last `WINDOW` seconds, or since the first amount if that is later."""
        self._forget(now)
        if not self._buckets:
            return 0.0
        return sum(amount for _, amount in self._buckets) / min(max(now - self._began, _BUCKET), WINDOW)

    def _forget(self, now: float) -> None:
        """Forget what is older than the window; also everything of a clock that was set back."""
        while self._buckets and not now - WINDOW < self._buckets[0][0] <= now:
            self._buckets.popleft()


@dataclass(slots=True)
class _Meters:
    last: float
    bytes: RateMeter = field(default_factory=RateMeter)
    files: RateMeter = field(default_factory=RateMeter)


class JobRates:
    """Rates by job number; a job in which nothing moves is forgotten. `clock` returns POSIX seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._meters: dict[int, _Meters] = {}

    def add_bytes(self, job: int, amount: int) -> None:
        """Count bytes that a copy of the job has moved."""
        meters, now = self._meters_of(job)
        meters.bytes.add(amount, now)

    def add_file(self, job: int) -> None:
        """Count a file of the job that has arrived."""
        meters, now = self._meters_of(job)
        meters.files.add(1, now)

    def bytes_per_second(self, job: int) -> float:
        """Return the bytes per second of the job over the last seconds."""
        return self._meters[job].bytes.rate(self._clock()) if job in self._meters else 0.0

    def files_per_second(self, job: int) -> float:
        """Return the files per second of the job over the last seconds."""
        return self._meters[job].files.rate(self._clock()) if job in self._meters else 0.0

    def _meters_of(self, job: int) -> tuple[_Meters, float]:
        now = self._clock()
        if job not in self._meters:
            old = [number for number, one in self._meters.items() if not 0 <= now - one.last <= WINDOW]
            for number in old:
                del self._meters[number]
        meters = self._meters.setdefault(job, _Meters(now))
        meters.last = now
        return meters, now
