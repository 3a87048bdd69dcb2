"""One attempt at a copy within the catalogue, with the same checks and commits as an upload."""

from __future__ import annotations

import asyncio
import errno

from aliend.core.transfers.replacement import Replacing
from aliend.core.transfers.transfer import Succeeded
from aliend.engine.attempts.attempt import Attempt
from aliend.engine.attempts.copy_sources import GridSource
from aliend.engine.attempts.upload import create_empty_entry, finish_replacement, upload_content
from aliend.errors import CopyError


async def grid_copy(attempt: Attempt) -> Succeeded:
    """Copy the file to its target in the catalogue. Raises AliendError."""
    transfer = attempt.transfer
    if isinstance(transfer.intent, Replacing):
        return await finish_replacement(attempt, transfer.intent)
    if transfer.source == transfer.target:
        raise CopyError(f"{transfer.source} is both source and target", kind="permanent")
    entry = await attempt.tools.stats.stat(transfer.source)
    if entry is None:
        raise CopyError(f"{transfer.source} does not exist in the catalogue", kind="permanent").with_errno(errno.ENOENT)
    if not entry.size:
        return await create_empty_entry(attempt)
    done = await upload_content(attempt, await GridSource.look_up(attempt, transfer.source))
    await asyncio.to_thread(attempt.tools.spool.clear, transfer.id)
    return done
