"""Tickets for downloads; members of the same archive share one ticket instead of requesting one each.

A ticket for a member is a ticket for its archive. The archive's own directory shows which other names of the same
catalogue directory it contains, by name and size. If that is not sufficient (a second archive beside it, a member with
another name, a download of whole archives), the catalogue is asked with `stat -v` which files lie in which archive,
many names at a time. Every download is verified by md5; after a mismatch the file gets its own ticket. The first
download of a directory runs alone, so that the others know whether it belongs to an archive.
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
from aliend.core.cli.log_records import facts
from aliend.core.transfers.job import JobSpec
from aliend.core.transfers.transfer import Transfer
from aliend.engine.attempts.stat_batcher import BATCH_SIZE
from aliend.engine.ports import CataloguePort, RunnerPort
from aliend.errors import CopyError, ServiceError
from aliend.storage.tasks import ListMembers, replica_urls

log = logging.getLogger(__name__)

_TICKET_TTL = 600.0
"""Seconds that a ticket is used for other members."""
_MAX_DIRECTORIES = 256
"""Directories that are remembered."""

DirectoryKey = tuple[str, str, bool, bool]


@dataclass(frozen=True, slots=True)
class _Archive:
    """Tickets for an archive, the sizes of its members by name, and until when they are used (seconds)."""

    tickets: tuple[Ticket, ...]
    members: Mapping[str, int]
    until: float


@dataclass(slots=True)
class _DirectoryState:
    """One directory: whether a download `has_started` there, and whether some of its files may be members.

    `lookups` are the archives whose tickets one download requests while others wait (empty name: the first download).
    """

    has_started: bool = False
    has_archives: bool = False
    archives: dict[str, _Archive] = field(default_factory=dict)
    lookups: dict[str, asyncio.Future[None]] = field(default_factory=dict)

    async def wait_until_resolved(self, archive: str) -> None:
        """Wait while another download requests tickets for the archive."""
        while pending := self.lookups.get(archive):
            await asyncio.wait([pending])

    @contextmanager
    def resolving(self, archive: str) -> Iterator[None]:
        """Make others wait while this download requests tickets for the archive."""
        pending = self.lookups[archive] = asyncio.get_running_loop().create_future()
        try:
            yield
        finally:
            del self.lookups[archive]
            pending.set_result(None)


class ArchiveTickets:
    """Tickets for the archives of one catalogue; `clock` returns seconds."""

    def __init__(self, catalogue: CataloguePort, clock: Callable[[], float]) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._membership = ArchiveMembership(catalogue, clock)
        self._directories: OrderedDict[DirectoryKey, _DirectoryState] = OrderedDict()

    async def tickets_for(
        self, transfer: Transfer, spec: JobSpec, workers: RunnerPort, next_transfers: NextTransfers
    ) -> tuple[list[Ticket], bool]:
        """Return tickets for reading the source, and whether they were requested for another member.

        Raises AliendError.
        """
        name = transfer.source.rpartition("/")[2]
        state = self._state_of(transfer, spec)
        is_archive = name.endswith(ARCHIVE)
        state.has_archives |= is_archive
        if is_archive or not transfer.md5 or spec.http:
            return await self.own_tickets(transfer, spec), False
        await state.wait_until_resolved("")
        if shared := self._tickets_by_name(state, transfer, name):
            return shared, True
        if not state.has_started:
            state.has_started = True
            with state.resolving(""):
                return await self._resolve(state, transfer, spec, workers), False
        member = await self._membership.archive_of(transfer.source, next_transfers) if state.has_archives else None
        if member is None:
            return await self._resolve(state, transfer, spec, workers), False
        await state.wait_until_resolved(member.archive)
        if archive := self._valid_archive(state, member.archive):
            return _shared(archive, transfer, member.name), True
        with state.resolving(member.archive):
            return await self._resolve(state, transfer, spec, workers), False

    async def own_tickets(self, transfer: Transfer, spec: JobSpec) -> list[Ticket]:
        """Return tickets requested for this file itself; for XRootD if HTTP is requested and no replica has it."""
        tickets = await self._catalogue.access_read(transfer.source, spec.storage, strict=spec.strict, http=spec.http)
        if tickets or not spec.http or spec.strict:
            return tickets
        return await self._catalogue.access_read(transfer.source, spec.storage)

    async def tickets_in_batch(self, transfer: Transfer, spec: JobSpec, workers: RunnerPort) -> list[Ticket] | None:
        """Return the file's own tickets; None if it may share those of another member. Raises AliendError."""
        state = self._state_of(transfer, spec)
        await state.wait_until_resolved("")
        if transfer.source.endswith(ARCHIVE) or not transfer.md5 or state.has_archives:
            return None
        if state.has_started:
            return await self._resolve(state, transfer, spec, workers)
        state.has_started = True
        with state.resolving(""):
            return await self._resolve(state, transfer, spec, workers)

    def _state_of(self, transfer: Transfer, spec: JobSpec) -> _DirectoryState:
        directory = transfer.source.rpartition("/")[0]
        return self._directory_state((directory, spec.storage, spec.strict, spec.http))

    def _directory_state(self, key: DirectoryKey) -> _DirectoryState:
        state = self._directories.setdefault(key, _DirectoryState())
        self._directories.move_to_end(key)
        while len(self._directories) > _MAX_DIRECTORIES:
            self._directories.popitem(last=False)
        return state

    def _valid_archive(self, state: _DirectoryState, guid: str) -> _Archive | None:
        archive = state.archives.get(guid)
        if archive and archive.until < self._clock():
            del state.archives[guid]
            return None
        return archive

    def _tickets_by_name(self, state: _DirectoryState, transfer: Transfer, name: str) -> list[Ticket]:
        for guid in tuple(state.archives):
            archive = self._valid_archive(state, guid)
            if archive and archive.members.get(name) == transfer.size:
                return _shared(archive, transfer, name)
        return []

    async def _resolve(
        self, state: _DirectoryState, transfer: Transfer, spec: JobSpec, workers: RunnerPort
    ) -> list[Ticket]:
        """Request the file's own tickets; if they are an archive's, list its members for the other downloads."""
        tickets = await self.own_tickets(transfer, spec)
        if not tickets or not member_of(tickets[0].url) or self._valid_archive(state, tickets[0].guid):
            return tickets
        members = {} if spec.whole_archives else await _members(transfer, tickets, workers)
        state.has_archives = True
        state.archives[tickets[0].guid] = _Archive(tuple(tickets), members, self._clock() + _TICKET_TTL)
        return tickets


