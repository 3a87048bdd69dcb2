"""One attempt at an upload: what stands under the name decides whether it is kept, completed, refused or replaced."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

from aliend.core.catalogue.entries import Entry
from aliend.core.transfers.attempt_record import Stage
from aliend.core.transfers.replacement import temporary_names
from aliend.core.transfers.transfer import NoIntent, Replacing, ReplicasBooked, Succeeded
from aliend.engine.attempts.attempt import Attempt
from aliend.engine.attempts.copy_sources import CopySource, LocalSource
from aliend.engine.attempts.replacement import identity_of, replace_file
from aliend.engine.attempts.replica_registration import ReplicaRegistration, list_replicas
from aliend.errors import CopyError
from aliend.storage.errors import read_error


async def upload(attempt: Attempt) -> Succeeded:
    """Bring the local file into the catalogue, all replicas verified. Raises AliendError."""
    if isinstance(attempt.transfer.intent, Replacing):
        return await finish_replacement(attempt, attempt.transfer.intent)
    source = await asyncio.to_thread(_local_source, attempt.transfer.source)
    if source.size:
        return await upload_or_keep(attempt, source)
    if attempt.spec.touch_empty:
        return await create_empty_entry(attempt)
    raise CopyError(
        f"{source.path} is empty; the central service cannot register empty files (--touch-empty makes an entry "
        "without content)",
        kind="permanent",
    )


async def upload_or_keep(attempt: Attempt, source: CopySource) -> Succeeded:
    """Register a file that is not empty under the transfer's target, all replicas verified. Raises AliendError."""
    transfer = attempt.transfer
    entry = await _stat_target(attempt)
    booked = transfer.intent if isinstance(transfer.intent, ReplicasBooked) else None
    if booked and booked.lfn != transfer.target:
        return await _replace(attempt, source, entry, booked)
    if entry is None or (booked and entry.guid in booked.guids):
        done = await ReplicaRegistration(attempt, source, transfer.target, booked).run(entry)
        return Succeeded(source.size, done.md5, done.warning)
    if entry.is_directory:
        raise CopyError(f"{transfer.target} is a directory in the catalogue", kind="permanent")
    if attempt.spec.overwrite != "always" and await _is_same(attempt, source, entry):
        return Succeeded(source.size, entry.md5, "it was there already")
    if attempt.spec.overwrite == "never":
        raise CopyError(
            f"{transfer.target} exists and differs from {source.name}; it was left alone (-f replaces it)",
            kind="permanent",
        )
    return await _replace(attempt, source, entry, None)


async def _stat_target(attempt: Attempt) -> Entry | None:
    """What the name is now. For a transfer that nothing was done about yet a moment ago will do: see `Replicas`."""
    lfn = attempt.transfer.target
    if attempt.transfer.attempts > 1 or not isinstance(attempt.transfer.intent, NoIntent):
        return await attempt.tools.stats.stat(lfn)

    async def others() -> list[str]:
        return [one.target for one in await attempt.next_transfers()]

    return await attempt.tools.stats.stat_ahead(lfn, others)


async def create_empty_entry(attempt: Attempt) -> Succeeded:
    """An empty file: an entry without replicas; nothing that exists is changed."""
    transfer = attempt.transfer
    entry = await attempt.tools.stats.stat(transfer.target)
    if entry and (entry.is_directory or entry.size):
        raise CopyError(f"{transfer.target} exists and is not empty; it was left alone", kind="permanent")
    if entry:
        return Succeeded(0, entry.md5, "it was there already")
    await attempt.tools.catalogue.touch(transfer.target)
    entry = await attempt.tools.stats.stat(transfer.target)
    if entry is None or entry.size:
        raise CopyError(f"The catalogue does not show the empty entry {transfer.target}", kind="transient")
    return Succeeded(0, entry.md5, "an entry without content: the central service cannot register empty files")


async def _is_same(attempt: Attempt, source: CopySource, entry: Entry) -> bool:
    """Whether the catalogue has this very content, with at least one replica."""
    if entry.size != source.size or not entry.md5:
        return False
    if await source.content_md5(attempt) != entry.md5:
        return False
    return bool(await list_replicas(attempt.tools.catalogue, entry.lfn))


async def _replace(
    attempt: Attempt, source: CopySource, entry: Entry | None, booked: ReplicasBooked | None
) -> Succeeded:
    """Upload under a temporary name, then exchange the names; the old file is `entry`."""
    if set("*?") & set(attempt.transfer.target):
        raise CopyError(
            f"{attempt.transfer.target} is not replaced: the central service would take * and ? for wildcards",
            kind="permanent",
        )
    if attempt.spec.replaces not in ("", identity_of(entry)):
        raise CopyError(
            f"{attempt.transfer.target} was changed by somebody else meanwhile; theirs was left alone", kind="permanent"
        )
    temporary, old = temporary_names(attempt.transfer.target, attempt.transfer.id)
    there = await attempt.tools.stats.stat(temporary)
    ours = there if there and booked and there.guid in booked.guids else None
    if there and not ours:
        await attempt.tools.catalogue.remove(temporary)
    done = await ReplicaRegistration(attempt, source, temporary, booked).run(ours)
    plan = Replacing(temporary, old, done.guid, identity_of(entry), attempt.spec.backup)
    await attempt.save_intent(plan)
    attempt.progress.enter_stage(Stage.REPLACE)
    await replace_file(attempt.tools.catalogue, attempt.transfer.target, plan)
    return Succeeded(source.size, done.md5, done.warning)


async def finish_replacement(attempt: Attempt, plan: Replacing) -> Succeeded:
    """Go on with an exchange of names that was cut off."""
    attempt.progress.enter_stage(Stage.REPLACE)
    await replace_file(attempt.tools.catalogue, attempt.transfer.target, plan)
    entry = await attempt.tools.stats.stat(attempt.transfer.target)
    if entry is None:
        raise CopyError(f"{attempt.transfer.target} was removed by somebody else", kind="permanent")
    return Succeeded(entry.size, entry.md5)


def _local_source(path: str) -> LocalSource:
    try:
        found = Path(path).stat()
    except OSError as error:
        raise read_error(error, path) from error
    if not stat.S_ISREG(found.st_mode):
        raise CopyError(f"{path} is not a regular file", kind="permanent")
    return LocalSource(path, found.st_size, found.st_mtime_ns)
