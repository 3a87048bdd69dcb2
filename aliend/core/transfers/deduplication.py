"""Whether two jobs that name one source and one target want the same transfer. Pure."""

from __future__ import annotations

from dataclasses import replace

from aliend.core.catalogue.selection import Selection
from aliend.core.transfers.job import JobSpec


def want_the_same(one: JobSpec, other: JobSpec) -> bool:
    """Whether the copy of a file for one job is all that the other one wants of it."""
    return _relevant(one) == _relevant(other)


def is_more_urgent(one: JobSpec, other: JobSpec) -> bool:
    """Whether a file of one job goes before that of the other."""
    return (one.priority, one.interactive) > (other.priority, other.interactive)


def _relevant(spec: JobSpec) -> JobSpec:
    """Without what only says which files, when, and how fast."""
    return replace(
        spec,
        sources=(),
        target="",
        targets=(),
        selection=Selection(),
        parallel=0,
        priority=0,
        rate=0,
        interactive=False,
        settings=(),
    )
