"""Admission control: starts a copy only when every storage element it uses has capacity, and records the outcome.

The limits and states of a storage element are decided in `core.transfers.storage_element`; this module counts the
copies and wakes those that wait. While an element is backing off, `acquire` raises an error instead of waiting.

The blocklist remembers pairs of storage elements that cannot copy to each other, because each attempt costs seconds.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from urllib.parse import urlsplit

from aliend.core.catalogue.entries import Ticket
from aliend.core.cli.log_records import facts
from aliend.core.transfers.scheduler import SMALL_FILES_PER_COPY, Limits
from aliend.core.transfers.storage_element import (
    STATE_NAMES,
    BackingOff,
    CopyEnded,
    CopyFailed,
    CopyStarted,
    CopySucceeded,
    Event,
    Reachable,
    StorageElement,
    ThroughputMeasured,
    Working,
    effective_limit,
    has_capacity,
    step,
    unavailable_until,
)
from aliend.engine.views import ElementView
from aliend.errors import CopyError, NoRoom

log = logging.getLogger(__name__)

_STALL_RETRY = 10.0
"""Seconds until a stalled element is checked again."""
_PATIENCE = 0.3
"""Seconds without a start or an end of a copy after which a batch does not wait for a full element."""
_ALL = sys.maxsize
_BLOCK_TIME = 900.0
"""Seconds until a blocked pair may be tried again."""


class StorageElementLimiter:
    """Limits the copies on each storage element and keeps its state.

    `clock` returns POSIX seconds. `on_change` is called whenever a copy starts to wait here, without a slot, and when
    an element backs off, or has room for files that wait in the queue.
    """

    def __init__(self, clock: Callable[[], float], on_change: Callable[[], None]) -> None:
        self._clock = clock
        self._on_change = on_change
        self._limits = Limits()
        self._copy_counts: Counter[str] = Counter()
        self._elements_by_copy: dict[int, frozenset[str]] = {}
        self._elements: dict[str, StorageElement] = {}
        self._stalled: frozenset[str] = frozenset()
        self._changed = asyncio.Event()
        self._changed_at: dict[str, float] = {}
        """When a copy started or ended last on each storage element (seconds of the monotonic clock)."""
        self._waiting: Counter[str] = Counter()
        self._returned: Counter[str] = Counter()
        self._servers: dict[str, str] = {}
        self._rooms: Counter[str] = Counter()
        self.blocklist = ThirdPartyBlocklist(clock)

    def set_limits(self, limits: Limits) -> None:
        """Apply other limits from now on; running copies continue. Limits that elements had earned start again."""
        if limits != self._limits:
            self._limits = limits
            self._elements = {
                se: self._new(se) if isinstance(element.state, Working) else element
                for se, element in self._elements.items()
            }
            self.notify_waiters()

    def elements(self) -> dict[str, ElementView]:
        """Return all storage elements that have copies or a state, by name."""
        now = self._clock()
        return {se: self._view(se, now) for se in sorted({*self._copy_counts, *self._elements})}

    def elements_of(self, number: int) -> frozenset[str]:
        """Return the storage elements that a copy uses."""
        return self._elements_by_copy.get(number, frozenset())

    def unavailable_until(self) -> dict[str, float]:
        """Return the storage elements that accept no copy, and until when (POSIX seconds)."""
        now = self._clock()
        untils = {se: unavailable_until(element, now) for se, element in self._elements.items()}
        stalled = dict.fromkeys(self._stalled, now + _STALL_RETRY)
        return stalled | {se: until for se, until in untils.items() if until is not None}

    def note_servers(self, tickets: Iterable[Ticket]) -> None:
        """Remember the servers of storage elements, so that they can be asked whether they answer."""
        self._servers |= {ticket.se: f"root://{urlsplit(ticket.url).netloc}" for ticket in tickets if ticket.url}

    def resting_servers(self) -> dict[str, str]:
        """Return the storage elements that back off, with their servers (`root://host:port`)."""
        now = self._clock()
        resting = {se: one.state for se, one in self._elements.items() if isinstance(one.state, BackingOff)}
        return {se: self._servers[se] for se, state in resting.items() if state.until > now and se in self._servers}

    def record_reachable(self, se: str) -> None:
        """Record that the server of `se` answers again: the element is tried at once."""
        self._step(se, Reachable())

    def seconds_until_available(self, ses: Collection[str]) -> float:
        """Return the seconds until the first of these accepts copies again."""
        untils = [until for se, until in self.unavailable_until().items() if se in ses]
        return max(0.0, min(untils, default=0.0) - self._clock())

    def set_stalled(self, ses: Collection[str]) -> None:
        """Mark these, and only these, as stalled: they accept no copies until the next call says otherwise."""
        if self._stalled != frozenset(ses):
            moving, self._stalled = self._stalled - set(ses), frozenset(ses)
            self.notify_waiters()
            for se in moving:
                self._offer_room(se)

    @asynccontextmanager
    async def acquire(
        self, number: int, ses: Collection[str], has_free_slot: Callable[[], bool] | None = None
    ) -> AsyncIterator[None]:
        """Wait until copy `number` may use all of `ses`.

        The copy gets all elements or none, so that two copies never wait for each other. `has_free_slot` (None: always)
        returns whether one more file may be copied at all. Raises CopyError (kind
        `resting`) while one of them is unavailable.
        """
        elements = frozenset(ses)
        with self._line(elements):
            self.require_available(elements)
            # `has_free_slot` costs more than the rest, and many may wait for a full element
            while not (self.has_room(elements) and (has_free_slot is None or has_free_slot())):
                self._on_change()
                await self._changed.wait()
                self.require_available(elements)
        self._enter(number, elements)
        try:
            yield
        finally:
            self._exit(number)
            self.notify_waiters()

    @asynccontextmanager
    async def acquire_batch(
        self, ses_by_copy: Mapping[int, frozenset[str]], has_free_slot: Callable[[], bool]
    ) -> AsyncIterator[dict[str, int]]:
        """Wait until small files may use their elements; yield how many files may use each at a time.

        They get of each element what is free, as far as they need it. Elements on which no copy has started or ended
        for a while are left out while they are full: their files do not start. Raises CopyError (kind `resting`) while
        an element is unavailable.
        """
        wanted = frozenset(se for ses in ses_by_copy.values() for se in ses)
        with self._line(wanted):
            self.require_available(wanted)
            while not ((started := self._with_room(ses_by_copy)) and has_free_slot()):
                self._on_change()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_PATIENCE):
                        await self._changed.wait()
                self.require_available(wanted)
        files = Counter(se for ses in started.values() for se in ses)
        shares = Counter({se: self._share(se, count) for se, count in files.items()})
        for se in shares:
            self._step(se, CopyStarted())
        self._elements_by_copy.update(started)
        self._count(shares)
        try:
            yield {se: share * SMALL_FILES_PER_COPY for se, share in shares.items()}
        finally:
            for number in started:
                self._elements_by_copy.pop(number, None)
            self._release(shares)
            self.notify_waiters()

    def _with_room(self, ses_by_copy: Mapping[int, frozenset[str]]) -> dict[int, frozenset[str]]:
        """Return the files that may start now: none while it is worth waiting for the elements of the others."""
        full = {se for ses in ses_by_copy.values() for se in ses if not self._has_capacity(se)}
        changed = max((self._changed_at.get(se, 0.0) for se in full), default=0.0)
        if full and time.monotonic() - changed < _PATIENCE:
            return {}
        return {number: ses for number, ses in ses_by_copy.items() if not ses & full}

    @contextmanager
    def _line(self, ses: Collection[str]) -> Iterator[None]:
        """Count a copy that waits for elements."""
        self._waiting.update(ses)
        try:
            yield
        finally:
            self._waiting.subtract(ses)
            self._waiting += Counter()

    def _make_room(self, se: str, files: int) -> None:
        self._rooms[se] += files
        self._on_change()

    def take_rooms(self) -> Counter[str]:
        """Return the storage elements that have room again, each once, with how many files in the queue may start."""
        rooms, self._rooms = self._rooms, Counter()
        return rooms

    def has_room(self, ses: Iterable[str]) -> bool:
        """Return whether one more copy may start on all of these."""
        return all(self._has_capacity(se) for se in ses)

    def record_returned(self, se: str) -> None:
        """Record that a file has returned to the queue until `se` has room."""
        self._returned[se] += 1
        self._offer_room(se)

    def _offer_room(self, se: str) -> None:
        """Let files start that have returned to the queue, unless others wait here."""
        files = min(self._returned[se], self._free(se))
        if files > 0 and not self._waiting[se] and self._has_capacity(se) and se not in self._stalled:
            self._returned[se] -= files
            self._make_room(se, files)

    @contextmanager
    def outlasting(self, number: int, ses: frozenset[str]) -> Iterator[None]:
        """Count a copy that continues after its batch."""
        self._enter(number, ses)
        try:
            yield
        finally:
            self._exit(number)
            self.notify_waiters()

    def _share(self, se: str, files: int) -> int:
        """Return how many copies on an element are free, of those that so many small files need."""
        return min(-(-files // SMALL_FILES_PER_COPY), self._free(se))

    def _free(self, se: str) -> int:
        """Return how many further copies may start on an element; one probes it."""
        element = self._elements.get(se) or self._new(se)
        if not isinstance(element.state, Working):
            return 1
        return effective_limit(element, self._limits.max_for_se(se)) - self._copy_counts[se]

    def require_available(self, ses: Collection[str]) -> None:
        """Raise CopyError (kind `resting`) while one of these is unavailable."""
        unavailable = {se: until for se, until in self.unavailable_until().items() if se in ses}
        if unavailable:
            se = max(unavailable, key=lambda name: unavailable[name])
            state = (self._elements.get(se) or self._new(se)).state
            if isinstance(state, Working):
                raise NoRoom(f"{se} is not responding", se)
            pause = max(1.0, unavailable[se] - self._clock())
            raise CopyError(f"{se} is backing off: {state.reason}", "resting", pause)

    def switch_to(self, number: int, se: str) -> None:
        """Record that a copy continues with another storage element, which it had not acquired."""
        if number in self._elements_by_copy and self._elements_by_copy[number] != {se}:
            self._exit(number)
            self._enter(number, frozenset({se}))
            self.notify_waiters()

    def record_success(self, se: str) -> None:
        """Record that a copy on `se` has succeeded."""
        self._step(se, CopySucceeded())

    def record_failure(self, se: str, reason: str) -> None:
        """Record that a copy on `se` has failed with a transient error, or has stalled."""
        self._step(se, CopyFailed(reason))

    def record_throughput(self, se: str, speed: float) -> None:
        """Record the throughput of `se` in bytes per second, over all of its copies."""
        self._step(se, ThroughputMeasured(speed, self._copy_counts[se], self._limits.max_for_se(se)))

    def notify_waiters(self) -> None:
        """Wake all waiting copies; each checks again whether it may start."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _enter(self, number: int, ses: frozenset[str]) -> None:
        for se in ses:
            self._step(se, CopyStarted())
        self._elements_by_copy[number] = ses
        self._count(Counter(ses))

    def _exit(self, number: int) -> None:
        self._release(Counter(self._elements_by_copy.pop(number)))

    def _count(self, shares: Counter[str]) -> None:
        self._copy_counts.update(shares)
        self._changed_at |= dict.fromkeys(shares, time.monotonic())

    def _release(self, shares: Counter[str]) -> None:
        self._copy_counts.subtract(shares)
        self._copy_counts += Counter()
        self._changed_at |= dict.fromkeys(shares, time.monotonic())
        for se in shares:
            self._step(se, CopyEnded())
            self._offer_room(se)

    def _step(self, se: str, event: Event) -> None:
        before = self._elements.get(se) or self._new(se)
        after = step(before, event, self._clock(), self._limits.initial_for_se(se))
        self._elements[se] = after
        if after != before:
            self.notify_waiters()
        if isinstance(after.state, BackingOff) and not isinstance(before.state, BackingOff):
            self._on_change()
        if isinstance(after.state, Working) and not isinstance(before.state, Working):
            del self._returned[se]
            self._make_room(se, _ALL)

    def _new(self, se: str) -> StorageElement:
        return StorageElement(limit=self._limits.initial_for_se(se))

    def _has_capacity(self, se: str) -> bool:
        element = self._elements.get(se) or self._new(se)
        return has_capacity(element, self._copy_counts[se], self._limits.max_for_se(se), self._clock())

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


class ThirdPartyBlocklist:
    """Pairs of storage elements between which third-party copies have failed; `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: dict[tuple[str, str], float] = {}

    def block(self, source: str, target: str) -> None:
        """Block third-party copies from `source` to `target` for a while."""
        text = "cannot fetch from %s; copies go through this machine for %.0f s"
        log.info(text, source, _BLOCK_TIME, extra=facts(se=target))
        self._until[source, target] = self._clock() + _BLOCK_TIME

    def blocked(self, sources: Iterable[str], targets: Iterable[str]) -> tuple[tuple[str, str], ...]:
        """Return the blocked pairs among these."""
        now, pairs = self._clock(), {(source, target) for target in targets for source in sources}
        self._until = {pair: until for pair, until in self._until.items() if now < until <= now + _BLOCK_TIME}
        return tuple(sorted(pairs & self._until.keys()))
