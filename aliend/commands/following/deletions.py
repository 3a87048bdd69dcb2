"""Reads the deletions of a synchronisation job, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aliend.engine.views import DeletionView, JobView
from aliend.runtime import Runtime


async def deletions_of(runtime: Runtime, job: int) -> AsyncIterator[DeletionView]:
    """Return what a synchronisation deletes at its end, by name; an entry without a name says why it may not delete."""
    last: str | None = None
    while page := await runtime.engine.deletions(job, last):
        for deletion in page:
            yield deletion
        last = page[-1].below


async def obstructions(runtime: Runtime, job: JobView) -> list[DeletionView]:
    """Return files that a synchronisation would delete, but that have the name of a directory of its failed files."""
    failed = await runtime.engine.transfers(job.id, states=("failed",))
    root = job.target.rstrip("/") + "/"
    return [
        deletion
        for deletion in await runtime.engine.deletions(job.id)
        if deletion.below and any(file.target.startswith(f"{root}{deletion.below}/") for file in failed)
    ]
