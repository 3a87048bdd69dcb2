"""Which files lie in an archive, and in which: asked of the catalogue for many files at a time, by `stat -v`."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from aliend.core.catalogue.entries import Member
from aliend.core.transfers.transfer import Transfer
from aliend.engine.looks import MOST
from aliend.engine.ports import CataloguePort
from aliend.errors import ServiceError

log = logging.getLogger(__name__)

ARCHIVE = ".zip"
"""How the name of a file ends that is an archive itself."""
_VALID = 600.0
"""Seconds that an answer is used."""
_KEPT = 1000
"""Answers that are remembered."""

Neighbours = Callable[[], Awaitable[Sequence[Transfer]]]


class Membership:
    """What the catalogue told; `clock` gives seconds."""

    def __init__(self, catalogue: CataloguePort, clock: Callable[[], float]) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._told: OrderedDict[str, tuple[Member | None, float]] = OrderedDict()
        self._asking = asyncio.Lock()

    async def of(self, lfn: str, neighbours: Neighbours) -> Member | None:
        """Where a file lies; None where it is in no archive. `neighbours`, which come next, are asked for with it."""
        async with self._asking:
            if not self._knows(lfn):
                await self._ask([lfn, *(one.source for one in await neighbours())])
        return self._told[lfn][0] if lfn in self._told else None

    async def _ask(self, lfns: Sequence[str]) -> None:
        names = [lfn for lfn in dict.fromkeys(lfns) if not lfn.endswith(ARCHIVE) and not self._knows(lfn)][:MOST]
        try:
            members = await self._catalogue.members(names)
        except ServiceError as error:  # their own tickets will tell
            log.info("%s: not known whether it lies in an archive: %s", names[0], error)
            return
        until = self._clock() + _VALID
        self._told.update((lfn, (members.get(lfn), until)) for lfn in names)
        while len(self._told) > _KEPT:
            self._told.popitem(last=False)

    def _knows(self, lfn: str) -> bool:
        return lfn in self._told and self._told[lfn][1] > self._clock()
