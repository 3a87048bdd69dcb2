"""Monitors the throughput of running copies and reports storage elements that have stalled.

A stalled server must not block others until its copies time out. After a few seconds without a byte the element accepts
no further copies and its copies give up their slots; every further FAILED_AFTER seconds count as one failure of the
element. Time that a copy waits for bandwidth does not count.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf

from aliend.core.transfers.attempt_progress import AttemptProgress
from aliend.core.transfers.attempt_record import Stage
from aliend.engine.admission.storage_limiter import StorageElementLimiter
from aliend.engine.ports import WorkersPort

MEASURE_INTERVAL = 5.0
"""Seconds between two measurements."""
STALL_CHECK_INTERVAL = 1.0
"""Seconds between two checks for stalled elements."""
STALLED_AFTER = 3.0
"""Seconds without a byte after which an element counts as stalled."""
FAILED_AFTER = 15.0
"""Seconds without a byte that count as one failure."""


@dataclass(slots=True)
class _Sample:
    """A copy at the last measurement: its bytes, and the stalls recorded for it."""

    bytes: int = 0
    stalls: int = 0


class ThroughputMonitor:
    """Measures while copies run. `progress_by_transfer` returns the running attempts; `workers` know their bandwidth.

    `clock` returns POSIX seconds.
    """

    def __init__(
        self,
        limiter: StorageElementLimiter,
        progress_by_transfer: Callable[[], Iterable[tuple[int, AttemptProgress]]],
        workers: WorkersPort,
        clock: Callable[[], float],
    ) -> None:
        self._limiter = limiter
        self._progress_by_transfer = progress_by_transfer
        self._workers = workers
        self._clock = clock
        self._samples: dict[int, _Sample] = {}
        self._measured_at = clock()

    async def run(self) -> None:
        """Measure at intervals until nothing runs."""
        self._measured_at = self._clock()
        while any(True for _ in self._progress_by_transfer()):
            await asyncio.sleep(STALL_CHECK_INTERVAL)
            self.mark_stalled()
            if not 0 <= self._clock() - self._measured_at < MEASURE_INTERVAL:
                self.measure()
        self._limiter.set_stalled(())

    def mark_stalled(self) -> None:
        """Report the stalled storage elements to the limiter."""
        copies = self._copies()
        idle = self._idle_times(copies)
        self._limiter.set_stalled(
            [
                se
                for se, here in self._by_element(copies).items()
                if all(
                    idle[number] >= STALLED_AFTER and not progress.has_moved_all for number, progress in here.items()
                )
            ]
        )

    def measure(self) -> None:
        """Report the throughput and the failures of each storage element to the limiter."""
        now = self._clock()
        seconds, self._measured_at = max(0.001, now - self._measured_at), now
        copies = self._copies()
        self._samples = {number: self._samples.get(number, _Sample()) for number in copies}
        metered, idle = self._workers.bandwidth.throttled_rates(), self._idle_times(copies)
        for se, here in self._by_element(copies).items():
            moved = sum(max(0, progress.bytes - self._samples[number].bytes) for number, progress in here.items())
            if not metered.keys() & here.keys():
                self._limiter.record_throughput(se, moved / seconds)
            self._record_stalls(se, here, idle)
        for number, progress in copies.items():
            self._samples[number].bytes = progress.bytes

    def _copies(self) -> dict[int, AttemptProgress]:
        return {number: progress for number, progress in self._progress_by_transfer() if progress.stage is Stage.COPY}

    def _by_element(self, copies: dict[int, AttemptProgress]) -> dict[str, dict[int, AttemptProgress]]:
        """Return the copies on each storage element."""
        by_element: defaultdict[str, dict[int, AttemptProgress]] = defaultdict(dict)
        for number, progress in copies.items():
            for se in self._limiter.elements_of(number):
                by_element[se][number] = progress
        return by_element

    def _idle_times(self, copies: dict[int, AttemptProgress]) -> dict[int, float]:
        """Return for each copy the seconds without a byte, during which it had bandwidth."""
        now, waited = self._clock(), self._workers.bandwidth.seconds_since_wait()
        return {number: min(now - progress.moved_at, waited.get(number, inf)) for number, progress in copies.items()}

    def _record_stalls(self, se: str, here: dict[int, AttemptProgress], idle: dict[int, float]) -> None:
        """Record a failure of the element, unless one of its copies moves: then the element works."""
        if any(idle[number] < FAILED_AFTER for number in here):
            return
        for number, progress in here.items():
            stalls = int(idle[number] // FAILED_AFTER)
            if not progress.has_moved_all and stalls > self._samples[number].stalls:
                self._samples[number].stalls = stalls
                self._limiter.record_failure(se, f"no byte moved for {idle[number]:.0f} s")
