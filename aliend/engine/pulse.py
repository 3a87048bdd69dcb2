"""Feels the pulse of the copies that run: which storage elements move bytes, how many, and which have stopped to.

A server that moves nothing is not waited for until its copies give up: each quarter of a minute without a byte counts
as a failure of the element, so that others are not sent there. Copies that wait for bandwidth are not its fault.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aliend.core.record import Stage
from aliend.engine.gate import Gate
from aliend.engine.trail import Trail

BEAT = 5.0
"""Seconds between two looks."""
SILENCE = 15.0
"""Seconds without a byte that count as one failure."""


@dataclass(slots=True)
class _Felt:
    """A copy as it was seen last: its bytes, and how many silences were told."""

    bytes: int = 0
    silences: int = 0


class Pulse:
    """Looks while there are copies; `running` are their numbers and trails, `metered` those that wait for bandwidth."""

    def __init__(
        self,
        gate: Gate,
        running: Callable[[], Iterable[tuple[int, Trail]]],
        metered: Callable[[], dict[int, int]],
        clock: Callable[[], float],
    ) -> None:
        self._gate = gate
        self._running = running
        self._metered = metered
        self._clock = clock
        self._felt: dict[int, _Felt] = {}
        self._last = clock()

    async def beat(self) -> None:
        """Look again and again, until nothing runs."""
        self._last = self._clock()
        while any(True for _ in self._running()):
            await asyncio.sleep(BEAT)
            self.look()

    def look(self) -> None:
        """Tell the gate what moves on each element."""
        now = self._clock()
        took, self._last = max(0.001, now - self._last), now
        copies = {number: trail for number, trail in self._running() if trail.stage is Stage.COPY}
        self._felt = {number: self._felt.get(number, _Felt()) for number in copies}
        metered = self._metered()
        for se in {se for number in copies for se in self._gate.of(number)}:
            here = {number: trail for number, trail in copies.items() if se in self._gate.of(number)}
            moved = sum(max(0, trail.bytes - self._felt[number].bytes) for number, trail in here.items())
            if not metered.keys() & here.keys():
                self._gate.measured(se, moved / took)
                self._tell_silent(se, here, now)
        for number, trail in copies.items():
            self._felt[number].bytes = trail.bytes

    def _tell_silent(self, se: str, here: dict[int, Trail], now: float) -> None:
        """Where one copy moves, the element works, whatever the others do."""
        if any(now - trail.moved_at < SILENCE for trail in here.values()):
            return
        for number, trail in here.items():
            silences = int((now - trail.moved_at) // SILENCE)
            if not trail.is_whole and silences > self._felt[number].silences:
                self._felt[number].silences = silences
                self._gate.failed(se, f"no byte came or went for {now - trail.moved_at:.0f} s")
