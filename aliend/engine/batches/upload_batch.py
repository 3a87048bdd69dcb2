"""A batch of uploads of new files: books all replicas, sends all files, registers all replicas, verifies all names.

The bookings of all files are saved in one durable transaction before the first byte is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from aliend.core.catalogue.entries import Ticket
from aliend.core.transfers.attempt_record import Stage
from aliend.core.transfers.scheduler import SMALL_FILE
from aliend.core.transfers.transfer import Event, IntentSaved, NoIntent, Succeeded
from aliend.engine.attempts.attempt import Attempt
from aliend.engine.attempts.copy_sources import LocalSource
from aliend.engine.attempts.replica_registration import RegisteredFile, ReplicaRegistration
from aliend.engine.attempts.upload import apply_overwrite_policy, local_source, stat_target
from aliend.engine.batches.batch import Batch, BatchCopy, Member
from aliend.errors import CopyError
from aliend.storage.tasks import ReplicaOutcome, Uploaded, replica_urls
from aliend.store import TransferChange


class _Upload:
    """The upload of one new file."""

    def __init__(self, member: Member, source: LocalSource) -> None:
        self.member = member
        self.source = source
        self.registration = ReplicaRegistration(member.attempt, source, member.attempt.transfer.target, None)
        self.tickets: Sequence[Ticket] = ()
        self.outcomes: Sequence[tuple[Ticket, ReplicaOutcome]] = ()
        self.is_registered = False

    def copy(self) -> BatchCopy:
        """Return the copy, and what to do when it leaves the batch."""
        task = self.source.upload_task(self.member.attempt, replica_urls(self.tickets))
        return BatchCopy(self.member, task, self.ses, self._send_alone, self._go_on)

    @property
    def ses(self) -> frozenset[str]:
        """Return the storage elements of the booked replicas."""
        return frozenset(ticket.se for ticket in self.tickets)

    async def _send_alone(self, _: Attempt) -> Event:
        return self._succeeded(await self.registration.send_alone(self.tickets))

    async def _go_on(self, result: Uploaded) -> Event:
        self.outcomes = self.registration.record_copy(self.tickets, result)
        return await self.register_alone(self.member.attempt)

    async def register(self) -> None:
        """Register all replicas, unless a commit is refused or not answered."""
        self.is_registered = await self.registration.register_at_once(self.tickets)

    async def register_alone(self, _: Attempt) -> Event:
        """Register what was written, and add the rest."""
        await self.registration.register(self.tickets, self.outcomes)
        return await self.finish()

    async def finish(self, _: Attempt | None = None) -> Event:
        """Verify the registered file."""
        return self._succeeded(await self.registration.finish(None))

    def _succeeded(self, registered: RegisteredFile) -> Succeeded:
        return Succeeded(self.source.size, registered.md5, registered.warning)


async def upload_batch(batch: Batch) -> None:
    """Upload the files; every member ends or leaves the batch. Raises StoreError."""
    uploads = await _look_up(batch)
    await _book(batch, uploads)
    started = [upload for upload in uploads if upload.member in batch.remaining]
    await batch.save(
        [
            TransferChange(
                upload.member.attempt.transfer.id, IntentSaved(upload.registration.intent_of(upload.tickets))
            )
            for upload in started
        ]
    )
    await _send(batch, started)
    await _register(batch, [upload for upload in started if upload.member in batch.remaining])
    await _verify(batch, [upload for upload in started if upload.member in batch.remaining])


async def _look_up(batch: Batch) -> list[_Upload]:
    """Return the files that can be sent under names that do not exist; the others leave the batch or fail."""
    members = batch.remaining
    sources = await asyncio.to_thread(_sources, [member.attempt.transfer.source for member in members])
    uploads = []
    for member, source in zip(members, sources, strict=True):
        if isinstance(source, CopyError):
            batch.fail(member, source)
        elif not 0 < source.size < SMALL_FILE or not isinstance(member.attempt.transfer.intent, NoIntent):
            batch.leave(member)
        else:
            uploads.append(_Upload(member, source))
    return await _new_names(batch, uploads)


def _sources(paths: Sequence[str]) -> list[LocalSource | CopyError]:
    found: list[LocalSource | CopyError] = []
    for path in paths:
        try:
            found.append(local_source(path))
        except CopyError as error:
            found.append(error)
    return found


async def _new_names(batch: Batch, uploads: Sequence[_Upload]) -> list[_Upload]:
    """Return the uploads whose names do not exist."""
    by_member, new = {upload.member: upload for upload in uploads}, []

    async def look_up(member: Member) -> None:
        entry = await stat_target(member.attempt)
        if entry is None:
            new.append(by_member[member])
        else:
            batch.leave(member, partial(apply_overwrite_policy, source=by_member[member].source, entry=entry))

    await batch.request_each(by_member, look_up)
    return new


async def _book(batch: Batch, uploads: Sequence[_Upload]) -> None:
    """Request the tickets of all files."""
    by_member = {upload.member: upload for upload in uploads}

    async def book(member: Member) -> None:
        upload = by_member[member]
        upload.tickets = await upload.registration.book()
        if not upload.tickets:  # `finish` reports why
            batch.leave(member, upload.finish)

    await batch.request_each(by_member, book)


async def _send(batch: Batch, uploads: Sequence[_Upload]) -> None:
    """Send the files; those whose storage has become unavailable leave the batch."""
    unavailable = batch.limiter.unavailable_until()
    copies = {}
    for upload in uploads:
        copy = upload.copy()
        if upload.ses & unavailable.keys():
            batch.leave(upload.member, copy.redo)
        else:
            copies[copy.member] = upload, copy
    for copy, result in await batch.copy([copy for _, copy in copies.values()], Stage.COMMIT):
        upload = copies[copy.member][0]
        try:
            upload.outcomes = upload.registration.record_copy(upload.tickets, result)
        except CopyError as error:
            batch.fail(upload.member, error)
            continue
        if any(outcome.error for _, outcome in upload.outcomes):
            batch.leave(upload.member, upload.register_alone)


async def _register(batch: Batch, uploads: Sequence[_Upload]) -> None:
    """Register all replicas; a file whose registration is refused or not answered leaves the batch."""
    by_member = {upload.member: upload for upload in uploads}

    async def register(member: Member) -> None:
        await member.attempt.finish(by_member[member].register())
        if not by_member[member].is_registered:
            batch.leave(member, by_member[member].register_alone)

    await batch.request_each(by_member, register)


async def _verify(batch: Batch, uploads: Sequence[_Upload]) -> None:
    """Verify all names: many with one request."""
    for upload in uploads:
        upload.member.running.progress.enter_stage(Stage.VERIFY)
    results = await asyncio.gather(*(upload.finish() for upload in uploads), return_exceptions=True)
    for upload, result in zip(uploads, results, strict=True):
        if isinstance(result, Exception):
            batch.fail(upload.member, result)
        elif not isinstance(result, BaseException):
            upload.member.event = result
