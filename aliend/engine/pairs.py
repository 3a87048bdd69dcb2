"""Pairs of storage elements that cannot copy among themselves, remembered for a while: each attempt costs seconds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

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
