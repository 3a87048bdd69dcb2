"""One attempt at more replicas of a file: made by us, or by the service, which is told to and watched.

How many there shall be is stored before anything is asked for, so that a second attempt asks for what is missing only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aliend.core.catalogue import storage_spec
from aliend.core.catalogue.entries import Entry
from aliend.core.grid.mirror_replies import QueuedMirror
from aliend.core.transfers.attempt_record import Stage
from aliend.core.transfers.transfer import Booked, Succeeded
from aliend.engine.attempts.attempt import Attempt
from aliend.engine.attempts.copy_sources import GridOrigin
from aliend.engine.attempts.replica_registration import Replicas, replicas_of
from aliend.errors import CopyError

LOOK_PAUSE = 5.0
"""Seconds between two looks at a copy that the service makes."""
PATIENCE = 900.0
"""Seconds after which such a copy is left to itself."""


async def replicate(attempt: Attempt) -> Succeeded:
    """Bring the file to the storage elements that are wished for. Raises AliendError."""
    entry = await _entry(attempt)
    have = {replica.se for replica in await replicas_of(attempt.catalogue, entry.lfn)}
    plan = await _plan(attempt, entry, have)
    if plan is None or len(have) >= plan.goal:
        return Succeeded(entry.size, entry.md5, "it was there already")
    if attempt.spec.purpose == "mirror":
        return await _mirror(attempt, entry, plan, have)
    origin = await GridOrigin.look_up(attempt, entry.lfn)
    if origin.is_member:
        raise CopyError(f"{entry.lfn} is in an archive, which is what can be replicated", kind="permanent")
    done = await Replicas(attempt, origin, entry.lfn, plan).complete(entry)
    await asyncio.to_thread(attempt.spool.clear, attempt.transfer.id)
    return Succeeded(entry.size, done.md5)


async def _entry(attempt: Attempt) -> Entry:
    lfn = attempt.transfer.source
    entry = await attempt.looks.entry_of(lfn)
    if entry is None:
        raise CopyError(f"{lfn} does not exist in the catalogue", kind="permanent")
    if entry.type != "file" or not entry.size or not entry.guid:
        raise CopyError(f"{lfn} has no content that could be replicated", kind="permanent")
    return entry


async def _plan(attempt: Attempt, entry: Entry, have: set[str]) -> Booked | None:
    """How many replicas there shall be in the end; None: all that were named are there."""
    before = attempt.transfer.intent
    if isinstance(before, Booked):
        if entry.guid not in before.guids:
            raise CopyError(f"{entry.lfn} is another file now; it was left alone", kind="permanent")
        return before
    storage = attempt.spec.storage
    more = storage_spec.spec_for_missing(storage, storage_spec.replica_count(storage), have)
    if not more:
        return None
    plan = Booked(entry.lfn, (entry.guid,), len(have) + storage_spec.replica_count(more))
    await attempt.note(plan)
    return plan


async def _mirror(attempt: Attempt, entry: Entry, plan: Booked, have: set[str]) -> Succeeded:
    """Have the service do it; what it has not done after a quarter of an hour it goes on with by itself."""
    more = storage_spec.spec_for_missing(attempt.spec.storage, plan.goal - len(have), have)
    attempt.trail.enter(Stage.TICKET)
    queued, text = await attempt.catalogue.mirror(entry.lfn, more)
    if not queued:
        raise CopyError(f"the central service mirrors nothing: {text or 'it says no more'}", kind="permanent")
    attempt.trail.enter(Stage.COPY, {one.se for one in queued})
    try:
        async with asyncio.timeout(PATIENCE):
            for one in queued:
                await _follow(attempt, one)
    except TimeoutError:
        return Succeeded(entry.size, entry.md5, f"the central service goes on with it by itself: {_told(queued)}")
    short = plan.goal - len(have) - len(queued)
    warning = f"the central service makes {short} fewer than asked for; " if short > 0 else ""
    return Succeeded(entry.size, entry.md5, f"{warning}made by the central service: {_told(queued)}")


async def _follow(attempt: Attempt, one: QueuedMirror) -> None:
    """Return when it has succeeded. Raises CopyError where it failed, TimeoutError where nothing can be learned."""
    while True:
        match await attempt.catalogue.mirror_state(one.number):
            case "done":
                attempt.trail.tell(one.se)
                return
            case "unknown":
                raise TimeoutError
            case "failed":
                raise CopyError(
                    f"{one.se}: the central service's transfer {one.number} failed (see: alienctl listTransfer -id "
                    f"{one.number}); a retry asks for it again",
                    kind="permanent",
                )
        await asyncio.sleep(LOOK_PAUSE)


def _told(queued: Sequence[QueuedMirror]) -> str:
    return ", ".join(f"transfer {one.number} to {one.se}" for one in queued)
