"""Tickets for downloads: one for each archive, whose members lie beside each other in the catalogue, not one for each.

A ticket for a member is one for its archive. The archive's own directory tells which other names of the same catalogue
directory it serves, by name and size. Where there is an archive and that does not tell (a second one is beside it, a
member has another name there, the archive is fetched whole), the catalogue is asked, for many names at a time. What
comes is confirmed by its md5, and where it is not, the name is asked for itself. The first download of a directory
asks alone, so that the others know whether it is an archive's.

Which files lie in an archive, and in which: asked of the catalogue for many files at a time, by `stat -v`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from aliend.core.catalogue.entries import Member, Ticket
from aliend.core.catalogue.replica_url import member_of, with_member
from aliend.core.transfers.job import JobSpec
from aliend.core.transfers.transfer import Transfer
from aliend.engine.attempts.stat_batcher import MOST
from aliend.engine.ports import CataloguePort, RunnerPort
from aliend.errors import CopyError, ServiceError
from aliend.storage.tasks import ListMembers, replica_urls

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
    """What is known of one directory: whether a download has `begun` there, whether some of its files may be members.

    `asking` are the archives that one download asks for, while others wait (without a name: the first download).
    """

    begun: bool = False
    has_archives: bool = False
    archives: dict[str, _Archive] = field(default_factory=dict)
    asking: dict[str, asyncio.Future[None]] = field(default_factory=dict)

    async def settled(self, archive: str) -> None:
        """Wait while somebody asks for it."""
        while asked := self.asking.get(archive):
            await asyncio.wait([asked])

    @contextmanager
    def alone(self, archive: str) -> Iterator[None]:
        """Have others wait."""
        asked = self.asking[archive] = asyncio.get_running_loop().create_future()
        try:
            yield
        finally:
            del self.asking[archive]
            asked.set_result(None)


class Archives:
    """The archives of one catalogue that were met; `clock` gives seconds."""

    def __init__(self, catalogue: CataloguePort, clock: Callable[[], float]) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._membership = Membership(catalogue, clock)
        self._places: OrderedDict[Place, _Known] = OrderedDict()

    async def tickets_for(
        self, transfer: Transfer, spec: JobSpec, workers: RunnerPort, neighbours: Neighbours
    ) -> tuple[list[Ticket], bool]:
        """Tickets to read the source, and whether they were another member's. Raises AliendError."""
        directory, _, name = transfer.source.rpartition("/")
        known = self._known((directory, spec.storage, spec.strict, spec.http))
        is_archive = name.endswith(ARCHIVE)
        known.has_archives |= is_archive
        if is_archive or not transfer.md5 or spec.http:
            return await self.own_tickets(transfer, spec), False
        await known.settled("")
        if shared := self._listed(known, transfer, name):
            return shared, True
        if not known.begun:
            known.begun = True
            with known.alone(""):
                return await self._learn(known, transfer, spec, workers), False
        member = await self._membership.of(transfer.source, neighbours) if known.has_archives else None
        if member is None:
            return await self._learn(known, transfer, spec, workers), False
        await known.settled(member.archive)
        if archive := self._valid(known, member.archive):
            return _shared(archive, transfer, member.name), True
        with known.alone(member.archive):
            return await self._learn(known, transfer, spec, workers), False

    async def own_tickets(self, transfer: Transfer, spec: JobSpec) -> list[Ticket]:
        """Tickets that the service gave for this very name."""
        return await self._catalogue.access_read(transfer.source, spec.storage, strict=spec.strict, http=spec.http)

    def _known(self, place: Place) -> _Known:
        known = self._places.setdefault(place, _Known())
        self._places.move_to_end(place)
        while len(self._places) > _PLACES:
            self._places.popitem(last=False)
        return known

    def _valid(self, known: _Known, guid: str) -> _Archive | None:
        archive = known.archives.get(guid)
        if archive and archive.until < self._clock():
            del known.archives[guid]
            return None
        return archive

    def _listed(self, known: _Known, transfer: Transfer, name: str) -> list[Ticket]:
        for guid in tuple(known.archives):
            archive = self._valid(known, guid)
            if archive and archive.members.get(name) == transfer.size:
                return _shared(archive, transfer, name)
        return []

    async def _learn(self, known: _Known, transfer: Transfer, spec: JobSpec, workers: RunnerPort) -> list[Ticket]:
        """The name's own tickets; where they are an archive's, what else is in it is found out."""
        tickets = await self.own_tickets(transfer, spec)
        if not tickets or not member_of(tickets[0].url) or self._valid(known, tickets[0].guid):
            return tickets
        members = {} if spec.whole_archives else await _members(transfer, tickets, workers)
        known.has_archives = True
        known.archives[tickets[0].guid] = _Archive(tuple(tickets), members, self._clock() + _VALID)
        return tickets


async def _members(transfer: Transfer, tickets: Sequence[Ticket], workers: RunnerPort) -> dict[str, int]:
    """What is in an archive; nothing where it cannot be read, which the copy itself will tell."""
    try:
        return dict((await workers.run(ListMembers(transfer.id, replica_urls(tickets)), lambda _: None)).members)
    except CopyError as error:
        log.info("transfer %d: the archive's directory: %s", transfer.id, error)
        return {}


def _shared(archive: _Archive, transfer: Transfer, name: str) -> list[Ticket]:
    """An archive's tickets for its member `name`."""
    return [
        replace(ticket, url=with_member(ticket.url, name), size=transfer.size, md5=transfer.md5)
        for ticket in archive.tickets
    ]


ARCHIVE = ".zip"
"""How the name of a file ends that is an archive itself."""
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
