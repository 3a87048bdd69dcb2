"""Recognises a local file that a download would keep, from the listing's size and md5 alone."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

from aliend.core.transfers.overwrite import compares_content
from aliend.engine.attempts.attempt import Attempt
from aliend.storage.io.partial_file import partial_name
from aliend.storage.tasks import Checksum


async def has_content_already(attempt: Attempt) -> bool:
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
