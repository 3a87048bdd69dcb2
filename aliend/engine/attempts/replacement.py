"""Replaces a file in the catalogue with the steps of `core.transfers.replacement`, or undoes a replacement."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import assert_never

from aliend.core.catalogue.entries import Entry
from aliend.core.transfers.replacement import MISSING, NO_GUID, NamesState, Replacing, Step, next_step
from aliend.core.transfers.transfer import (
    Cancelled,
    Intent,
    NoIntent,
    PartialKept,
    ReplicasBooked,
    Transfer,
)
from aliend.engine.kept_replicas import list_replicas
from aliend.engine.ports import CataloguePort
from aliend.errors import CopyError, OutcomeUnknown, ServiceError

log = logging.getLogger(__name__)

_MAX_STEPS = 12
_REPLICA_CACHE = 16.0
"""Seconds for which the central service repeats its list of replicas, and one more."""


async def replace_file(catalogue: CataloguePort, lfn: str, plan: Replacing) -> None:
    """Rename the new file to `lfn` and remove the old one. Raises CopyError if another user changed the names."""
    for _ in range(_MAX_STEPS):
        next_action = next_step(plan, await _current_names(catalogue, lfn, plan))
        if next_action == "finished":
            return
        log.info("%s: replacing: %s", lfn, next_action)
        try:
            await _perform(catalogue, lfn, plan, next_action)
        except (OutcomeUnknown, ServiceError) as error:
            log.warning("%s: replacing: %s: %s", lfn, next_action, error)
        if next_action in {"withdraw", "restore"}:
            raise CopyError(
                f"another user changed {lfn} while it was being replaced; their file was not touched",
                kind="permanent",
            )
    raise CopyError(f"{lfn} is not replaced yet: the central service did not rename the new file")


def needs_undo(transfer: Transfer) -> bool:
    """Return whether a transfer that was given up may have changed the catalogue in a way that must be undone.

    A failed upload keeps the replicas that it has registered: a retry adds the others. A cancelled one does not.
    """
    if isinstance(transfer.state, Cancelled) and isinstance(transfer.intent, ReplicasBooked):
        return not transfer.intent.existed or _has_temporary_names(transfer)
    return _has_temporary_names(transfer)


def _has_temporary_names(transfer: Transfer) -> bool:
    """Return whether the transfer may have entries in the catalogue under names other than its target."""
    match transfer.intent:
        case NoIntent() | PartialKept():
            return False
        case ReplicasBooked(lfn=lfn):
            return lfn != transfer.target
        case Replacing():
            return True
        case _:
            assert_never(transfer.intent)


async def undo(catalogue: CataloguePort, lfn: str, intent: Intent, is_given_up: Callable[[], Awaitable[bool]]) -> None:
    """Clean up after a transfer that was given up: complete the replacement, or remove a temporary or incomplete file.

    `is_given_up` returns whether the transfer has not been started again meanwhile.
    """
    match intent:
        case NoIntent() | PartialKept():
            return
        case Replacing():
            await replace_file(catalogue, lfn, intent)
        case ReplicasBooked():
            entries, _ = await catalogue.stat([intent.lfn])
            if not entries or entries[0].guid not in intent.guids:
                return
            if intent.lfn != lfn or (await _is_incomplete(catalogue, intent) and await is_given_up()):
                await catalogue.remove(intent.lfn)
        case _:
            assert_never(intent)


async def _is_incomplete(catalogue: CataloguePort, intent: ReplicasBooked) -> bool:
    """Return whether fewer replicas are registered than were granted; older answers may lack the newest ones."""
    for check in range(2):
        if check:
            await asyncio.sleep(_REPLICA_CACHE)
        if len(await list_replicas(catalogue, intent.lfn)) >= intent.goal:
            return False
    return True


def identity_of(entry: Entry | None) -> str:
    """Return what identifies the file under a name."""
    return MISSING if entry is None else entry.guid or NO_GUID


async def _current_names(catalogue: CataloguePort, lfn: str, plan: Replacing) -> NamesState:
    entries, _ = await catalogue.stat([lfn, plan.temporary, plan.old])
    identities = {entry.lfn: identity_of(entry) for entry in entries}
    return NamesState(
        identities.get(lfn, MISSING), identities.get(plan.temporary, MISSING), identities.get(plan.old, MISSING)
    )


async def _perform(catalogue: CataloguePort, lfn: str, plan: Replacing, step: Step) -> None:
    match step:
        case "set aside":
            await catalogue.move(lfn, plan.old)
        case "put in place":
            await catalogue.move(plan.temporary, lfn)
        case "remove old":
            await (_keep_old(catalogue, plan) if plan.backup else catalogue.remove(plan.old))
        case "restore":
            await catalogue.move(plan.old, lfn)
        case "withdraw":
            entries, _ = await catalogue.stat([plan.temporary])
            if entries and entries[0].guid == plan.guid:
                await catalogue.remove(plan.temporary)
        case "finished":
            return
        case _:
            assert_never(step)


async def _keep_old(catalogue: CataloguePort, plan: Replacing) -> None:
    """Rename the old file to the backup name, replacing an older backup."""
    entries, _ = await catalogue.stat([plan.backup])
    if entries:
        await catalogue.remove(plan.backup)
    await catalogue.move(plan.old, plan.backup)
