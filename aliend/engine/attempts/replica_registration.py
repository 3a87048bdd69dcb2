"""Puts replicas of one file under an LFN: tickets, one copy to all, a commit for each that was verified.

`commit` verifies nothing, is not repeatable, and can succeed on somebody else's file. Therefore the intent (which
GUIDs are ours) is stored before the copy, a lost reply is followed by a look, and at the end the catalogue itself must
show our GUID under the name and every replica.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from aliend.core.catalogue import storage_spec
from aliend.core.catalogue.entries import Entry, Replica, Ticket
from aliend.core.transfers.attempt_record import Stage
from aliend.core.transfers.transfer import Booked
from aliend.engine.attempts.attempt import Attempt
from aliend.engine.attempts.copy_sources import Origin
from aliend.engine.ports import CataloguePort
from aliend.errors import CopyError, OutcomeUnknown, ServiceError
from aliend.storage.tasks import Compare, ReplicaOutcome, replica_urls

log = logging.getLogger(__name__)

_LOOKS = 6
_LOOK_PAUSE = 4.0
"""Seconds between looks at the replicas: the service may answer from a cache of 15 s."""
_UNFINISHED_PAUSE = 120.0
"""Seconds between attempts while an unfinished file is in the place of a replica; a server keeps it for ten minutes."""
_RESTING_PAUSE = 15.0
"""Seconds at least before another look whether storage that rests has come back."""
_COMMITS = 3
"""Times that a commit is sent in one attempt, as long as it is refused and the catalogue shows nothing of it."""
_LOST, _NOT_FOUND, _NOTHING_REGISTERED = 67, 2, 53
_NO_WRITE_PFNS = 77
_ANOTHER_FILE = 22
"""Tickets are refused with it for a name that has another content, and for a wish that makes no sense."""


@dataclass(frozen=True, slots=True)
class Registered:
    """The name, its GUID, md5, and a warning where the service granted less than was asked for."""

    guid: str
    md5: str
    warning: str


class Replicas:
    """Replicas of one file, wherever it is now, under one LFN."""

    def __init__(self, attempt: Attempt, source: Origin, lfn: str, intent: Booked | None) -> None:
        self._attempt = attempt
        self._catalogue = attempt.catalogue
        self._source = source
        self._lfn = lfn
        self._guids = intent.guids if intent else ()
        self._goal = intent.goal if intent else 0
        self._unheard = intent.tickets if intent else ()
        self._guid = ""
        self._have: set[str] = set()
        self._failed: dict[str, ReplicaOutcome] = {}
        self._refused: set[str] = set()
        self._md5 = source.md5

    async def complete(self, entry: Entry | None) -> Registered:
        """Bring the number of replicas to what was granted; `entry` is what the name is now (None, or ours).

        Raises CopyError: permanent if some replicas are registered and others are not, unless one only has to wait.
        """
        storage = self._attempt.spec.storage or storage_spec.default_spec(
            self._attempt.transfer.target, self._source.size
        )
        if entry is not None:
            self._md5 = entry.md5 or self._md5
            self._guid = entry.guid
            self._have = {replica.se for replica in await replicas_of(self._catalogue, self._lfn)}
        await self._take_up()
        if entry or self._have:
            await self._add_missing(storage)
        else:
            await self._add(storage)
        if self._attempt.spec.recovery:
            await self._add_missing(storage)
        if not self._have:
            raise self._no_replica()
        guid = await self._verify(entry)
        if len(self._have) < self._goal:
            raise self._incomplete()
        if self._attempt.spec.verify:
            await self._read_back()
        return Registered(guid, self._md5, self._warning(storage))

    async def _read_back(self) -> None:
        """CopyError when a storage element does not give back what was sent to it."""
        tickets = await self._catalogue.access_read(self._lfn)
        task = Compare(self._attempt.transfer.id, replica_urls(tickets), self._source.size, self._md5)
        compared = await self._attempt.workers.run(task, self._attempt.progress)
        wrong = "; ".join(f"{se}: {reason}" for se, reason in compared.failures)
        if wrong or not tickets:
            raise CopyError(
                f"{self._lfn} is registered, but cannot be read back: {wrong or 'no replica may be read'}", "permanent"
            )

    async def _add_missing(self, storage: str) -> None:
        """A round for what the one before has left; that nothing can be had is told by the numbers."""
        missing = self._goal - len(self._have)
        more = storage_spec.spec_for_missing(storage, missing, self._have, self._failed) if missing > 0 else ""
        if not more:
            return
        try:
            await self._add(more)
        except ServiceError as error:
            if error.code != _NO_WRITE_PFNS:
                raise
            log.info("transfer %d: no further storage for %s", self._attempt.transfer.id, more)

    async def _add(self, storage: str) -> None:
        md5 = self._md5 if self._have else ""
        self._attempt.trail.enter(Stage.TICKET)
        tickets = await self._granted(md5, storage)
        tickets = list({ticket.se: ticket for ticket in tickets if ticket.se not in self._have}.values())
        if not tickets:
            return
        if any(ticket.md5 and ticket.guid not in self._guids for ticket in tickets) and not md5:
            # Tickets for a name that is registered add replicas to what is there, and `commit` would change its md5.
            raise self._registered_meanwhile()
        if self._guid and any(ticket.guid != self._guid for ticket in tickets):
            raise CopyError(f"{self._lfn} was removed or replaced meanwhile; nothing was added", kind="permanent")
        self._goal = self._goal or len(tickets)
        self._guids = (*self._guids, *(guid for guid in {ticket.guid for ticket in tickets} if guid not in self._guids))
        await self._note(tickets)
        outcomes = await self._copy(tickets)
        written = [ticket for ticket, outcome in outcomes if not outcome.error]
        if len(written) < len(tickets):
            await self._note(written)
        for ticket, outcome in outcomes:
            self._attempt.trail.enter(Stage.COPY if outcome.error else Stage.COMMIT)
            if outcome.error:
                self._fail(outcome)
                log.info("transfer %d: replica on %s: %s", self._attempt.transfer.id, outcome.se, outcome.error)
            else:
                await self._commit(ticket)

    async def _take_up(self) -> None:
        """Register what an attempt that was cut off had written, if it is there, whole, and everywhere.

        It would stay on the storage under a GUID that nobody knows. Where a part of it is missing, or was not finished,
        all is sent anew under another GUID: the name of an unfinished file is not free for some time.
        """
        resting, guids = self._attempt.gate.resting(), (self._guid,) if self._guid else self._guids
        tickets = [one for one in self._unheard if one.se not in self._have and one.guid in guids]
        if not tickets or any(one.se in resting or one.size not in (0, self._source.size) for one in tickets):
            return
        md5 = await self._source.md5_if_there(self._attempt, replica_urls(tickets))
        if not md5 or (self._md5 and md5 != self._md5):
            return
        log.info("transfer %d: what was written before is registered now", self._attempt.transfer.id)
        self._md5 = md5
        for ticket in tickets:
            self._attempt.trail.enter(Stage.COMMIT)
            await self._commit(ticket)
        self._failed.clear()

    async def _note(self, tickets: Sequence[Ticket]) -> None:
        await self._attempt.note(Booked(self._lfn, self._guids, self._goal, tuple(tickets)))

    def _registered_meanwhile(self) -> CopyError:
        return CopyError(f"{self._lfn} was registered a moment ago; it is looked at again", "transient", 1.0)

    async def _granted(self, md5: str, storage: str) -> list[Ticket]:
        """Tickets, none for a storage element that rests unless the user named it.

        Where those that rest are needed for as many replicas as are wished they are waited for.
        """
        resting = self._attempt.gate.resting()
        without = storage_spec.excluding(storage, resting)
        try:
            tickets = await self._catalogue.access_write(self._lfn, self._source.size, md5, without)
        except ServiceError as error:
            if error.code == _ANOTHER_FILE and not md5 and await self._attempt.looks.entry_of(self._lfn):
                raise self._registered_meanwhile() from error
            if error.code != _NO_WRITE_PFNS:
                raise
            if without == storage:
                reason = f"no storage element takes it that {storage} asks for (alienctl listSEs tells which there are)"
                raise ServiceError("access", _NO_WRITE_PFNS, reason) from error
            tickets = []
        granted, wished = len({ticket.se for ticket in tickets}), storage_spec.replica_count(storage)
        if without != storage and granted < wished:
            raise CopyError(
                f"{granted} of {wished} replicas could be written without {', '.join(sorted(resting))}, where nothing "
                "goes just now",
                "storage",
                max(_RESTING_PAUSE, self._attempt.gate.rests_for(resting)),
            )
        return tickets

    async def _copy(self, tickets: Sequence[Ticket]) -> list[tuple[Ticket, ReplicaOutcome]]:
        ses = {ticket.se for ticket in tickets} | self._source.ses
        self._attempt.trail.enter(Stage.SLOT, ses)
        gate = self._attempt.gate
        async with gate.held(self._attempt.transfer.id, ses):
            self._attempt.trail.enter(Stage.COPY)
            result = await self._source.send(self._attempt, replica_urls(tickets))
            for outcome in result.replicas:
                if not outcome.error:
                    gate.worked(outcome.se)
                elif outcome.kind == "transient":
                    gate.failed(outcome.se, outcome.error)
        # without a storage element to send it to, the file was not read
        if self._md5 and result.md5 not in (self._md5, ""):
            raise CopyError(f"{self._source.name} differs from what is registered under {self._lfn}", kind="permanent")
        self._md5 = self._md5 or result.md5
        self._attempt.trail.hear(result.size)
        return list(zip(tickets, result.replicas, strict=True))

    async def _commit(self, ticket: Ticket) -> None:
        """Register one replica. After a lost reply, and where nothing was registered, the catalogue is asked.

        What it does not show is sent again: a booking is registered once at most, and none is forgotten before that.
        """
        for number in range(_COMMITS):
            if number:
                await asyncio.sleep(_LOOK_PAUSE)
            try:
                await self._catalogue.commit(ticket, self._source.size, self._lfn, self._md5)
                break
            except (OutcomeUnknown, ServiceError) as error:
                if isinstance(error, ServiceError) and error.code != _NOTHING_REGISTERED:
                    raise
                if await self._shows(ticket, is_over=isinstance(error, ServiceError)):
                    break
                reason = f"not registered: {error}"
        else:
            self._refused.add(ticket.se)
            self._fail(ReplicaOutcome(ticket.se, ticket.url, reason, "transient"))
            return
        self._have.add(ticket.se)
        self._attempt.trail.tell(ticket.se)

    def _fail(self, outcome: ReplicaOutcome) -> None:
        self._failed[outcome.se] = outcome
        self._attempt.trail.tell(outcome.se, outcome.error)

    async def _shows(self, ticket: Ticket, *, is_over: bool) -> bool:
        """Whether the catalogue comes to show this replica under our name and GUID; nothing comes once `is_over`."""
        for look in range(_LOOKS):
            if look:
                await asyncio.sleep(_LOOK_PAUSE)
            entry = await self._attempt.looks.entry_of(self._lfn)
            if entry is None and not is_over:
                continue
            if entry is None or entry.guid != ticket.guid:
                return False
            if ticket.se in {replica.se for replica in await replicas_of(self._catalogue, self._lfn)}:
                return True
        return False

    async def _verify(self, before: Entry | None) -> str:
        """Our GUID must be under the name, with every replica that was committed; the GUID.

        A commit that was acknowledged has added its replica to the GUID (wire specification, section 4.5), and one
        whose reply was lost was looked up: the replicas are asked for only where some were there `before`.
        """
        self._attempt.trail.enter(Stage.VERIFY)
        entry = await self._attempt.looks.entry_among_others(self._lfn)
        if entry is None or entry.guid not in self._guids:
            theirs = f"GUID {entry.guid}" if entry else "nothing"
            raise CopyError(
                f"{self._lfn} is not ours: somebody else registered it meanwhile (the catalogue shows {theirs}); "
                "nothing of theirs was touched",
                kind="permanent",
            )
        if before is None:
            return entry.guid
        for look in range(_LOOKS):
            if look:
                await asyncio.sleep(_LOOK_PAUSE)
            shown = {replica.se for replica in await replicas_of(self._catalogue, self._lfn)}
            if self._have <= shown:
                return entry.guid
        missing = ", ".join(sorted(self._have - shown))
        raise CopyError(f"The catalogue does not show the replicas of {self._lfn} on {missing}", kind="transient")

    def _incomplete(self) -> CopyError:
        registered = f"{len(self._have)} of {self._goal} replicas are registered ({', '.join(sorted(self._have))})"
        if any(outcome.kind == "storage" for outcome in self._failed.values()):
            return CopyError(f"{registered}; {self._reasons()}", "storage", _UNFINISHED_PAUSE)
        if self._refused - self._have:
            return CopyError(f"{registered}; {self._reasons()}", "transient")
        return CopyError(f"{registered}; {self._reasons()}; a retry adds the rest", "permanent")

    def _no_replica(self) -> CopyError:
        passing = any(outcome.kind != "permanent" for outcome in self._failed.values())
        if not self._failed:
            return CopyError(f"No storage was granted for {self._lfn}", kind="permanent")
        return CopyError(
            f"No replica of {self._lfn} could be written: {self._reasons()}",
            kind="transient" if passing else "permanent",
        )

    def _reasons(self) -> str:
        failed = "; ".join(f"{se}: {outcome.error}" for se, outcome in sorted(self._failed.items()))
        return failed or "no further storage was granted"

    def _warning(self, storage: str) -> str:
        wanted = storage_spec.replica_count(storage)
        if self._goal >= wanted:
            return ""
        return f"the central service granted {self._goal} of the {wanted} replicas asked for ({storage})"


async def replicas_of(catalogue: CataloguePort, lfn: str) -> list[Replica]:
    """The replicas of a file; none for a file that lost them all or was only touched."""
    try:
        return await catalogue.whereis(lfn)
    except ServiceError as error:
        if error.code in {_LOST, _NOT_FOUND}:
            return []
        raise
