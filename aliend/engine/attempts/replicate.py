"""One attempt at replicating a file: aliend makes the replicas itself, or asks the service and polls it.

The wanted number of replicas is stored before any request, so that a second attempt asks only for the missing ones.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Sequence

from aliend.core.catalogue import storage_spec
from aliend.core.catalogue.entries import Entry, Ticket
from aliend.core.catalogue.replica_url import member_of
from aliend.core.grid.mirror_replies import QueuedMirror
from aliend.core.transfers.attempt_record import Stage
from aliend.core.transfers.transfer import ReplicasBooked, Succeeded
from aliend.engine.attempts.attempt import Attempt
from aliend.engine.attempts.copy_sources import GridSource
from aliend.engine.attempts.replica_registration import ReplicaRegistration
from aliend.engine.kept_replicas import read_tickets, storage_elements_of
from aliend.errors import CopyError

POLL_INTERVAL = 5.0
"""Seconds between two checks of a copy that the service makes."""
MIRROR_TIMEOUT = 900.0
"""Seconds after which such a copy is no longer polled."""


async def replicate(attempt: Attempt) -> Succeeded:
    """Create the missing replicas on the requested storage elements. Raises AliendError."""
    lfn = attempt.transfer.source
    tickets = await read_tickets(attempt.tools.catalogue, lfn)
    entry = await _entry(attempt, tickets)
    existing = {ticket.se for ticket in tickets} or await storage_elements_of(attempt.tools.catalogue, lfn)
    plan = await _plan(attempt, entry, existing)
    if plan is None or len(existing) >= plan.goal:
        return Succeeded(entry.size, entry.md5, "all requested replicas exist already")
    if attempt.spec.purpose == "mirror":
        return await _mirror(attempt, entry, plan, existing)
    source = GridSource.of_tickets(lfn, tickets)
    if source.is_member:
        raise CopyError(f"{lfn} is a member of an archive; replicate the archive instead", kind="permanent")
    registered = await ReplicaRegistration(attempt, source, lfn, plan).run(entry, existing)
    await asyncio.to_thread(attempt.tools.spool.clear, attempt.transfer.id)
    return Succeeded(entry.size, registered.md5)


async def _entry(attempt: Attempt, tickets: Sequence[Ticket]) -> Entry:
    """Return the file; its tickets say what the catalogue knows, unless it is a member of an archive."""
    lfn = attempt.transfer.source
    if tickets and not member_of(tickets[0].url):
        first = tickets[0]
        return Entry(lfn, "file", first.size, md5=first.md5, guid=first.guid)
    entry = await attempt.tools.stats.stat(lfn)
    if entry is None:
        raise CopyError(f"{lfn} does not exist in the catalogue", kind="permanent").with_errno(errno.ENOENT)
    if entry.type != "file" or not entry.size or not entry.guid:
        raise CopyError(f"{lfn} has no content to replicate", kind="permanent")
    return entry


async def _plan(attempt: Attempt, entry: Entry, existing: set[str]) -> ReplicasBooked | None:
    """Return the intent with the wanted number of replicas; None: all requested ones exist."""
    before = attempt.transfer.intent
    if isinstance(before, ReplicasBooked):
        if entry.guid not in before.guids:
            raise CopyError(f"{entry.lfn} is a different file now; it was not changed", kind="permanent")
        return before
    storage = attempt.spec.storage
    more = storage_spec.spec_for_missing(storage, storage_spec.replica_count(storage), existing)
    if not more:
        return None
    plan = ReplicasBooked(entry.lfn, (entry.guid,), len(existing) + storage_spec.replica_count(more))
    await attempt.save_intent(plan)
    return plan


async def _mirror(attempt: Attempt, entry: Entry, plan: ReplicasBooked, existing: set[str]) -> Succeeded:
    """Request the copies and poll them for up to MIRROR_TIMEOUT; the service finishes slower ones alone."""
    more = storage_spec.spec_for_missing(attempt.spec.storage, plan.goal - len(existing), existing)
    attempt.progress.enter_stage(Stage.TICKET)
    queued, text = await attempt.tools.catalogue.mirror(entry.lfn, more)
    if not queued:
        raise CopyError(f"the central service refused to mirror {entry.lfn}: {text or 'no reason given'}", "permanent")
    attempt.progress.enter_stage(Stage.COPY, {mirror.se for mirror in queued})
    try:
        async with asyncio.timeout(MIRROR_TIMEOUT):
            for mirror in queued:
                await _wait_for_mirror(attempt, mirror)
    except TimeoutError:
        return Succeeded(entry.size, entry.md5, f"the central service is still copying: {_described(queued)}")
    missing = plan.goal - len(existing) - len(queued)
    warning = f"{missing} fewer than requested; " if missing > 0 else ""
    return Succeeded(entry.size, entry.md5, f"{warning}made by the central service: {_described(queued)}")


async def _wait_for_mirror(attempt: Attempt, mirror: QueuedMirror) -> None:
    """Wait until a copy has succeeded. Raises CopyError if it failed, TimeoutError if its state is unknown."""
    while True:
        match await attempt.tools.catalogue.mirror_state(mirror.number):
            case "done":
                attempt.progress.record_replica(mirror.se)
                return
            case "unknown":
                raise TimeoutError
            case "failed":
                raise CopyError(
                    f"{mirror.se}: transfer {mirror.number} of the central service failed (see `alienctl listTransfer "
                    f"-id {mirror.number}`); a retry requests it again",
                    kind="permanent",
                )
        await asyncio.sleep(POLL_INTERVAL)


def _described(queued: Sequence[QueuedMirror]) -> str:
    return ", ".join(f"transfer {mirror.number} to {mirror.se}" for mirror in queued)
