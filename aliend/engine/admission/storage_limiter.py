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
    STATE_NAMES,
    BackingOff,
    CopyEnded,
    CopyFailed,
    CopyStarted,
    CopySucceeded,
    Event,
    StorageElement,
    ThroughputMeasured,
    Working,
    effective_limit,
    has_capacity,
    step,
    unavailable_until,
)
from aliend.engine.views import ElementView
from aliend.errors import CopyError

_STALL_RETRY = 10.0
"""Seconds after which one that moves nothing is looked at again."""


class StorageElementLimiter:
    """Counts the copies on each storage element, and keeps what is known of it.

    `clock` gives POSIX seconds, `has_slot` says whether one more file may be copied at all; `on_wait` hears of every
    copy that has to wait here, since its slot is free meanwhile.
    """

    def __init__(self, clock: Callable[[], float], has_slot: Callable[[], bool], on_wait: Callable[[], None]) -> None:
        self._clock = clock
        self._has_free_slot = has_slot
        self._on_wait = on_wait
        self._limits = Limits()
        self._copy_counts: Counter[str] = Counter()
        self._elements_by_copy: dict[int, frozenset[str]] = {}
        self._elements: dict[str, StorageElement] = {}
        self._stalled: frozenset[str] = frozenset()
        self._changed = asyncio.Event()
        self.blocklist = ThirdPartyBlocklist(clock)

    def set_limits(self, limits: Limits) -> None:
        """Use other limits from now on; copies that run go on. What elements had earned is counted anew."""
        if limits != self._limits:
            self._limits = limits
            self._elements = {
                se: self._new(se) if isinstance(one.state, Working) else one for se, one in self._elements.items()
            }
            self.notify_waiters()

    def elements(self) -> dict[str, ElementView]:
        """The storage elements that have copies or are remembered, by name."""
        now = self._clock()
        return {se: self._view(se, now) for se in sorted({*self._copy_counts, *self._elements})}

    def elements_of(self, number: int) -> frozenset[str]:
        """The storage elements that a copy holds."""
        return self._elements_by_copy.get(number, frozenset())

    def unavailable_until(self) -> dict[str, float]:
        """The storage elements that take nothing, and until when (POSIX seconds)."""
        now = self._clock()
        untils = {se: unavailable_until(element, now) for se, element in self._elements.items()}
        silent = dict.fromkeys(self._stalled, now + _STALL_RETRY)
        return silent | {se: until for se, until in untils.items() if until is not None}

    def seconds_until_available(self, ses: Collection[str]) -> float:
        """Seconds until the first of these takes something again."""
        untils = [until for se, until in self.unavailable_until().items() if se in ses]
        return max(0.0, min(untils, default=0.0) - self._clock())

    def set_stalled(self, ses: Collection[str]) -> None:
        """On these nothing moves just now; they are as those that rest, as long as this is not said anew."""
        if self._stalled != frozenset(ses):
            self._stalled = frozenset(ses)
            self.notify_waiters()

    @asynccontextmanager
    async def acquire(self, number: int, ses: Collection[str]) -> AsyncIterator[None]:
        """Wait until copy `number` may touch all of `ses` (all or none, so that two never wait for each other).

        CopyError of kind `storage` when one of them rests.
        """
        touched = frozenset(ses)
        self._require_available(touched)
        while not (self._has_free_slot() and all(self._has_capacity(se) for se in touched)):
            self._on_wait()
            await self._changed.wait()
            self._require_available(touched)
        self._enter(number, touched)
        try:
            yield
        finally:
            self._exit(number)
            self.notify_waiters()

    def _require_available(self, ses: Collection[str]) -> None:
        """Raise a CopyError of kind `storage` when one of these rests."""
        resting = {se: until for se, until in self.unavailable_until().items() if se in ses}
        if resting:
            se = max(resting, key=lambda each: resting[each])
            raise CopyError(self._unavailable_reason(se), "storage", max(1.0, resting[se] - self._clock()))

    def switch_to(self, number: int, se: str) -> None:
        """A copy goes on at another storage element, which it had not asked for."""
        if number in self._elements_by_copy and self._elements_by_copy[number] != {se}:
            self._exit(number)
            self._enter(number, frozenset({se}))
            self.notify_waiters()

    def record_success(self, se: str) -> None:
        """A copy there has succeeded."""
        self._step(se, CopySucceeded())

    def record_failure(self, se: str, reason: str) -> None:
        """A copy there has failed in a way that may pass, or moves nothing."""
        self._step(se, CopyFailed(reason))

    def record_throughput(self, se: str, speed: float) -> None:
        """So many bytes a second come and go there."""
        self._step(se, ThroughputMeasured(speed, self._copy_counts[se], self._limits.max_for_se(se)))

    def notify_waiters(self) -> None:
        """Wake all who wait; each looks for itself."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _enter(self, number: int, ses: frozenset[str]) -> None:
        for se in ses:
            self._step(se, CopyStarted())
        self._elements_by_copy[number] = ses
        self._copy_counts.update(ses)

    def _exit(self, number: int) -> None:
        ses = self._elements_by_copy.pop(number)
        self._copy_counts.subtract(ses)
        self._copy_counts += Counter()
        for se in ses:
            self._step(se, CopyEnded())

    def _step(self, se: str, event: Event) -> None:
        before = self._elements.get(se) or self._new(se)
        after = step(before, event, self._clock(), self._limits.initial_for_se(se))
        self._elements[se] = after
        if after != before:
            self.notify_waiters()

    def _new(self, se: str) -> StorageElement:
        return StorageElement(limit=self._limits.initial_for_se(se))

    def _has_capacity(self, se: str) -> bool:
        element = self._elements.get(se) or self._new(se)
        return has_capacity(element, self._copy_counts[se], self._limits.max_for_se(se), self._clock())

    def _unavailable_reason(self, se: str) -> str:
        state = self._elements[se].state
        if isinstance(state, Working) and se in self._stalled:
            return f"nothing comes from {se} or goes there just now"
        return f"{se} rests after failures" if isinstance(state, Working) else f"{se} rests: {state.reason}"

    def _view(self, se: str, now: float) -> ElementView:
        element = self._elements.get(se) or self._new(se)
        most = self._limits.max_for_se(se)
        until = element.state.until if isinstance(element.state, BackingOff) else 0.0
        return ElementView(
            se=se,
            state=STATE_NAMES[type(element.state)],
            copies=self._copy_counts[se],
            limit=effective_limit(element, most),
            most=most,
            until=until if until > now else 0.0,
            why=element.why,
            speed=element.speed,
        )


log = logging.getLogger(__name__)

_BLOCK_TIME = 900.0
"""Seconds until it is tried again."""


class ThirdPartyBlocklist:
    """The pairs that failed; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: dict[tuple[str, str], float] = {}

    def block(self, source: str, target: str) -> None:
        """The second could not fetch from the first, whatever the file."""
        log.info("%s cannot fetch from %s; through this machine for the next %.0f s", target, source, _BLOCK_TIME)
        self._until[source, target] = self._clock() + _BLOCK_TIME

    def blocked(self, sources: Iterable[str], targets: Iterable[str]) -> tuple[tuple[str, str], ...]:
        """Those of the pairs that are not to be tried now."""
        now, asked = self._clock(), {(source, target) for target in targets for source in sources}
        self._until = {pair: until for pair, until in self._until.items() if now < until <= now + _BLOCK_TIME}
        return tuple(sorted(asked & self._until.keys()))
