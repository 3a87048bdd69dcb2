"""Tickets for downloads: one for each archive, whose members lie beside each other in the catalogue, not one for each.

A ticket for a member is one for its archive. The archive's own directory tells which other names of the same catalogue
directory it serves, by name and size; what comes is confirmed by its md5, and where it is not, the name is asked for
itself. The first download of a directory asks alone, so that the others know whether it is an archive's.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from aliend.core.catalogue import Ticket
from aliend.core.job import JobSpec
from aliend.core.transfer import Transfer
from aliend.engine.ports import CataloguePort, RunnerPort
from aliend.errors import CopyError
from aliend.storage.tasks import ListMembers, Source

log = logging.getLogger(__name__)

_VALID = 600.0
"""Seconds that a ticket is used for further members."""
_PLACES = 256
"""Directories that are remembered."""

Place = tuple[str, str, bool, bool]


@dataclass(frozen=True, slots=True)
class _Archive:
    """Tickets for an archive, the sizes of its members by their names, and until when they are used (seconds)."""

    tickets: tuple[Ticket, ...]
    members: Mapping[str, int]
    until: float


@dataclass(slots=True)
class _Known:
    """What is known of one directory; `first` is done when its first download has asked."""

    first: asyncio.Future[None] | None = None
    archives: dict[str, _Archive] = field(default_factory=dict)


class Archives:
    """The archives of one catalogue that were met; `clock` gives seconds."""

    def __init__(self, catalogue: CataloguePort, clock: Callable[[], float]) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._places: OrderedDict[Place, _Known] = OrderedDict()

    async def tickets_for(self, transfer: Transfer, spec: JobSpec, workers: RunnerPort) -> tuple[list[Ticket], bool]:
        """Tickets to read the source, and whether they were another member's. Raises AliendError."""
        directory, _, name = transfer.source.rpartition("/")
        if not transfer.md5 or name.endswith(".zip"):
            return await self.own_tickets(transfer, spec), False
        known = self._known((directory, spec.storage, spec.strict, spec.http))
        if known.first and not known.first.done():
            await asyncio.wait([known.first])
        if shared := self._shared(known, transfer, name):
            return shared, True
        if known.first:
            return await self._learn(known, transfer, spec, workers), False
        known.first = asyncio.get_running_loop().create_future()
        try:
            return await self._learn(known, transfer, spec, workers), False
        finally:
            known.first.set_result(None)

    async def own_tickets(self, transfer: Transfer, spec: JobSpec) -> list[Ticket]:
        """Tickets that the service gave for this very name."""
        return await self._catalogue.access_read(transfer.source, spec.storage, strict=spec.strict, http=spec.http)

    def _known(self, place: Place) -> _Known:
        known = self._places.setdefault(place, _Known())
        self._places.move_to_end(place)
        while len(self._places) > _PLACES:
            self._places.popitem(last=False)
        return known

    def _shared(self, known: _Known, transfer: Transfer, name: str) -> list[Ticket]:
        for guid, archive in tuple(known.archives.items()):
            if archive.until < self._clock():
                del known.archives[guid]
            elif archive.members.get(name) == transfer.size:
                return [
                    replace(
                        ticket,
                        url=f"{ticket.url.partition('#')[0]}#{name}",
                        size=transfer.size,
                        md5=transfer.md5,
                    )
                    for ticket in archive.tickets
                ]
        return []

    async def _learn(self, known: _Known, transfer: Transfer, spec: JobSpec, workers: RunnerPort) -> list[Ticket]:
        """The name's own tickets; where they are an archive's, what else is in it is found out."""
        tickets = await self.own_tickets(transfer, spec)
        if (
            not tickets
            or "#" not in tickets[0].url
            or spec.whole_archives
            or spec.http
            or tickets[0].guid in known.archives
        ):
            return tickets
        sources = tuple(Source(ticket.url, ticket.envelope, ticket.se) for ticket in tickets)
        try:
            listed = await workers.run(ListMembers(transfer.id, sources), lambda _: None)
        except CopyError as error:  # the copy itself will tell
            log.info("transfer %d: the archive's directory: %s", transfer.id, error)
        else:
            until = self._clock() + _VALID
            known.archives[tickets[0].guid] = _Archive(tuple(tickets), dict(listed.members), until)
        return tickets
