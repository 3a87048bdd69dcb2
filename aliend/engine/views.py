"""Views of jobs and transfers for services and commands: frozen values with the fields of the gRPC messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aliend.core.transfers.attempt_record import EventRecord
from aliend.core.transfers.bandwidth import Rates
from aliend.core.transfers.job import Counters, Direction, Job, JobState, Purpose
from aliend.core.transfers.scheduler import Limits
from aliend.core.transfers.transfer import PartialKept, Phase, Transfer, Waiting, message_of, phase_of
from aliend.core.transfers.wait_reason import Reason


@dataclass(frozen=True, slots=True)
class JobView:
    """A job. Times are POSIX milliseconds (`ended_ms` 0: it has not ended).

    `bytes_done` are of the files that arrived and of the running copies. `rate` limits its bytes per
    second (0: no limit of its own). `bytes_per_second` is measured; `seconds_left` is an estimate (0:
    unknown).
    """

    id: int
    state: JobState
    direction: Direction
    sources: tuple[str, ...]
    target: str
    files: Counters
    bytes_done: int
    bytes_total: int
    created_ms: int
    ended_ms: int
    message: str
    priority: int
    rate: int
    purpose: Purpose
    label: str = ""
    executor: str = ""
    bytes_per_second: int = 0
    files_per_second: float = 0.0
    seconds_left: int = 0


@dataclass(frozen=True, slots=True)
class TransferView:
    """A file of a job. `retry_ms` is 0 unless it waits.

    `bytes_done` are of the running attempt, or of the partial file that a cancelled download keeps until
    `kept_until_ms` (POSIX milliseconds; 0: nothing is kept).

    `joined` (mostly 0) is the transfer of another job that copies it, `wanted` the number of jobs that want it (0: not
    counted). `md5` is empty if it is unknown.
    """

    id: int
    job: int
    state: Phase
    direction: Direction
    source: str
    target: str
    size: int
    bytes_done: int
    attempts: int
    message: str
    retry_ms: int
    joined: int = 0
    wanted: int = 0
    kept_until_ms: int = 0
    md5: str = ""


@dataclass(frozen=True, slots=True)
class ActiveCopy:
    """A file that is being copied; sizes in bytes."""

    id: int
    name: str
    bytes_done: int
    bytes_total: int


@dataclass(frozen=True, slots=True)
class WaitingFile:
    """A file (0 and no name: the job as a whole) that is not being copied, and why."""

    job: int
    transfer: int
    source: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class WaitGroup:
    """Files of a job that wait for the same reason: their number (0: the job as a whole) and the first source.

    `reason.until` is that of the first file that is tried again.
    """

    job: int
    reason: Reason
    files: int
    first: str


@dataclass(frozen=True, slots=True)
class ElementView:
    """A storage element: `working`, `resting` or `probing`; running copies, their current and highest limit.

    `until` is the POSIX second when a resting one is tried again (0: it is not resting, or now), `why` is what changed
    its limit last (empty: nothing did), `speed` bytes per second.
    """

    se: str
    state: str
    copies: int
    limit: int
    most: int
    until: float
    why: str
    speed: float


@dataclass(frozen=True, slots=True)
class LimitsInUse:
    """The limits and what runs under them: files per direction, and the storage elements by name.

    `rates` are in effect now; `rate_texts` are the saved rate schedules, by the names of `core.transfers.limits`.
    """

    limits: Limits
    by_direction: Mapping[str, int]
    elements: Mapping[str, ElementView]
    rates: Rates
    rate_texts: Mapping[str, str]

    def table(self) -> dict[str, int]:
        """Return the limits of files by name; 0: none of its own."""
        limits = self.limits
        unnamed = {"files": limits.files, "down": limits.down, "up": limits.up, "se": limits.per_se}
        return {**unnamed, **dict(limits.named)}

    def running(self) -> dict[str, int]:
        """Return the number of files being copied: in all, and per direction."""
        ways = {"down": self.by_direction.get("download", 0), "up": self.by_direction.get("upload", 0)}
        return {"files": sum(self.by_direction.values()), **ways}

    def rate_now(self, name: str) -> int:
        """Return the current bytes per second of a saved rate; 0: unlimited."""
        rates = self.rates
        unnamed = {"rate": rates.all, "down.rate": rates.down, "up.rate": rates.up, "se.rate": rates.per_se}
        return unnamed.get(name, rates.named.get(name.removesuffix(".rate"), 0))


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes since the previous message, with their events.

    `token` resumes after them, also with the next daemon; `number` is the last event that is covered.
    """

    jobs: tuple[JobView, ...]
    transfers: tuple[TransferView, ...]
    events: tuple[EventRecord, ...]
    number: int
    token: str


@dataclass(frozen=True, slots=True)
class DeletionView:
    """A file below the target of a synchronisation (without a name: all extra files), and what happens to it.

    `state` is pending, deleted, kept (it could not be deleted), spared (the source has it again) or refused.
    """

    below: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class JobProgress:
    """What runs of a job: bytes of the running copies so far, and the measured rates per second."""

    bytes: int = 0
    bytes_per_second: float = 0.0
    files_per_second: float = 0.0


def view_of_job(job: Job, progress: JobProgress = JobProgress()) -> JobView:
    """Return the view of a job."""
    is_open = not job.ended_ms and job.state is not JobState.PAUSED
    bytes_done = max(job.bytes_done, min(job.bytes_total, job.bytes_done + progress.bytes))
    left = _seconds_left(job.bytes_total - bytes_done, progress.bytes_per_second)
    left = left or _seconds_left(job.files.unfinished, progress.files_per_second)
    return JobView(
        id=job.id,
        state=job.state,
        direction=job.spec.direction,
        sources=job.spec.sources,
        target=job.spec.target,
        files=job.files,
        bytes_done=bytes_done,
        bytes_total=job.bytes_total,
        created_ms=job.created_ms,
        ended_ms=job.ended_ms,
        message=job.message,
        priority=job.spec.priority,
        rate=job.spec.rate,
        purpose=job.spec.purpose,
        label=job.spec.label,
        executor=job.spec.executor,
        bytes_per_second=int(progress.bytes_per_second) if is_open else 0,
        files_per_second=round(progress.files_per_second, 1) if is_open else 0.0,
        seconds_left=left if is_open else 0,
    )


def view_of_transfer(transfer: Transfer, direction: Direction, bytes_done: int, wanted: int = 0) -> TransferView:
    """Return the view of a transfer; `bytes_done` of the running attempt, `wanted` by so many jobs."""
    state = transfer.state
    kept = transfer.intent if isinstance(transfer.intent, PartialKept) else PartialKept(0)
    return TransferView(
        id=transfer.id,
        job=transfer.job,
        state=phase_of(state),
        direction=direction,
        source=transfer.source,
        target=transfer.target,
        size=transfer.size,
        bytes_done=bytes_done or kept.bytes,
        attempts=transfer.attempts - transfer.losses,
        message=message_of(state),
        retry_ms=int(state.until * 1000) if isinstance(state, Waiting) else 0,
        joined=transfer.joined,
        wanted=wanted,
        kept_until_ms=kept.until_ms if kept.bytes else 0,
        md5=transfer.md5,
    )


def _seconds_left(left: float, rate: float) -> int:
    """Return the expected seconds until `left` is done, at least 1; 0: unknown, or nothing is left."""
    return max(1, round(left / rate)) if left > 0 and rate > 0 else 0
