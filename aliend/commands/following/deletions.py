"""Reads the deletions of a synchronisation job, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aliend.engine.views import DeletionView
from aliend.runtime import Runtime


async def deletions_of(runtime: Runtime, job: int) -> AsyncIterator[DeletionView]:
    """Return what a synchronisation deletes at its end, by name; an entry without a name says why it may not delete."""
    last: str | None = None
    while page := await runtime.engine.deletions(job, last):
        for deletion in page:
            yield deletion
        last = page[-1].below
