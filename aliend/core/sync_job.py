"""The job that a synchronisation is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from aliend.core.catalogue.selection import Selection
from aliend.core.naming import Location, direction_of
from aliend.core.transfers.job import JobSpec
from aliend.errors import UsageError


def sync_job(
    template: JobSpec, source: Location, target: Location, *, delete: bool = False, exclude: Sequence[str] = ()
) -> JobSpec:
    """Both are directories, with or without a slash at the end: what is in `source` shall be in `target`.

    What is `template`'s stays, but for what a synchronisation is. Raises UsageError.
    """
    if not all(exclude):
        raise UsageError("An empty pattern would exclude everything")
    direction = direction_of([source], target)
    if source.storage and direction != "download":
        raise UsageError(f"{source.name}: the storage wish (@{source.storage}) belongs to the target")
    return replace(
        template,
        direction=direction,
        sources=(source.name.rstrip("/") + "/",),
        target=target.name.rstrip("/") + "/",
        storage=template.storage or target.storage or source.storage,
        overwrite="changed",
        touch_empty=True,
        purpose="sync",
        delete=delete,
        selection=Selection(patterns_out=tuple(exclude)),
    )
