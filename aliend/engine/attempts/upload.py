"""One attempt at an upload: creates the target, or keeps, completes, refuses or replaces an existing one."""

from __future__ import annotations

import asyncio
import errno
import stat
from pathlib import Path

from aliend.core.catalogue.entries import Entry
from aliend.core.transfers.attempt_record import Stage
from aliend.core.transfers.overwrite import ALREADY_THERE, action_for_existing, compares_content
from aliend.core.transfers.replacement import Replacing, temporary_names
from aliend.core.transfers.transfer import NoIntent, ReplicasBooked, Succeeded
from aliend.engine.attempts.attempt import Attempt
from aliend.engine.attempts.copy_sources import CopySource, LocalSource
from aliend.engine.attempts.kept_files import keep
from aliend.engine.attempts.registration_errors import refusal
from aliend.engine.attempts.replacement import identity_of, replace_file
from aliend.engine.attempts.replica_registration import ReplicaRegistration
from aliend.errors import CopyError
from aliend.storage.errors import read_error


async def upload(attempt: Attempt) -> Succeeded:
    """Upload the local file and verify all replicas. Raises AliendError."""
    if isinstance(attempt.transfer.intent, Replacing):
        return await finish_replacement(attempt, attempt.transfer.intent)
    source = await asyncio.to_thread(local_source, attempt.transfer.source)
    if source.size:
        return await upload_content(attempt, source)
    if attempt.spec.touch_empty:
        return await create_empty_entry(attempt)
    raise CopyError(
        f"{source.path} is empty, and the central service cannot register empty files; use --touch-empty to create an "
        "entry without content",
        kind="permanent",
    )


async def upload_content(attempt: Attempt, source: CopySource) -> Succeeded:
    """Give the target the content of `source`, which is not empty; look up first what exists. Raises AliendError."""
    return await apply_overwrite_policy(attempt, source, await stat_target(attempt))


async def apply_overwrite_policy(attempt: Attempt, source: CopySource, entry: Entry | None) -> Succeeded:
    """Upload a new file, or keep, refuse or replace the existing `entry` of the target. Raises AliendError."""
    transfer = attempt.transfer
    booked = transfer.intent if isinstance(transfer.intent, ReplicasBooked) else None
    if booked and booked.lfn != transfer.target:
        return await _replace(attempt, source, entry, booked)
    if entry is None or (booked and entry.guid in booked.guids and not booked.existed):
        registered = await ReplicaRegistration(attempt, source, transfer.target, booked).run(entry)
        return Succeeded(source.size, registered.md5, registered.warning)
    if entry.is_directory:
        raise CopyError(f"{transfer.target} is a directory in the catalogue", kind="permanent").with_errno(errno.EISDIR)
    policy = attempt.spec.overwrite
    is_same = compares_content(policy) and await _is_same(attempt, source, entry)
    action, reason = action_for_existing(policy, transfer.target, is_same=is_same, in_catalogue=True)
    if action == "keep":
        if kept := await keep(attempt, source, entry):
            return kept
        action, reason = action_for_existing(policy, transfer.target, is_same=False, in_catalogue=True)
    if action == "refuse":
        raise CopyError(reason, kind="permanent").with_errno(errno.EEXIST)
    return await _replace(attempt, source, await attempt.tools.stats.stat(transfer.target), None)


async def stat_target(attempt: Attempt) -> Entry | None:
    """Return the entry of the target; a first attempt may get an answer that was looked up in advance."""
    lfn = attempt.transfer.target
    if attempt.transfer.attempts > 1 or not isinstance(attempt.transfer.intent, NoIntent):
        await attempt.tools.stats.require_directories(lfn)
        return await attempt.tools.stats.stat(lfn)

    async def others() -> list[str]:
        return [transfer.target for transfer in await attempt.next_transfers()]

    return await attempt.tools.stats.stat_ahead(attempt.transfer.job, lfn, others)


async def create_empty_entry(attempt: Attempt) -> Succeeded:
    """Create an entry without replicas for an empty file; an existing entry is never changed."""
    transfer = attempt.transfer
    await attempt.tools.stats.require_directories(transfer.target)
    entry = await attempt.tools.stats.stat(transfer.target)
    if entry and (entry.is_directory or entry.size):
        raise CopyError(f"{transfer.target} exists and is not empty", kind="permanent").with_errno(errno.EEXIST)
    if entry:
        return Succeeded(0, entry.md5, ALREADY_THERE)
    await attempt.tools.catalogue.touch(transfer.target)
    entry = await attempt.tools.stats.stat(transfer.target)
    if entry is None and (reason := await refusal(attempt.tools.catalogue, transfer.target, 0)):
        raise reason  # the service reports no error
    if entry is None or entry.size:
        raise CopyError(f"the catalogue does not show the new empty entry {transfer.target}", kind="transient")
    return Succeeded(0, entry.md5, "an entry without content: the central service cannot register empty files")


async def _is_same(attempt: Attempt, source: CopySource, entry: Entry) -> bool:
    """Return whether the catalogue has this content."""
    return entry.size == source.size and bool(entry.md5) and await source.content_md5(attempt) == entry.md5


async def _replace(
    attempt: Attempt, source: CopySource, entry: Entry | None, booked: ReplicasBooked | None
) -> Succeeded:
    """Upload under a temporary name, then exchange the names; `entry` is the old file."""
    if attempt.spec.replaces not in ("", identity_of(entry)):
        raise CopyError(
            f"another user changed {attempt.transfer.target} meanwhile; their file was not touched", kind="permanent"
        )
    temporary, old = temporary_names(attempt.transfer.target, attempt.transfer.id)
    existing = await attempt.tools.stats.stat(temporary)
    ours = existing if existing and booked and existing.guid in booked.guids else None
    if existing and not ours:
        await attempt.tools.catalogue.remove(temporary)
    registered = await ReplicaRegistration(attempt, source, temporary, booked).run(ours)
    plan = Replacing(temporary, old, registered.guid, identity_of(entry), attempt.spec.backup)
    await attempt.save_intent(plan)
    attempt.progress.enter_stage(Stage.REPLACE)
    await replace_file(attempt.tools.catalogue, attempt.transfer.target, plan)
    return Succeeded(source.size, registered.md5, registered.warning)


async def finish_replacement(attempt: Attempt, plan: Replacing) -> Succeeded:
    """Continue an exchange of names that was interrupted. Raises AliendError."""
    attempt.progress.enter_stage(Stage.REPLACE)
    await replace_file(attempt.tools.catalogue, attempt.transfer.target, plan)
    entry = await attempt.tools.stats.stat(attempt.transfer.target)
    if entry is None:
        raise CopyError(f"another user removed {attempt.transfer.target} meanwhile", kind="permanent")
    return Succeeded(entry.size, entry.md5)


def local_source(path: str) -> LocalSource:
    """Return a local file as it is now. Raises CopyError if it is not a regular file, or cannot be read."""
    try:
        status = Path(path).stat()
    except OSError as error:
        raise read_error(error, path) from error
    if not stat.S_ISREG(status.st_mode):
        raise CopyError(f"{path} is not a regular file", kind="permanent")
    return LocalSource(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