async def _members(transfer: Transfer, tickets: Sequence[Ticket], workers: RunnerPort) -> dict[str, int]:
    """Return the members of an archive; none if it cannot be read: the copy itself will report the error."""
    try:
        return dict((await workers.run(ListMembers(transfer.id, replica_urls(tickets)), lambda _: None)).members)
    except CopyError as error:
        log.info("cannot list the archive: %s", error, extra=facts(job=transfer.job, transfer=transfer.id))
        return {}


def _shared(archive: _Archive, transfer: Transfer, name: str) -> list[Ticket]:
    """Return an archive's tickets for its member `name`."""
    return [
        replace(ticket, url=with_member(ticket.url, name), size=transfer.size, md5=transfer.md5)
        for ticket in archive.tickets
    ]


ARCHIVE = ".zip"
"""Suffix of files that are archives themselves."""
_MAX_ANSWERS = 1000
"""Answers that are remembered."""

NextTransfers = Callable[[], Awaitable[Sequence[Transfer]]]


class ArchiveMembership:
    """Which files lie in which archive, according to the catalogue; `clock` returns seconds."""

    def __init__(self, catalogue: CataloguePort, clock: Callable[[], float]) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._answers: OrderedDict[str, tuple[Member | None, float]] = OrderedDict()
        self._lock = asyncio.Lock()

    async def archive_of(self, lfn: str, next_transfers: NextTransfers) -> Member | None:
        """Return where a file lies; None if it is not a member. `next_transfers` are looked up with it."""
        async with self._lock:
            if not self._is_cached(lfn):
                await self._fetch([lfn, *(transfer.source for transfer in await next_transfers())])
        return self._answers[lfn][0] if lfn in self._answers else None

    async def _fetch(self, lfns: Sequence[str]) -> None:
        names = [lfn for lfn in dict.fromkeys(lfns) if not lfn.endswith(ARCHIVE) and not self._is_cached(lfn)][
            :BATCH_SIZE
        ]
        try:
            members = await self._catalogue.members(names)
        except ServiceError as error:  # their own tickets will report it
            log.info("%s: cannot find out whether it is a member of an archive: %s", names[0], error)
            return
        until = self._clock() + _TICKET_TTL
        self._answers.update((lfn, (members.get(lfn), until)) for lfn in names)
        while len(self._answers) > _MAX_ANSWERS:
            self._answers.popitem(last=False)

    def _is_cached(self, lfn: str) -> bool:
        return lfn in self._answers and self._answers[lfn][1] > self._clock()
