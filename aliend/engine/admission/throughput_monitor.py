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

from aliend.core.transfers.attempt_progress import Trail
from aliend.core.transfers.attempt_record import Stage
from aliend.engine.admission.storage_limiter import Gate
from aliend.engine.ports import WorkersPort

BEAT = 5.0
"""Seconds between two looks."""
GLANCE = 1.0
"""Seconds between two glances, which only see who is silent."""
SUSPICIOUS = 3.0
"""Seconds without a byte after which an element is left alone."""
SILENCE = 15.0
"""Seconds without a byte that count as one failure."""


@dataclass(slots=True)
class _Felt:
    """A copy as it was seen last: its bytes, and how many silences were told."""

    bytes: int = 0
    silences: int = 0


class Pulse:
    """Looks while there are copies; `running` are their numbers and trails, `workers` know their bandwidth."""

    def __init__(
        self,
        gate: Gate,
        running: Callable[[], Iterable[tuple[int, Trail]]],
        workers: WorkersPort,
        clock: Callable[[], float],
    ) -> None:
        self._gate = gate
        self._running = running
        self._workers = workers
        self._clock = clock
        self._felt: dict[int, _Felt] = {}
        self._last = clock()

    async def beat(self) -> None:
        """Look again and again, until nothing runs."""
        self._last = self._clock()
        while any(True for _ in self._running()):
            await asyncio.sleep(GLANCE)
            self.glance()
            if not 0 <= self._clock() - self._last < BEAT:
                self.look()
        self._gate.leave_alone(())

    def glance(self) -> None:
        """Tell the gate which elements are silent."""
        copies = self._copies()
        quiet = self._quiet(copies)
        self._gate.leave_alone(
            [
                se
                for se, here in self._by_element(copies).items()
                if all(quiet[number] >= SUSPICIOUS and not trail.is_whole for number, trail in here.items())
            ]
        )

    def look(self) -> None:
        """Tell the gate what moves on each element."""
        now = self._clock()
        took, self._last = max(0.001, now - self._last), now
        copies = self._copies()
        self._felt = {number: self._felt.get(number, _Felt()) for number in copies}
        metered, quiet = self._workers.bandwidth.throttled_rates(), self._quiet(copies)
        for se, here in self._by_element(copies).items():
            moved = sum(max(0, trail.bytes - self._felt[number].bytes) for number, trail in here.items())
            if not metered.keys() & here.keys():
                self._gate.measured(se, moved / took)
            self._tell_silent(se, here, quiet)
        for number, trail in copies.items():
            self._felt[number].bytes = trail.bytes

    def _copies(self) -> dict[int, Trail]:
        return {number: trail for number, trail in self._running() if trail.stage is Stage.COPY}

    def _by_element(self, copies: dict[int, Trail]) -> dict[str, dict[int, Trail]]:
        """The copies on each storage element."""
        found: defaultdict[str, dict[int, Trail]] = defaultdict(dict)
        for number, trail in copies.items():
            for se in self._gate.of(number):
                found[se][number] = trail
        return found

    def _quiet(self, copies: dict[int, Trail]) -> dict[int, float]:
        """For how long (seconds) nothing has come of each copy, though it had the bandwidth."""
        now, waited = self._clock(), self._workers.bandwidth.seconds_since_wait()
        return {number: min(now - trail.moved_at, waited.get(number, inf)) for number, trail in copies.items()}

    def _tell_silent(self, se: str, here: dict[int, Trail], quiet: dict[int, float]) -> None:
        """Where one copy moves, the element works, whatever the others do."""
        if any(quiet[number] < SILENCE for number in here):
            return
        for number, trail in here.items():
            silences = int(quiet[number] // SILENCE)
            if not trail.is_whole and silences > self._felt[number].silences:
                self._felt[number].silences = silences
                self._gate.failed(se, f"no byte came or went for {quiet[number]:.0f} s")
