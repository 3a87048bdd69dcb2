"""Holds the limit of copies per storage element: a copy passes when every element that it touches has room."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from aliend.core.scheduler import Limits, has_room


class Gate:
    """Counts the copies on each storage element."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._copies: Counter[str] = Counter()
        self._changed = asyncio.Event()

    def set_limits(self, limits: Limits) -> None:
        """Use other limits from now on; copies that run go on."""
        self._limits = limits
        self._tell()

    @property
    def copies(self) -> dict[str, int]:
        """The copies on each storage element."""
        return dict(self._copies)

    @asynccontextmanager
    async def held(self, ses: Collection[str]) -> AsyncIterator[None]:
        """Wait until one more copy may touch all of `ses` (all or none, so that two never wait for each other)."""
        touched = frozenset(ses)
        while not has_room(self._copies, touched, self._limits):
            await self._changed.wait()
        self._copies.update(touched)
        try:
            yield
        finally:
            self._copies.subtract(touched)
            self._copies += Counter()
            self._tell()

    def _tell(self) -> None:
        """Wake all who wait; each looks for itself."""
        self._changed.set()
        self._changed = asyncio.Event()
