"""Why a file is not being copied, and until when: from what is stored and what runs. Pure.

The first of these that holds is told: its job is held; its last attempt failed and the pause is not over; it has a slot
and waits for room on its storage elements; something else writes its target; its job, its direction or all files
are at their limit; enough files of its job wait for storage elements; other jobs go first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from aliend.core.transfers.job import Direction, Job, JobState
from aliend.core.transfers.scheduler import Limits, target_key
from aliend.core.transfers.transfer import Queued, Running, Transfer, Waiting

Kind = Literal[
    "paused",
    "held",
    "space",
    "permission",
    "retry",
    "credential",
    "se resting",
    "se full",
    "bandwidth",
    "target",
    "joined",
    "limit",
    "behind",
    "next",
    "expanding",
]
"""`held`, `space`, `permission`: something on this machine stands in the way of the job, and it goes on by itself;
`se resting`: a storage element rests after failures; `bandwidth`: it moves as fast as it may; `next` starts at once."""

_OF_KIND: dict[str, Kind] = {"credential": "credential", "storage": "se resting"}


@dataclass(frozen=True, slots=True)
class Reason:
    """`until` is a POSIX second (0: nobody can say), `job` the one that it waits for (0: none in particular)."""

    kind: Kind
    text: str
    until: float = 0.0
    job: int = 0


@dataclass(frozen=True, slots=True)
class RunningCopy:
    """A copy that has a slot; `waits_for` are the storage elements that it waits for (mostly none)."""

    transfer: int
    job: int
    direction: Direction
    target: str
    waits_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ElementLoad:
    """A storage element: the copies there, and how many there may be just now."""

    copies: int
    limit: int


@dataclass(frozen=True, slots=True)
class SchedulerSnapshot:
    """What is the same for all: time, limits, the copies with a slot, the storage elements.

    `wanting` are the jobs with files that could start (number to priority), `metered` the transfers whose bandwidth is
    limited, with the bytes per second that each can expect.
    """

    now: float
    limits: Limits
    running: tuple[RunningCopy, ...]
    elements: Mapping[str, ElementLoad]
    waiting_jobs: Mapping[int, int]
    bandwidth_shares: Mapping[int, int] = field(default_factory=dict)


def wait_reason(transfer: Transfer, job: Job, last_kind: str, around: SchedulerSnapshot) -> Reason | None:
    """The reason; None if it has ended or is being copied. `last_kind` is who could act on its last attempt."""
    if isinstance(transfer.state, Running):
        return _reason_running(transfer, around)
    if not isinstance(transfer.state, Queued | Waiting):
        return None
    if job.state is JobState.PAUSED:
        return _reason_paused(job)
    if transfer.joined:
        return Reason("joined", f"transfer {transfer.joined} of another job brings it, and both have it then")
    if isinstance(transfer.state, Waiting) and transfer.state.until > around.now:
        return Reason(_OF_KIND.get(last_kind, "retry"), transfer.state.reason, transfer.state.until)
    return _reason_queued(transfer, job, around)


def expansion_wait_reason(job: Job) -> Reason | None:
    """Why files of a job may be missing from the list; None if all are known."""
    if job.state is JobState.PAUSED and not job.is_expanded:
        return _reason_paused(job)
    if job.state is not JobState.EXPANDING:
        return None
    return Reason("expanding", job.message or "its files are being found out")


def _reason_paused(job: Job) -> Reason:
    go_on = f"alienctl transfers resume {job.id}"
    if job.message:
        known = job.obstacle.kind if job.obstacle else "other"
        kind: Kind = "held" if known == "other" else "permission" if known == "reading" else known
        return Reason(kind, f"{job.message}; it goes on by itself then, or with: {go_on}")
    return Reason("paused", f"job {job.id} is paused; go on with: {go_on}")


def _reason_running(transfer: Transfer, around: SchedulerSnapshot) -> Reason | None:
    mine = next((one for one in around.running if one.transfer == transfer.id), None)
    if mine is None:
        return None
    if not mine.waits_for:
        return _reason_throttled(transfer, around)
    seats = {se: around.elements[se] for se in mine.waits_for if se in around.elements}
    full = [f"{se} has {seat.copies} of {seat.limit} copies" for se, seat in seats.items() if seat.copies >= seat.limit]
    return Reason("se full", ", ".join(full) or f"waits for its turn on {', '.join(mine.waits_for)}")


def _reason_throttled(transfer: Transfer, around: SchedulerSnapshot) -> Reason | None:
    share = around.bandwidth_shares.get(transfer.id, 0)
    if not share:
        return None
    return Reason("bandwidth", f"its share of the limited bandwidth is {share / 1024:.0f} KiB/s (transfers limit)")


def _reason_queued(transfer: Transfer, job: Job, around: SchedulerSnapshot) -> Reason:
    key = target_key(job.spec, transfer.target)
    writer = next((one for one in around.running if one.target == key), None)
    if writer:
        return Reason(
            "target", f"transfer {writer.transfer} of job {writer.job} writes the same target", job=writer.job
        )
    if 0 < job.spec.parallel <= sum(one.job == job.id for one in around.running):
        return Reason(
            "limit", f"job {job.id} runs as many files at a time as it asked for: {job.spec.parallel}", job=job.id
        )
    way, limits = job.spec.direction, around.limits
    slots = [one for one in around.running if not one.waits_for]
    most = limits.files if job.spec.interactive else limits.background
    if len(slots) >= most:
        return _at_limit(_as_many(most, "file"), around, "", job)
    if sum(one.direction == way for one in slots) >= limits.for_direction(way):
        return _at_limit(_as_many(limits.for_direction(way), way), around, way, job)
    stuck = [one for one in around.running if one.job == job.id and one.waits_for]
    if len(stuck) >= limits.max_waiting:
        names = ", ".join(sorted({se for one in stuck for se in one.waits_for}))
        return Reason("se full", f"{len(stuck)} files of its job wait for room on {names} before it", job=job.id)
    first = _first_before(job, around)
    if first:
        return Reason("behind", f"job {first} goes first", job=first)
    return Reason("next", "it starts as soon as it is looked at", around.now)


def _as_many(most: int, what: str) -> str:
    return f"the {most} {what}s at a time are running" if most > 1 else f"one {what} at a time is running"


def _at_limit(text: str, around: SchedulerSnapshot, way: str, job: Job) -> Reason:
    """The limit, and the job that goes first or, where none does, has most of the slots."""
    slots = Counter(one.job for one in around.running if way in ("", one.direction) and not one.waits_for)
    first = _first_before(job, around)
    if first:
        return Reason("limit", f"{text}, and job {first} goes first", job=first)
    most = max(slots, key=lambda number: (slots[number], -number), default=0)
    return Reason("limit", f"{text} ({slots[most]} of job {most})" if most else text, job=most)


def _first_before(job: Job, around: SchedulerSnapshot) -> int:
    """The job of the highest priority above this one's that has files to start; 0: none."""
    higher = [(-priority, number) for number, priority in around.waiting_jobs.items() if priority > job.spec.priority]
    return min(higher)[1] if higher else 0
