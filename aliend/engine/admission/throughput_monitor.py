"""Feels the pulse of the copies that run: which storage elements move bytes, how many, and which have stopped to.

A server that moves nothing is not waited for until its copies give up. After some seconds nobody else is sent there and
its copies leave their slots to others; each quarter of a minute without a byte counts as a failure of the element.
Copies that wait for bandwidth are not its fault.
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
"""Seconds between two looks."""
STALL_CHECK_INTERVAL = 1.0
"""Seconds between two glances, which only see who is silent."""
STALLED_AFTER = 3.0
"""Seconds without a byte after which an element is left alone."""
FAILED_AFTER = 15.0
"""Seconds without a byte that count as one failure."""


@dataclass(slots=True)
class _Sample:
    """A copy as it was seen last: its bytes, and how many silences were told."""

    bytes: int = 0
    stalls: int = 0


class ThroughputMonitor:
    """Looks while there are copies; `running` are their numbers and trails, `workers` know their bandwidth."""

    def __init__(
        self,
        gate: StorageElementLimiter,
        running: Callable[[], Iterable[tuple[int, AttemptProgress]]],
        workers: WorkersPort,
        clock: Callable[[], float],
    ) -> None:
        self._limiter = gate
        self._progress_by_transfer = running
        self._workers = workers
        self._clock = clock
        self._samples: dict[int, _Sample] = {}
        self._last = clock()

    async def run(self) -> None:
        """Look again and again, until nothing runs."""
        self._last = self._clock()
        while any(True for _ in self._progress_by_transfer()):
            await asyncio.sleep(STALL_CHECK_INTERVAL)
            self.mark_stalled()
            if not 0 <= self._clock() - self._last < MEASURE_INTERVAL:
                self.measure()
        self._limiter.set_stalled(())

    def mark_stalled(self) -> None:
        """Tell the gate which elements are silent."""
        copies = self._copies()
        quiet = self._idle_times(copies)
        self._limiter.set_stalled(
            [
                se
                for se, here in self._by_element(copies).items()
                if all(quiet[number] >= STALLED_AFTER and not trail.has_moved_all for number, trail in here.items())
            ]
        )

    def measure(self) -> None:
        """Tell the gate what moves on each element."""
        now = self._clock()
        took, self._last = max(0.001, now - self._last), now
        copies = self._copies()
        self._samples = {number: self._samples.get(number, _Sample()) for number in copies}
        metered, quiet = self._workers.metered(), self._idle_times(copies)
        for se, here in self._by_element(copies).items():
            moved = sum(max(0, trail.bytes - self._samples[number].bytes) for number, trail in here.items())
            if not metered.keys() & here.keys():
                self._limiter.record_throughput(se, moved / took)
            self._record_stalls(se, here, quiet)
        for number, trail in copies.items():
            self._samples[number].bytes = trail.bytes

    def _copies(self) -> dict[int, AttemptProgress]:
        return {number: trail for number, trail in self._progress_by_transfer() if trail.stage is Stage.COPY}

    def _by_element(self, copies: dict[int, AttemptProgress]) -> dict[str, dict[int, AttemptProgress]]:
        """The copies on each storage element."""
        found: defaultdict[str, dict[int, AttemptProgress]] = defaultdict(dict)
        for number, trail in copies.items():
            for se in self._limiter.elements_of(number):
                found[se][number] = trail
        return found

    def _idle_times(self, copies: dict[int, AttemptProgress]) -> dict[int, float]:
        """For how long (seconds) nothing has come of each copy, though it had the bandwidth."""
        now, waited = self._clock(), self._workers.waited()
        return {number: min(now - trail.moved_at, waited.get(number, inf)) for number, trail in copies.items()}

    def _record_stalls(self, se: str, here: dict[int, AttemptProgress], quiet: dict[int, float]) -> None:
        """Where one copy moves, the element works, whatever the others do."""
        if any(quiet[number] < FAILED_AFTER for number in here):
            return
        for number, trail in here.items():
            silences = int(quiet[number] // FAILED_AFTER)
            if not trail.has_moved_all and silences > self._samples[number].stalls:
                self._samples[number].stalls = silences
                self._limiter.record_failure(se, f"no byte came or went for {quiet[number]:.0f} s")
