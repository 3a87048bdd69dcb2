"""Explains why a file is not being copied, and until when, from stored and running transfers. Pure.

The first of these that applies is reported: its job is paused or on hold; its last attempt failed and the back-off
lasts; it has started and waits for its storage elements or a worker; another transfer writes its target; its job, its
direction or all files are at their limit; other files wait for a worker of its cluster; enough files of its job wait
for storage elements; other jobs have a higher priority.
"""

from __future__ import annotations

import re
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
    "central",
    "expanding",
]
"""`held`, `space`, `permission`: an obstacle on this machine holds the job, which resumes automatically;

`se resting`: a storage element is backing off; `bandwidth`: the copy is throttled; `next`: it starts at once;
`central`: the central service has not answered for seconds.
"""

AFTER_FAILURE: tuple[Kind, ...] = ("retry", "credential", "se resting")
"""The kinds of waits for the next attempt, whose time is known."""
SLOW_ANSWER = 5.0
"""Seconds after which a request without an answer is reported."""
_OF_KIND: dict[str, Kind] = {"credential": "credential", "storage": "se resting"}
_RESTING = re.compile(r"\S+ is (backing off|not responding)|only \d+ of \d+ replicas can be written while ")
"""How the reason of a file begins that waits for a storage element: such a wait is no attempt."""
_FULL = re.compile(r"\S+ is full")
"""How the reason of a file begins that has returned to the queue until a storage element has room."""
_KIND_OF_OBSTACLE: dict[str, Kind] = {
    "space": "space",
    "permission": "permission",
    "reading": "permission",
    "mount": "held",
    "scheduler": "held",
    "other": "held",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a file waits; `until` is a POSIX second (0: unknown), `job` the job that it waits for (0: none)."""

    kind: Kind
    text: str
    until: float = 0.0
    job: int = 0


_NO_WORKER = Reason("limit", "no worker of the cluster is free; more copies start when one joins or becomes free")


@dataclass(frozen=True, slots=True)
class RunningCopy:
    """A started transfer; `waits_for` are the storage elements that it waits for (mostly none).

    `asks_since` is the POSIX second since when it waits for the central service (0: it does not).
    """

    transfer: int
    job: int
    direction: Direction
    target: str
    waits_for: tuple[str, ...] = ()
    asks_since: float = 0.0
    needs_worker: bool = False
    """It waits for a worker of the cluster."""
    executor: str = ""

    @property
    def uses_slot(self) -> bool:
        """Return whether it counts for the limits of files."""
        return not self.waits_for and not self.needs_worker


@dataclass(frozen=True, slots=True)
class ElementLoad:
    """The copies on a storage element, and their current limit."""

    copies: int
    limit: int


@dataclass(frozen=True, slots=True)
class SchedulerSnapshot:
    """What is the same for all transfers: time, limits, running copies, storage elements.

    `waiting_jobs` have files that could start (job number to priority); `bandwidth_shares` are the throttled transfers,
    with the bytes per second that each can expect.
    """

    now: float
    limits: Limits
    running: tuple[RunningCopy, ...]
    elements: Mapping[str, ElementLoad]
    waiting_jobs: Mapping[int, int]
    bandwidth_shares: Mapping[int, int] = field(default_factory=dict)


def wait_reason(transfer: Transfer, job: Job, last_kind: str, snapshot: SchedulerSnapshot) -> Reason | None:
    """Return why a transfer waits; None if it has ended or is being copied.

    `last_kind` is the error kind of its last attempt.
    """
    if isinstance(transfer.state, Running):
        return _reason_running(transfer, snapshot)
    if not isinstance(transfer.state, Queued | Waiting):
        return None
    if job.state is JobState.PAUSED:
        return _reason_paused(job)
    if transfer.joined:
        return Reason("joined", f"transfer {transfer.joined} of another job is copying this file")
    if isinstance(transfer.state, Waiting) and transfer.state.until > snapshot.now:
        return Reason(waiting_kind(transfer.state.reason, last_kind), transfer.state.reason, transfer.state.until)
    return _reason_queued(transfer, job, snapshot)


def waiting_kind(reason: str, last_kind: str) -> Kind:
    """Return the kind of a wait for the next attempt; `last_kind` is the error kind of the last attempt."""
    if _FULL.match(reason):
        return "se full"
    return "se resting" if _RESTING.match(reason) else _OF_KIND.get(last_kind, "retry")


def expansion_wait_reason(job: Job) -> Reason | None:
    """Return why files of a job may be missing from the list; None if all are known."""
    if job.state is JobState.PAUSED and not job.is_expanded:
        return _reason_paused(job)
    if job.state is not JobState.EXPANDING:
        return None
    return Reason("expanding", job.message or "listing its files")


def general_text(text: str, source: str) -> str:
    """Return a reason without the name of its file, so that it is the same for all files that share the cause."""
    return text.replace(source, "the file") if source else text


def _reason_paused(job: Job) -> Reason:
    resume = f"alienctl transfers resume {job.id}"
    if job.message:
        obstacle = job.obstacle.kind if job.obstacle else "other"
        kind: Kind = _KIND_OF_OBSTACLE[obstacle]
        return Reason(kind, f"{job.message}; the job resumes automatically once this is fixed, or with `{resume}`")
    return Reason("paused", f"job {job.id} is paused; resume it with `{resume}`")


def _reason_running(transfer: Transfer, snapshot: SchedulerSnapshot) -> Reason | None:
    running = next((copy for copy in snapshot.running if copy.transfer == transfer.id), None)
    if running is None:
        return None
    if running.asks_since and snapshot.now - running.asks_since >= SLOW_ANSWER:
        return Reason("central", "the central service has not answered yet")
    if running.needs_worker:
        return _NO_WORKER
    if not running.waits_for:
        return _reason_throttled(transfer, snapshot)
    loads = {se: snapshot.elements[se] for se in running.waits_for if se in snapshot.elements}
    full = [f"{se} has {load.copies} of {load.limit} copies" for se, load in loads.items() if load.copies >= load.limit]
    return Reason("se full", ", ".join(full) or f"waiting for a free slot on {', '.join(running.waits_for)}")


def _reason_throttled(transfer: Transfer, snapshot: SchedulerSnapshot) -> Reason | None:
    share = snapshot.bandwidth_shares.get(transfer.id, 0)
    if not share:
        return None
    return Reason("bandwidth", f"throttled to {share / 1024:.0f} KiB/s; see `alienctl transfers limit`")


def _reason_queued(transfer: Transfer, job: Job, snapshot: SchedulerSnapshot) -> Reason:
    key = target_key(job.spec, transfer.target)
    writer = next((copy for copy in snapshot.running if copy.target == key), None)
    if writer:
        return Reason(
            "target", f"transfer {writer.transfer} of job {writer.job} is writing the same target", job=writer.job
        )
    if 0 < job.spec.parallel <= sum(copy.job == job.id for copy in snapshot.running):
        return Reason(
            "limit", f"job {job.id} is at its own limit of {_count(job.spec.parallel, 'file')} at a time", job=job.id
        )
    direction, limits = job.spec.direction, snapshot.limits
    slots = [copy for copy in snapshot.running if copy.uses_slot]
    most = limits.files if job.spec.interactive else limits.background
    if len(slots) >= most:
        return _at_limit(f"the limit of {_count(most, 'file')} at a time is reached", snapshot, "", job)
    if sum(copy.direction == direction for copy in slots) >= limits.for_direction(direction):
        return _at_limit(
            f"the limit of {_count(limits.for_direction(direction), direction)} at a time is reached",
            snapshot,
            direction,
            job,
        )
    if any(copy.needs_worker and copy.executor == job.spec.executor for copy in snapshot.running):
        return _NO_WORKER
    waiting = [copy for copy in snapshot.running if copy.job == job.id and copy.waits_for]
    if len(waiting) >= limits.max_waiting:
        names = ", ".join(sorted({se for copy in waiting for se in copy.waits_for}))
        return Reason(
            "se full", f"{_count(len(waiting), 'earlier file')} of its job wait for a free slot on {names}", job=job.id
        )
    first = _first_before(job, snapshot)
    if first:
        return Reason("behind", f"job {first} has a higher priority", job=first)
    return Reason("next", "it starts at once", snapshot.now)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _at_limit(text: str, snapshot: SchedulerSnapshot, direction: str, job: Job) -> Reason:
    """Return the limit as a reason, with the job of a higher priority that waits, or else the one with most slots."""
    slots = Counter(copy.job for copy in snapshot.running if direction in ("", copy.direction) and copy.uses_slot)
    first = _first_before(job, snapshot)
    if first:
        return Reason("limit", f"{text}, and job {first} has a higher priority", job=first)
    most = max(slots, key=lambda number: (slots[number], -number), default=0)
    return Reason("limit", f"{text} ({slots[most]} of job {most})" if most else text, job=most)


def _first_before(job: Job, snapshot: SchedulerSnapshot) -> int:
    """Return the job of the highest priority above this one's that has files to start; 0: none."""
    higher = [(-priority, number) for number, priority in snapshot.waiting_jobs.items() if priority > job.spec.priority]
    return min(higher)[1] if higher else 0
