"""Why a file is not being copied, and until when: from what is stored and what runs. Pure.

The first of these that holds is told: its job is held; its last attempt failed and the pause is not over; it has a slot
and waits for room on its storage elements; something else writes its target; its job, its direction or all files
are at their limit; other jobs go first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from aliend.core.job import Direction, Job, JobState
from aliend.core.scheduler import Limits, target_key
from aliend.core.transfer import Queued, Running, Transfer, Waiting

Kind = Literal["paused", "held", "retry", "credential", "se full", "target", "limit", "behind", "next", "expanding"]
"""`held` is a job that something on this machine (mostly a full disk) stands in the way of; `next` starts at once."""


@dataclass(frozen=True, slots=True)
class Reason:
    """`until` is a POSIX second (0: nobody can say), `job` the one that it waits for (0: none in particular)."""

    kind: Kind
    text: str
    until: float = 0.0
    job: int = 0


@dataclass(frozen=True, slots=True)
class Copying:
    """A copy that has a slot; `waits_for` are the storage elements that it waits for (mostly none)."""

    transfer: int
    job: int
    direction: Direction
    target: str
    waits_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Around:
    """What is the same for all: time, limits, the copies with a slot, copies on each storage element.

    `wanting` are the jobs with files that could start (number to priority).
    """

    now: float
    limits: Limits
    copying: tuple[Copying, ...]
    on_se: Mapping[str, int]
    wanting: Mapping[int, int]


def why(transfer: Transfer, job: Job, last_kind: str, around: Around) -> Reason | None:
    """The reason; None if it has ended or is being copied. `last_kind` is who could act on its last attempt."""
    if isinstance(transfer.state, Running):
        return _why_running(transfer, around)
    if not isinstance(transfer.state, Queued | Waiting):
        return None
    if job.state is JobState.PAUSED:
        return _why_paused(job)
    if isinstance(transfer.state, Waiting) and transfer.state.until > around.now:
        kind: Kind = "credential" if last_kind == "credential" else "retry"
        return Reason(kind, transfer.state.reason, transfer.state.until)
    return _why_queued(transfer, job, around)


def why_expanding(job: Job) -> Reason | None:
    """Why files of a job may be missing from the list; None if all are known."""
    if job.state is not JobState.EXPANDING:
        return None
    return Reason("expanding", job.message or "its files are being found out")


def _why_paused(job: Job) -> Reason:
    go_on = f"alienctl transfers resume {job.id}"
    if job.message:
        return Reason("held", f"{job.message}; then: {go_on}")
    return Reason("paused", f"job {job.id} is paused; go on with: {go_on}")


def _why_running(transfer: Transfer, around: Around) -> Reason | None:
    mine = next((one for one in around.copying if one.transfer == transfer.id), None)
    if mine is None or not mine.waits_for:
        return None
    full = [se for se in mine.waits_for if around.on_se.get(se, 0) >= around.limits.of_se(se)]
    told = ", ".join(f"{se} has {around.on_se.get(se, 0)} of {around.limits.of_se(se)} copies" for se in full)
    return Reason("se full", told or f"waits for its turn on {', '.join(mine.waits_for)}")


def _why_queued(transfer: Transfer, job: Job, around: Around) -> Reason:
    key = target_key(job.spec, transfer.target)
    writer = next((one for one in around.copying if one.target == key), None)
    if writer:
        return Reason(
            "target", f"transfer {writer.transfer} of job {writer.job} writes the same target", job=writer.job
        )
    if 0 < job.spec.parallel <= sum(one.job == job.id for one in around.copying):
        return Reason(
            "limit", f"job {job.id} runs the {job.spec.parallel} files at a time that it asked for", job=job.id
        )
    way, limits = job.spec.direction, around.limits
    if len(around.copying) >= limits.files:
        return _at_limit(f"the {limits.files} files at a time are running", around, "", job)
    if sum(one.direction == way for one in around.copying) >= limits.of_direction(way):
        return _at_limit(f"the {limits.of_direction(way)} {way}s at a time are running", around, way, job)
    first = _first_before(job, around)
    if first:
        return Reason("behind", f"job {first} goes first", job=first)
    return Reason("next", "it starts as soon as it is looked at", around.now)


def _at_limit(text: str, around: Around, way: str, job: Job) -> Reason:
    """The limit, and the job that goes first or, where none does, has most of the slots."""
    slots = Counter(one.job for one in around.copying if way in ("", one.direction))
    first = _first_before(job, around)
    if first:
        return Reason("limit", f"{text}, and job {first} goes first", job=first)
    most = max(slots, key=lambda number: (slots[number], -number), default=0)
    return Reason("limit", f"{text} ({slots[most]} of job {most})" if most else text, job=most)


def _first_before(job: Job, around: Around) -> int:
    """The job of the highest priority above this one's that has files to start; 0: none."""
    higher = [(-priority, number) for number, priority in around.wanting.items() if priority > job.spec.priority]
    return min(higher)[1] if higher else 0
