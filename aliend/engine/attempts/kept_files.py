"""A target that exists with the content of the source: it is kept if it has the replicas that were requested.

The replicas are looked up only for an explicit storage request, and for a name that an earlier transfer left
incomplete: the central service answers for one name at a time. Missing replicas are added.
"""

from __future__ import annotations

from aliend.core.catalogue.entries import Entry, Ticket
from aliend.core.catalogue.storage_spec import incomplete_text
from aliend.core.transfers.error_mapping import error_kind, error_number
from aliend.core.transfers.overwrite import ALREADY_THERE
from aliend.core.transfers.transfer import ReplicasBooked, Succeeded
from aliend.engine.attempts.attempt import Attempt
from aliend.engine.attempts.copy_sources import CopySource
from aliend.engine.attempts.replica_registration import ReplicaRegistration
from aliend.engine.kept_replicas import KeptReplicas, kept_replicas
from aliend.errors import AliendError, CopyError


async def keep(attempt: Attempt, source: CopySource, entry: Entry) -> Succeeded | None:
    """Keep the target, with the requested replicas; None: it has lost all replicas and cannot be kept.

    Raises CopyError if replicas are missing and cannot be added.
    """
    kept = Succeeded(source.size, entry.md5, ALREADY_THERE)
    lfn = attempt.transfer.target
    goals = {} if attempt.spec.storage else await attempt.tools.store.incomplete.goals([lfn])
    if not attempt.spec.storage and lfn not in goals:
        return kept
    found = await kept_replicas(attempt.tools.catalogue, attempt.spec, lfn, source.size, goals.get(lfn, 0))
    if not found.registered:
        return None
    if found.missing:
        kept = await _complete(attempt, source, entry, found)
    await attempt.tools.store.incomplete.forget(lfn)
    return kept


def _earlier_tickets(attempt: Attempt) -> tuple[Ticket, ...]:
    """Return the tickets of an earlier attempt to complete the file."""
    intent = attempt.transfer.intent
    return intent.tickets if isinstance(intent, ReplicasBooked) and intent.existed else ()


async def _complete(attempt: Attempt, source: CopySource, entry: Entry, found: KeptReplicas) -> Succeeded:
    """Add the missing replicas."""
    booked = ReplicasBooked(entry.lfn, (entry.guid,), found.wanted, _earlier_tickets(attempt), existed=True)
    registration = ReplicaRegistration(attempt, source, entry.lfn, booked)
    try:
        done = await registration.complete(entry, found.registered, found.storage)
    except AliendError as error:
        kind = error_kind(error)
        if attempt.spec.retries == 0 and kind in ("transient", "storage", "resting"):
            kind = "permanent"
        pause = error.retry_after if isinstance(error, CopyError) else 0.0
        text = incomplete_text(registration.registered, found.wanted)
        raise CopyError(f"{text}: {error}", kind, pause).with_errno(error_number(error)) from error
    return Succeeded(source.size, done.md5, done.warning)
