"""One attempt at a download: requests a ticket and copies the file; the worker verifies what it wrote."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from aliend.core.catalogue.entries import EMPTY_MD5, Ticket
from aliend.core.catalogue.file_system import directory_above
from aliend.core.catalogue.replica_url import is_http
from aliend.core.copying.target_paths import NO_HTTP
from aliend.core.transfers.attempt_record import Stage
from aliend.core.transfers.job import JobSpec
from aliend.core.transfers.overwrite import compares_content
from aliend.core.transfers.transfer import IntentSaved, NoIntent, Succeeded, Transfer
from aliend.engine.attempts.attempt import Attempt, tuning_of
from aliend.engine.expansion.target_disks import require_no_link, require_place
from aliend.engine.partial_files import KEEP_FROM
from aliend.errors import CopyError
from aliend.storage.io.partial_file import partial_name
from aliend.storage.tasks import AdoptPartial, Checksum, Download, Downloaded, replica_urls


async def download(attempt: Attempt) -> Succeeded:
    """Download the file. Raises AliendError."""
    transfer, spec = attempt.transfer, attempt.spec
    archives = attempt.tools.tickets
    if missing := await asyncio.to_thread(_missing_directories, transfer, spec):
        await attempt.record_created_directories(missing)
    if not transfer.size and await _is_empty(attempt):
        return await _make_empty(attempt)
    if await _has_content_already(attempt):
        return Succeeded(transfer.size, transfer.md5)
    attempt.progress.enter_stage(Stage.TICKET)
    tickets, shared = await archives.tickets_for(transfer, spec, attempt.tools.workers, attempt.next_transfers)
    try:
        return await fetch(attempt, tickets)
    except CopyError as error:
        if not shared or error.kind != "permanent":
            raise
    return await fetch(attempt, await archives.own_tickets(transfer, spec))


async def _has_content_already(attempt: Attempt) -> bool:
    """Return whether the target has the listed size and md5 already, so that no ticket is needed.

    Raises CopyError if it cannot be read.
    """
    transfer = attempt.transfer
    if not (compares_content(attempt.spec.overwrite) and transfer.md5 and transfer.size):
        return False
    if await asyncio.to_thread(_complete_size, Path(transfer.target), transfer.id) != transfer.size:
        return False
    found = await attempt.tools.workers.run(Checksum(transfer.id, transfer.target), lambda _: None)
    return found.md5 == transfer.md5


def _complete_size(target: Path, transfer: int) -> int:
    """Return the bytes of a regular file; -1 of anything else, and while a partial file of the transfer remains."""
    if os.path.lexists(target.with_name(partial_name(target.name, transfer))):
        return -1
    try:
        status = target.lstat()
    except OSError:
        return -1
    return status.st_size if stat.S_ISREG(status.st_mode) else -1


async def _is_empty(attempt: Attempt) -> bool:
    """Return whether the source is an entry without content, for which the service grants no tickets."""
    entry = await attempt.tools.stats.stat(attempt.transfer.source)
    return entry is not None and not entry.is_directory and not entry.size


async def _make_empty(attempt: Attempt) -> Succeeded:
    """Create an empty local file; the overwrite policy applies as for any other file."""
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
        keep_free=attempt.tools.keep_free,
        file_systems=spec.file_systems,
        directory=directory_above(transfer.target, spec.directories),
    )
    attempt.progress.enter_stage(Stage.COPY)
    await _run_copy(attempt, task)
    return Succeeded(0, EMPTY_MD5, "the entry has no content")


async def fetch(attempt: Attempt, tickets: Sequence[Ticket]) -> Succeeded:
    """Copy with these tickets. Raises AliendError."""
    if not tickets:
        hint = "no replica that can be read over HTTP; omit -http" if attempt.spec.http else "no readable replica"
        raise CopyError(f"{attempt.transfer.source} has {hint}", kind="permanent").with_errno(errno.ENOENT)
    tickets = by_availability(attempt, tickets)
    attempt.progress.enter_stage(Stage.SLOT, {tickets[0].se})
    async with attempt.acquire({tickets[0].se}):
        await _adopt_partial(attempt)
        attempt.progress.enter_stage(Stage.COPY)
        result = await _run_copy(attempt, download_task(attempt, tickets))
    warning = NO_HTTP if attempt.spec.http and not is_http(tickets[0].url) else result.warning
    return Succeeded(result.size, result.md5, warning)


def by_availability(attempt: Attempt, tickets: Sequence[Ticket]) -> list[Ticket]:
    """Return the tickets: last those of unavailable elements, before them those of elements with many waiting files."""
    running, unavailable = attempt.tools.running, attempt.tools.limiter.unavailable_until()
    number = attempt.transfer.id
    return sorted(tickets, key=lambda ticket: (ticket.se in unavailable, running.is_crowded(number, ticket.se)))


async def _adopt_partial(attempt: Attempt) -> None:
    """Take over the partial file that a cancelled download of the same file to the same target has kept."""
    transfer, store = attempt.transfer, attempt.tools.store
    if transfer.size < KEEP_FROM:
        return
    for kept in await store.partial_files.at(transfer.target):
        if (kept.source, kept.size, kept.md5) != (transfer.source, transfer.size, transfer.md5):
            continue
        above = directory_above(transfer.target, attempt.spec.directories)
        task = AdoptPartial(transfer.id, transfer.target, kept.id, attempt.spec.file_systems, above)
        try:
            await attempt.tools.workers.run(task, lambda _: None)
        except CopyError:  # the copy starts from the beginning; the kept file is removed after its time
            return
        attempt.progress.expect_resumed_bytes()
        await attempt.record_created_directories(
            await store.partial_files.created_directories_above(kept.job, transfer.target)
        )
        await store.change(kept.id, IntentSaved(NoIntent()))


def download_task(attempt: Attempt, tickets: Sequence[Ticket]) -> Download:
    """Return the task that copies the file with these tickets, of which there is at least one."""
    transfer, spec = attempt.transfer, attempt.spec
    attempt.tools.limiter.note_servers(tickets)
    return Download(
        id=transfer.id,
        sources=replica_urls(tickets),
        target=transfer.target,
        size=tickets[0].size,
        md5=tickets[0].md5,
        overwrite=spec.overwrite,
        umask=spec.umask,
        lfn=transfer.source,
        guid=tickets[0].guid,
        keep_free=attempt.tools.keep_free,
        whole_archive=spec.whole_archives,
        verify=spec.verify,
        ca=spec.context.ca,
        tuning=tuning_of(spec),
        file_systems=spec.file_systems,
        directory=directory_above(transfer.target, spec.directories),
    )


async def _run_copy(attempt: Attempt, task: Download) -> Downloaded:
    """Run the copy, and record the result for each replica."""
    try:
        result = await attempt.copy(task)
    except CopyError as error:
        for se, reason, number in error.replicas:
            attempt.progress.record_replica(se, reason, number)
        raise
    _record_result(attempt, result)
    return result


def succeeded(attempt: Attempt, result: Downloaded) -> Succeeded:
    """Record the result of a copy, and return the event that it causes."""
    _record_result(attempt, result)
    return Succeeded(result.size, result.md5, result.warning)


def _record_result(attempt: Attempt, result: Downloaded) -> None:
    for se, reason, number in result.failures:
        attempt.progress.record_replica(se, reason, number)
    attempt.progress.record_bytes(0 if result.kept else result.size)
    attempt.progress.record_replica(result.se)
    if result.se:
        attempt.tools.limiter.record_success(result.se)


def _missing_directories(transfer: Transfer, spec: JobSpec) -> list[str]:
    """Return the directories that the copy will create. Raises CopyError as `require_contained`."""
    require_contained(transfer, spec)
    try:
        return [str(parent) for parent in Path(transfer.target).parents if not parent.exists()]
    except OSError:  # the copy itself will report it
        return []


def require_contained(transfer: Transfer, spec: JobSpec) -> None:
    """Check just before the copy that the target has not left its directory since the submission.

    A link may have appeared below the root, or the root may have been moved or replaced. The error then names the
    partial file that an earlier attempt may have left in the directory that was moved. Raises CopyError.
    """
    target = transfer.target
    require_no_link(target, spec)
    try:
        require_place(target, spec)
    except CopyError as error:
        if transfer.attempts < 2 or error.kind != "permanent":
            raise
        left = partial_name(Path(target).name, transfer.id)
        text = f"{error}; remove {left} from the directory that was moved"
        raise CopyError(text, "permanent").with_errno(error.error_number) from None
