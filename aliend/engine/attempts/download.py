"""One attempt at a download: a ticket just before the copy, then the copy itself, which verifies what it wrote."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from aliend.core.catalogue.entries import EMPTY_MD5, Ticket
from aliend.core.catalogue.local_paths import local_path
from aliend.core.copying.target_paths import root_of
from aliend.core.transfers.attempt_record import Stage
from aliend.core.transfers.transfer import Succeeded
from aliend.engine.attempts.attempt import Attempt, tuning_of
from aliend.errors import CopyError
from aliend.storage.tasks import Download, Downloaded, replica_urls


async def download(attempt: Attempt) -> Succeeded:
    """Bring the file here. Raises AliendError."""
    transfer, spec = attempt.transfer, attempt.spec
    archives = attempt.archives
    root = root_of(transfer.target, spec.targets or (spec.target,))
    if missing := await asyncio.to_thread(_look_at, root, transfer.target):
        await attempt.made(missing)
    if not transfer.size and await _is_empty(attempt):
        return await _make_empty(attempt)
    attempt.trail.enter(Stage.TICKET)
    tickets, shared = await archives.tickets_for(transfer, spec, attempt.workers, attempt.neighbours)
    try:
        return await _fetch(attempt, tickets)
    except CopyError as error:
        if not shared or error.kind != "permanent":
            raise
    return await _fetch(attempt, await archives.own_tickets(transfer, spec))


async def _is_empty(attempt: Attempt) -> bool:
    """Whether the source is an entry without content, which nobody gives tickets for."""
    entry = await attempt.looks.entry_of(attempt.transfer.source)
    return entry is not None and not entry.is_directory and not entry.size


async def _make_empty(attempt: Attempt) -> Succeeded:
    """An empty local file, with the same care for what is there as for any other."""
    transfer, spec = attempt.transfer, attempt.spec
    task = Download(
        id=transfer.id,
        sources=(),
        target=transfer.target,
        size=0,
        md5=EMPTY_MD5,
        overwrite=spec.overwrite,
        umask=spec.umask,
        lfn=transfer.source,
        keep_free=attempt.keep_free,
    )
    attempt.trail.enter(Stage.COPY)
    await _copied(attempt, task)
    return Succeeded(0, EMPTY_MD5, "the entry has no content")


async def _fetch(attempt: Attempt, tickets: Sequence[Ticket]) -> Succeeded:
    """Copy with these tickets."""
    transfer, spec = attempt.transfer, attempt.spec
    if not tickets:
        how = "can be read over HTTP: leave out -http" if spec.http else "may be read"
        raise CopyError(f"{transfer.source} has no replica that {how}", kind="permanent")
    resting = attempt.gate.resting()
    tickets = sorted(tickets, key=lambda ticket: ticket.se in resting)
    task = Download(
        id=transfer.id,
        sources=replica_urls(tickets),
        target=transfer.target,
        size=tickets[0].size,
        md5=tickets[0].md5,
        overwrite=spec.overwrite,
        umask=spec.umask,
        lfn=transfer.source,
        guid=tickets[0].guid,
        keep_free=attempt.keep_free,
        whole_archive=spec.whole_archives,
        verify=spec.verify,
        ca=spec.context.ca,
        tuning=tuning_of(spec),
    )
    attempt.trail.enter(Stage.SLOT, {tickets[0].se})
    async with attempt.gate.held(transfer.id, {tickets[0].se}):
        attempt.trail.enter(Stage.COPY)
        result = await _copied(attempt, task)
    return Succeeded(result.size, result.md5, result.warning)


async def _copied(attempt: Attempt, task: Download) -> Downloaded:
    """Run the copy, and remember what became of the replicas."""
    try:
        result = await attempt.copy(task)
    except CopyError as error:
        for se, reason in error.replicas:
            attempt.trail.tell(se, reason)
        raise
    for se, reason in result.failures:
        attempt.trail.tell(se, reason)
    attempt.trail.hear(0 if result.kept else result.size)
    attempt.trail.tell(result.se)
    if result.se:
        attempt.gate.worked(result.se)
    return result


def _look_at(root: str, target: str) -> list[str]:
    """The directories that the copy will make. CopyError where the target is not below the root (any more)."""
    _check_contained(root, target)
    try:
        return [str(parent) for parent in Path(target).parents if not parent.exists()]
    except OSError:  # the copy itself will tell
        return []


def _check_contained(root: str, target: str) -> None:
    """Look again, just before the copy: a link may have appeared below the root since the job was expanded."""
    relative = target.removeprefix(root.rstrip("/") + "/")
    if relative != target:
        local_path(root, relative, lambda path: Path(path).is_symlink())
