"""A batch of downloads: requests all tickets over one connection, copies the files with one message to a worker."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from aliend.core.catalogue.entries import Ticket
from aliend.core.catalogue.replica_url import member_of
from aliend.core.transfers.attempt_record import Stage
from aliend.core.transfers.transfer import Event
from aliend.engine.attempts.attempt import Attempt
from aliend.engine.attempts.download import by_availability, download_task, fetch, require_contained, succeeded
from aliend.engine.batches.batch import Batch, BatchCopy, Member
from aliend.errors import CopyError
from aliend.storage.tasks import Downloaded


async def download_batch(batch: Batch) -> None:
    """Download the files; every member ends or leaves the batch. Raises StoreError."""
    await _record_directories(batch)
    await _leave_existing(batch)
    tickets = await _request_tickets(batch)
    unavailable = batch.limiter.unavailable_until()
    copies = []
    for member in batch.remaining:
        own = by_availability(member.attempt, tickets[member])
        if not own:
            batch.leave(member, partial(_fetch, own))
        elif own[0].se in unavailable:
            batch.wait_alone(member, frozenset({own[0].se}), partial(_fetch, own))
        else:
            copies.append(_copy_of(member, own))
    for copy, result in await batch.copy(copies, Stage.DONE):
        copy.member.event = succeeded(copy.member.attempt, result)


async def _leave_existing(batch: Batch) -> None:
    """Let files whose target exists leave the batch: a file with the same content needs no ticket."""
    members = batch.remaining
    targets = [Path(member.attempt.transfer.target) for member in members]
    exist = await asyncio.to_thread(lambda: [os.path.lexists(target) for target in targets])
    for member, exists in zip(members, exist, strict=True):
        if exists:
            batch.leave(member)


async def _record_directories(batch: Batch) -> None:
    """Record the directories that the copies will create."""
    members = batch.remaining
    found = await asyncio.to_thread(_missing_directories, [member.attempt for member in members])
    missing: set[str] = set()
    for member, result in zip(members, found, strict=True):
        if isinstance(result, CopyError):
            batch.fail(member, result)
        else:
            missing |= result
    if missing and members:
        await members[0].attempt.record_created_directories(sorted(missing))


def _missing_directories(attempts: Sequence[Attempt]) -> list[set[str] | CopyError]:
    """Return for each file the directories that its copy will create, or why it cannot be copied."""
    by_parent: dict[Path, set[str]] = {}
    found: list[set[str] | CopyError] = []
    for attempt in attempts:
        try:
            require_contained(attempt.transfer, attempt.spec)
        except CopyError as error:
            found.append(error)
            continue
        parent = Path(attempt.transfer.target).parent
        if parent not in by_parent:
            by_parent[parent] = _missing_above(parent)
        found.append(by_parent[parent])
    return found


def _missing_above(parent: Path) -> set[str]:
    try:
        return {str(one) for one in (parent, *parent.parents) if not one.exists()}
    except OSError:  # the copy itself will report it
        return set()


async def _request_tickets(batch: Batch) -> dict[Member, list[Ticket]]:
    """Request the tickets of all files; members of archives leave the batch."""
    tickets: dict[Member, list[Ticket]] = {}
    for member in batch.remaining:
        member.running.progress.enter_stage(Stage.TICKET)

    async def request(member: Member) -> None:
        transfer, spec, tools = member.attempt.transfer, member.attempt.spec, member.attempt.tools
        own = await tools.tickets.tickets_in_batch(transfer, spec, tools.workers)
        if own is None:
            batch.leave(member)
        elif own and member_of(own[0].url):
            batch.leave(member, partial(_fetch, own))
        else:
            tickets[member] = own

    await batch.request_each(batch.remaining, request)
    return tickets


def _copy_of(member: Member, tickets: Sequence[Ticket]) -> BatchCopy:
    async def finish(result: Downloaded) -> Event:
        return succeeded(member.attempt, result)

    task = download_task(member.attempt, tickets)
    return BatchCopy(member, task, frozenset({tickets[0].se}), partial(_fetch, tickets), finish)


async def _fetch(tickets: Sequence[Ticket], attempt: Attempt) -> Event:
    return await fetch(attempt, tickets)
