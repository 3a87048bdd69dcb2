"""Lets copies onto storage elements: a copy passes when each that it touches has room, and knows what came of it.

What an element is and may have is decided in `core.element`; here are the copies, and who waits. An element that rests
is waited for by nobody: the copy is put back with the time when it is worth another look.

Pairs of storage elements that cannot copy among themselves, remembered for a while: each attempt costs seconds.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager

from aliend.core.transfers.scheduler import Limits
from aliend.core.transfers.storage_element import (
    Began,
    Element,
    Event,
    Failed,
    Left,
    Measured,
    Resting,
    Worked,
    Working,
    has_room,
    limit,
    rests_until,
    step,
)
from aliend.engine.views import ElementView
from aliend.errors import CopyError

_LEFT_ALONE = 10.0
"""Seconds after which one that moves nothing is looked at again."""


class Gate:
    """Counts the copies on each storage element, and keeps what is known of it.

    `clock` gives POSIX seconds, `has_slot` says whether one more file may be copied at all; `on_wait` hears of every
    copy that has to wait here, since its slot is free meanwhile.
    """

    def __init__(self, clock: Callable[[], float], has_slot: Callable[[], bool], on_wait: Callable[[], None]) -> None:
        self._clock = clock
        self._has_slot = has_slot
        self._on_wait = on_wait
        self._limits = Limits()
        self._copies: Counter[str] = Counter()
        self._held: dict[int, frozenset[str]] = {}
        self._elements: dict[str, Element] = {}
        self._silent: frozenset[str] = frozenset()
        self._changed = asyncio.Event()
        self.pairs = Pairs(clock)

    def set_limits(self, limits: Limits) -> None:
        """Use other limits from now on; copies that run go on. What elements had earned is counted anew."""
        if limits != self._limits:
            self._limits = limits
            self._elements = {
                se: self._new(se) if isinstance(one.state, Working) else one for se, one in self._elements.items()
            }
            self.tell()

    def elements(self) -> dict[str, ElementView]:
        """The storage elements that have copies or are remembered, by name."""
        now = self._clock()
        return {se: self._view(se, now) for se in sorted({*self._copies, *self._elements})}

    def of(self, number: int) -> frozenset[str]:
        """The storage elements that a copy holds."""
        return self._held.get(number, frozenset())

    def resting(self) -> dict[str, float]:
        """The storage elements that take nothing, and until when (POSIX seconds)."""
        now = self._clock()
        untils = {se: rests_until(element, now) for se, element in self._elements.items()}
        silent = dict.fromkeys(self._silent, now + _LEFT_ALONE)
        return silent | {se: until for se, until in untils.items() if until is not None}

    def rests_for(self, ses: Collection[str]) -> float:
        """Seconds until the first of these takes something again."""
        untils = [until for se, until in self.resting().items() if se in ses]
        return max(0.0, min(untils, default=0.0) - self._clock())

    def leave_alone(self, ses: Collection[str]) -> None:
        """On these nothing moves just now; they are as those that rest, as long as this is not said anew."""
        if self._silent != frozenset(ses):
            self._silent = frozenset(ses)
            self.tell()

    @asynccontextmanager
    async def held(self, number: int, ses: Collection[str]) -> AsyncIterator[None]:
        """Wait until copy `number` may touch all of `ses` (all or none, so that two never wait for each other).

        CopyError of kind `storage` when one of them rests.
        """
        touched = frozenset(ses)
        self._require_awake(touched)
        while not (self._has_slot() and all(self._has_room(se) for se in touched)):
            self._on_wait()
            await self._changed.wait()
            self._require_awake(touched)
        self._take(number, touched)
        try:
            yield
        finally:
            self._leave(number)
            self.tell()

    def _require_awake(self, ses: Collection[str]) -> None:
        """Raise a CopyError of kind `storage` when one of these rests."""
        resting = {se: until for se, until in self.resting().items() if se in ses}
        if resting:
            se = max(resting, key=lambda each: resting[each])
            raise CopyError(self._sentence(se), "storage", max(1.0, resting[se] - self._clock()))

    def turn(self, number: int, se: str) -> None:
        """A copy goes on at another storage element, which it had not asked for."""
        if number in self._held and self._held[number] != {se}:
            self._leave(number)
            self._take(number, frozenset({se}))
            self.tell()

    def worked(self, se: str) -> None:
        """A copy there has succeeded."""
        self._step(se, Worked())

    def failed(self, se: str, reason: str) -> None:
        """A copy there has failed in a way that may pass, or moves nothing."""
        self._step(se, Failed(reason))

    def measured(self, se: str, speed: float) -> None:
        """So many bytes a second come and go there."""
        self._step(se, Measured(speed, self._copies[se], self._limits.most_of_se(se)))

    def tell(self) -> None:
        """Wake all who wait; each looks for itself."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _take(self, number: int, ses: frozenset[str]) -> None:
        for se in ses:
            self._step(se, Began())
        self._held[number] = ses
        self._copies.update(ses)

    def _leave(self, number: int) -> None:
        ses = self._held.pop(number)
        self._copies.subtract(ses)
        self._copies += Counter()
        for se in ses:
            self._step(se, Left())

    def _step(self, se: str, event: Event) -> None:
        before = self._elements.get(se) or self._new(se)
        after = step(before, event, self._clock(), self._limits.of_se(se))
        self._elements[se] = after
        if after != before:
            self.tell()

    def _new(self, se: str) -> Element:
        return Element(copies=self._limits.of_se(se))

    def _has_room(self, se: str) -> bool:
        element = self._elements.get(se) or self._new(se)
        return has_room(element, self._copies[se], self._limits.most_of_se(se), self._clock())

    def _sentence(self, se: str) -> str:
        state = self._elements[se].state
        if isinstance(state, Working) and se in self._silent:
            return f"nothing comes from {se} or goes there just now"
        return f"{se} rests after failures" if isinstance(state, Working) else f"{se} rests: {state.reason}"

    def _view(self, se: str, now: float) -> ElementView:
        element = self._elements.get(se) or self._new(se)
        most = self._limits.most_of_se(se)
        until = element.state.until if isinstance(element.state, Resting) else 0.0
        return ElementView(
            se=se,
            state=type(element.state).__name__.lower(),
            copies=self._copies[se],
            limit=limit(element, most),
            most=most,
            until=until if until > now else 0.0,
            why=element.why,
            speed=element.speed,
        )


log = logging.getLogger(__name__)

_FOR = 900.0
"""Seconds until it is tried again."""


class Pairs:
    """The pairs that failed; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: dict[tuple[str, str], float] = {}

    def part(self, source: str, target: str) -> None:
        """The second could not fetch from the first, whatever the file."""
        log.info("%s cannot fetch from %s; through this machine for the next %.0f s", target, source, _FOR)
        self._until[source, target] = self._clock() + _FOR

    def apart(self, sources: Iterable[str], targets: Iterable[str]) -> tuple[tuple[str, str], ...]:
        """Those of the pairs that are not to be tried now."""
        now, asked = self._clock(), {(source, target) for target in targets for source in sources}
        self._until = {pair: until for pair, until in self._until.items() if now < until <= now + _FOR}
        return tuple(sorted(asked & self._until.keys()))
