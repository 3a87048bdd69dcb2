"""Registers replicas of one file: requests tickets, uploads to all targets in one pass, commits each verified replica.

`commit` verifies nothing, is not repeatable, and can succeed on another user's file. Therefore the intent (our GUIDs)
is saved before the copy, a lost reply is followed by a lookup, and at the end the catalogue must show our GUID and
every replica under the name.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from aliend.core.catalogue import storage_spec
from aliend.core.catalogue.entries import Entry, Ticket
from aliend.core.transfers.attempt_record import Stage
from aliend.core.transfers.transfer import ReplicasBooked
from aliend.engine.attempts import registration_errors
from aliend.engine.attempts.attempt import Attempt
from aliend.engine.attempts.copy_sources import CopySource
from aliend.engine.kept_replicas import list_replicas, read_tickets, storage_elements_of
from aliend.engine.ports import CataloguePort
from aliend.errors import CopyError, OutcomeUnknown, ServiceError
from aliend.storage.tasks import Compare, ReplicaOutcome, Uploaded, replica_urls

log = logging.getLogger(__name__)

_VISIBILITY_CHECKS = 6
_CHECK_INTERVAL = 4.0
"""Seconds between two lookups of the replicas: the service may answer from a cache of 15 s."""
_UNAVAILABLE_RETRY = 15.0
"""Shortest pause in seconds before storage that is unavailable is tried again."""
_COMMIT_ATTEMPTS = 3
"""Commits in one attempt, as long as they are refused and the catalogue does not show the replica."""
_NOTHING_REGISTERED = 53
_NO_WRITE_PFNS = 77
_ANOTHER_FILE = 22
"""Refuses tickets for a name that has other content, and for an impossible storage specification."""


@dataclass(frozen=True, slots=True)
class RegisteredFile:
    """The registered file: GUID, md5, and a warning if the service granted fewer replicas than requested."""

    guid: str
    md5: str
    warning: str


class ReplicaRegistration:
    """Registers replicas of one source under one LFN."""

    def __init__(self, attempt: Attempt, source: CopySource, lfn: str, intent: ReplicasBooked | None) -> None:
        self._attempt = attempt
        self._catalogue = attempt.tools.catalogue
        self._source = source
        self._lfn = lfn
        self._guids = intent.guids if intent else ()
        self._goal = intent.goal if intent else 0
        self._unconfirmed_tickets = intent.tickets if intent else ()
        self._existed = bool(intent and intent.existed)
        self._guid = ""
        self._registered: set[str] = set()
        self._failed: dict[str, ReplicaOutcome] = {}
        self._rejected: set[str] = set()
        self._unresolved: dict[str, OutcomeUnknown | ServiceError] = {}
        """Commits of a batch that were refused or not answered, by storage element."""
        self._md5 = source.md5
        self._storage = attempt.spec.storage or storage_spec.default_spec(attempt.transfer.target, source.size)

    async def run(self, entry: Entry | None, existing: Collection[str] | None = None) -> RegisteredFile:
        """Register the granted number of replicas; `entry` is what the name is now (None, or our file).

        `existing` are its storage elements, if the caller has just looked them up. Raises CopyError: permanent if some
        replicas are registered and others cannot be, transient if waiting helps.
        """
        if entry is not None:
            self._md5 = entry.md5 or self._md5
            self._guid = entry.guid
            self._registered = set(existing or await storage_elements_of(self._catalogue, self._lfn))
        await self._resume()
        if entry or self._registered:
            await self._add_missing(self._storage)
        else:
            await self._add(self._storage)
        return await self.finish(entry)

    async def send_alone(self, tickets: Sequence[Ticket]) -> RegisteredFile:
        """Copy a new file with tickets that were booked in a batch. Raises as `run`."""
        await self.register(tickets, await self._copy(tickets))
        return await self.finish(None)

    async def finish(self, entry: Entry | None) -> RegisteredFile:
        """Add the replicas that could not be written elsewhere, and verify all. Raises as `run`."""
        if self._attempt.spec.recovery:
            await self._add_missing(self._storage)
        if not self._registered:
            raise registration_errors.no_replica(self._lfn, self._failed)
        guid = await self._verify(entry)
        if len(self._registered) < self._goal:
            raise self._incomplete()
        if self._attempt.spec.verify:
            await self._read_back()
        return RegisteredFile(guid, self._md5, self._warning(self._storage))

    @property
    def registered(self) -> set[str]:
        """Return the storage elements that have a registered replica."""
        return self._registered

    async def complete(self, entry: Entry, registered: Collection[str], storage: str) -> RegisteredFile:
        """Add replicas to a file with this content, which has those on `registered`. Raises as `run`."""
        self._md5, self._guid, self._registered = entry.md5, entry.guid, set(registered)
        await self._resume()
        for _ in range(1 + self._attempt.spec.recovery):
            await self._add_missing(storage)
        guid = await self._verify(None)
        if len(self._registered) < self._goal:
            why, reasons = self._incomplete(), registration_errors.reasons(self._failed)
            raise CopyError(reasons, why.kind, why.retry_after).with_errno(why.error_number)
        return RegisteredFile(guid, self._md5, "")

    async def _read_back(self) -> None:
        """Raise CopyError if a storage element does not return what was sent to it."""
        tickets = await self._catalogue.access_read(self._lfn)
        task = Compare(self._attempt.transfer.id, replica_urls(tickets), self._source.size, self._md5)
        compared = await self._attempt.tools.workers.run(task, self._attempt.progress.record_bytes)
        wrong = "; ".join(f"{se}: {reason}" for se, reason in compared.failures)
        if wrong or not tickets:
            raise CopyError(
                f"{self._lfn} is registered, but reading it back failed: {wrong or 'no readable replica'}", "permanent"
            )

    async def _add_missing(self, storage: str) -> None:
        """Add the replicas that the previous round has not registered; the counts show if none was granted."""
        missing = self._goal - len(self._registered)
        more = storage_spec.spec_for_missing(storage, missing, self._registered, self._failed) if missing > 0 else ""
        if not more:
            return
        try:
            await self._add(more)
        except ServiceError as error:
            if error.code != _NO_WRITE_PFNS:
                raise
            log.info("no further storage available for %s", more, extra=self._attempt.facts())

    async def _add(self, storage: str) -> None:
        if tickets := await self.book(storage):
            await self._save_intent(tickets)
            await self.register(tickets, await self._copy(tickets))

    async def book(self, storage: str = "") -> list[Ticket]:
        """Request tickets for replicas on `storage` (empty: what the job wants). Raises AliendError.

        Save the intent (see `intent_of`) before the tickets are used.
        """
        md5 = self._md5 if self._registered else ""
        self._attempt.progress.enter_stage(Stage.TICKET)
        tickets = await self._request_tickets(md5, storage or self._storage)
        tickets = list({ticket.se: ticket for ticket in tickets if ticket.se not in self._registered}.values())
        if not tickets:
            return []
        if any(ticket.md5 and ticket.guid not in self._guids for ticket in tickets) and not md5:
            # Tickets for a registered name add replicas to that file, and `commit` would change its md5.
            raise self._registered_meanwhile()
        if self._guid and any(ticket.guid != self._guid for ticket in tickets):
            raise CopyError(f"{self._lfn} was removed or replaced meanwhile; no replica was added", kind="permanent")
        self._goal = self._goal or len(tickets)
        self._guids = (*self._guids, *(guid for guid in {ticket.guid for ticket in tickets} if guid not in self._guids))
        return tickets

    async def register(self, tickets: Sequence[Ticket], outcomes: Sequence[tuple[Ticket, ReplicaOutcome]]) -> None:
        """Register what was written with these tickets, and record what was not. Raises AliendError."""
        written = [ticket for ticket, outcome in outcomes if not outcome.error]
        if len(written) < len(tickets):
            await self._save_intent(written)
        await self._commit_all(outcomes)

    async def _commit_all(self, outcomes: Sequence[tuple[Ticket, ReplicaOutcome]]) -> None:
        """Register what was written. A cancelled upload completes this: a name must not keep only some replicas.

        A temporary name is removed anyway.
        """
        if self._lfn != self._attempt.transfer.target:
            await self._commit_each(outcomes)
            return
        await self._attempt.finish(self._commit_each(outcomes))

    async def _commit_each(self, outcomes: Sequence[tuple[Ticket, ReplicaOutcome]]) -> None:
        for ticket, outcome in outcomes:
            self._attempt.progress.enter_stage(Stage.COPY if outcome.error else Stage.COMMIT)
            if outcome.error:
                self._record_failure(outcome)
                log.info("no replica: %s", outcome.error, extra=self._attempt.facts(se=outcome.se))
            elif ticket.se not in self._registered:
                await self._commit(ticket)

    def use(self, catalogue: CataloguePort) -> None:
        """Use this catalogue from now on."""
        self._catalogue = catalogue

    async def register_at_once(self, tickets: Sequence[Ticket]) -> bool:
        """Register all replicas with one commit each; False after a refusal or a lost reply: `register` continues.

        Raises AliendError.
        """
        for ticket in tickets:
            self._attempt.progress.enter_stage(Stage.COMMIT)
            try:
                await self._commit_once(ticket)
            except (OutcomeUnknown, ServiceError) as error:
                self._unresolved[ticket.se] = error
                return False
            self._record_registered(ticket)
        return True

    async def _resume(self) -> None:
        """Register the files that an interrupted attempt has written, if they are complete on all targets.

        Otherwise they would stay on the storage under a GUID that nobody knows. If some are missing or unfinished,
        everything is sent again under another GUID: the name of an unfinished file stays occupied for some time.
        """
        unavailable, guids = (
            self._attempt.tools.limiter.unavailable_until(),
            (self._guid,) if self._guid else self._guids,
        )
        tickets = [one for one in self._unconfirmed_tickets if one.se not in self._registered and one.guid in guids]
        if not tickets or any(one.se in unavailable or one.size not in (0, self._source.size) for one in tickets):
            return
        md5 = await self._source.verify_existing(self._attempt, replica_urls(tickets))
        if not md5 or (self._md5 and md5 != self._md5):
            return
        log.info("registering the replicas of an interrupted attempt", extra=self._attempt.facts())
        self._md5 = md5
        for ticket in tickets:
            self._attempt.progress.enter_stage(Stage.COMMIT)
            await self._commit(ticket)
        self._failed.clear()

    async def _save_intent(self, tickets: Sequence[Ticket]) -> None:
        await self._attempt.save_intent(self.intent_of(tickets))

    def intent_of(self, tickets: Sequence[Ticket]) -> ReplicasBooked:
        """Return the intent to register replicas that are written with these tickets."""
        return ReplicasBooked(self._lfn, self._guids, self._goal, tuple(tickets), self._existed)

    def _registered_meanwhile(self) -> CopyError:
        return CopyError(f"{self._lfn} was registered a moment ago; checking again", "transient", 1.0)

    async def _request_tickets(self, md5: str, storage: str) -> list[Ticket]:
        """Request tickets, excluding unavailable storage elements unless the user named them.

        If those are needed for the requested number of replicas, the transfer waits for them.
        """
        unavailable = self._attempt.tools.limiter.unavailable_until()
        narrowed = storage_spec.excluding(storage, unavailable)
        try:
            tickets = await self._catalogue.access_write(self._lfn, self._source.size, md5, narrowed)
        except ServiceError as error:
            if error.code == _ANOTHER_FILE and not md5 and await self._attempt.tools.stats.stat(self._lfn):
                raise self._registered_meanwhile() from error
            if error.code != _NO_WRITE_PFNS:
                raise
            refused = await registration_errors.refusal(self._catalogue, self._lfn, self._source.size)
            if refused or narrowed == storage:
                reason = f"no writable storage element matches {storage}; list them with `alienctl listSEs`"
                raise refused or ServiceError("access", _NO_WRITE_PFNS, reason) from error
            tickets = []
        granted, requested = len({ticket.se for ticket in tickets}), storage_spec.replica_count(storage)
        if narrowed != storage and granted < requested:
            pause = max(_UNAVAILABLE_RETRY, self._attempt.tools.limiter.seconds_until_available(unavailable))
            raise CopyError(
                f"only {granted} of {requested} replicas can be written while {', '.join(sorted(unavailable))} is not "
                "responding",
                "resting",
                pause,
            )
        return tickets

    async def _copy(self, tickets: Sequence[Ticket]) -> list[tuple[Ticket, ReplicaOutcome]]:
        ses = {ticket.se for ticket in tickets} | self._source.ses
        self._attempt.tools.limiter.note_servers(tickets)
        self._attempt.progress.enter_stage(Stage.SLOT, ses)
        async with self._attempt.acquire(ses):
            self._attempt.progress.enter_stage(Stage.COPY)
            result = await self._source.copy_to(self._attempt, replica_urls(tickets))
        return self.record_copy(tickets, result)

    def record_copy(self, tickets: Sequence[Ticket], result: Uploaded) -> list[tuple[Ticket, ReplicaOutcome]]:
        """Record the result of a copy; return the outcome for each ticket. Raises CopyError for another content."""
        limiter = self._attempt.tools.limiter
        for outcome in result.replicas:
            if not outcome.error:
                limiter.record_success(outcome.se)
            elif outcome.kind == "transient":
                limiter.record_failure(outcome.se, outcome.error)
        # if no target was reachable, the file was not read
        if self._md5 and result.md5 not in (self._md5, ""):
            raise CopyError(f"{self._source.name} differs from the registered file {self._lfn}", kind="permanent")
        self._md5 = self._md5 or result.md5
        self._attempt.progress.record_bytes(result.size)
        return list(zip(tickets, result.replicas, strict=True))

    async def _commit(self, ticket: Ticket) -> None:
        """Register one replica. After a lost reply or a refusal the catalogue is looked up.

        A replica that the catalogue does not show is committed again: a booking is registered at most once, and it is
        kept until then.
        """
        for number in range(_COMMIT_ATTEMPTS):
            if number:
                await asyncio.sleep(_CHECK_INTERVAL)
            try:
                await self._commit_once(ticket)
                break
            except (OutcomeUnknown, ServiceError) as error:
                if isinstance(error, ServiceError) and error.code != _NOTHING_REGISTERED:
                    raise
                if await self._is_registered(ticket, is_over=isinstance(error, ServiceError)):
                    break
                reason, number_of_error = f"not registered: {error}", error.exit_code
        else:
            self._rejected.add(ticket.se)
            outcome = ReplicaOutcome(ticket.se, ticket.url, reason, "transient", error_number=number_of_error)
            self._record_failure(outcome)
            return
        self._record_registered(ticket)

    async def _commit_once(self, ticket: Ticket) -> None:
        if error := self._unresolved.pop(ticket.se, None):
            raise error
        await self._catalogue.commit(ticket, self._source.size, self._lfn, self._md5)

    def _record_registered(self, ticket: Ticket) -> None:
        self._registered.add(ticket.se)
        self._attempt.progress.record_replica(ticket.se)

    def _record_failure(self, outcome: ReplicaOutcome) -> None:
        self._failed[outcome.se] = outcome
        self._attempt.progress.record_replica(outcome.se, outcome.error, outcome.error_number)

    async def _is_registered(self, ticket: Ticket, *, is_over: bool) -> bool:
        """Return whether the catalogue shows this replica under our name and GUID; `is_over`: no commit is pending."""
        for check in range(_VISIBILITY_CHECKS):
            if check:
                await asyncio.sleep(_CHECK_INTERVAL)
            entry = await self._attempt.tools.stats.stat(self._lfn)
            if entry is None and not is_over:
                continue
            if entry is None or entry.guid != ticket.guid:
                return False
            if ticket.se in await storage_elements_of(self._catalogue, self._lfn):
                return True
        return False

    async def _verify(self, before: Entry | None) -> str:
        """Check that the name has our GUID, with every committed replica; return the GUID.

        An acknowledged commit has added its replica to the GUID (wire specification, section 4.5), and one whose reply
        was lost was looked up: the replicas are checked only if some existed `before`.
        """
        self._attempt.progress.enter_stage(Stage.VERIFY)
        if before is None:
            entry = await self._attempt.tools.stats.stat_batched(self._lfn)
            return self._own_guid(entry.guid if entry else "")
        tickets = await read_tickets(self._catalogue, self._lfn)
        if self._registered <= {ticket.se for ticket in tickets}:
            return self._own_guid(tickets[0].guid)
        # A replica that cannot be read now has no ticket.
        entry = await self._attempt.tools.stats.stat(self._lfn)
        guid = self._own_guid(entry.guid if entry else "")
        for check in range(_VISIBILITY_CHECKS):
            if check:
                await asyncio.sleep(_CHECK_INTERVAL)
            shown = {replica.se for replica in await list_replicas(self._catalogue, self._lfn)}
            if self._registered <= shown:
                return guid
        missing = ", ".join(sorted(self._registered - shown))
        raise CopyError(f"the catalogue does not show the replicas of {self._lfn} on {missing}", kind="transient")

    def _own_guid(self, guid: str) -> str:
        """Return the GUID that the catalogue shows. Raises CopyError if it is not ours."""
        if guid in self._guids:
            return guid
        raise CopyError(
            f"another user registered {self._lfn} meanwhile (the catalogue shows "
            f"{f'GUID {guid}' if guid else 'nothing'}); their file was not touched",
            kind="permanent",
        )

    def _incomplete(self) -> CopyError:
        is_refused = bool(self._rejected - self._registered)
        return registration_errors.incomplete(self._registered, self._goal, self._failed, is_refused=is_refused)

    def _warning(self, storage: str) -> str:
        wanted = storage_spec.replica_count(storage)
        if self._goal >= wanted:
            return ""
        return f"the central service granted {self._goal} of the {wanted} requested replicas ({storage})"
