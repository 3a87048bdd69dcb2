"""A transfer job: what was asked for, what is known of it, and how it changes. Its files are `core.transfer`.

    EXPANDING --Explored--> ACTIVE --(no file unfinished)--> DONE | PARTIAL | FAILED
        \\                    /  \\                               |        |
         `--Hold--> PAUSED --'    `--Cancel--> CANCELLED          `-Retry--' back to ACTIVE (EXPANDING)
                     Release                     `------Retry

    event      EXPANDING    ACTIVE       PAUSED              DONE       PARTIAL, FAILED, CANCELLED
    Explored   ACTIVE       -            PAUSED (noted)      -          noted
    Hold       PAUSED       PAUSED       message             -          -
    Release    -            -            EXPANDING | ACTIVE  -          -
    Cancel     CANCELLED    CANCELLED    CANCELLED           -          -
    Retry      -            -            -                   -          EXPANDING | ACTIVE
    Explain    message      message      -                   -          -

With `delete` there is one state more: where all files have arrived ACTIVE becomes DELETING, and from there Deleted
leads to DONE or, with its message, to PARTIAL; Hold, Cancel and Explain do there as in ACTIVE.

(-: nothing changes.) After every change `settled` looks whether the job has come to its end. The counters of files are
kept with the job and changed together with the files, never counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal, assert_never

from aliend.core.catalogue.selection import Selection
from aliend.core.connection.context import Context
from aliend.core.transfers.overwrite import Overwrite
from aliend.core.transfers.transfer import Phase
from aliend.errors import Obstacle

Direction = Literal["download", "upload", "copy"]
"""`copy` is from one place of the catalogue to another."""
Purpose = Literal["copy", "replicate", "mirror", "sync"]


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What was asked for. `sources` and `target` are absolute: LFNs on one side, local paths on the other.

    A source that ends in `/` means its contents, a target that ends in `/` is a directory. `storage` is the wish for
    uploads (empty: as usual), `parallel` the most files at a time (0: no limit of its own), a higher `priority` goes
    first, `umask` is taken from the modes of local files that are made. `touch_empty` makes of an empty local file an
    entry without replicas, which is all that the service can register of it.

    What an upload replaces keeps the name `backup` (an LFN; empty: it is removed), in the place of what has that name;
    with `replaces` (a GUID) nothing but that is replaced.

    `storage` on a download names storage elements to prefer, or with `!` to leave out; with `strict` no others are
    used. `timeout` is the longest that the copy of one file may take (seconds; 0: no limit), `retries` how often it is
    tried again after a failure that may pass (-1: as usual), `min_rate` the bytes a second below which a replica is
    given up for the next one (0: none). Without `recovery` a replica that failed is not replaced on another storage
    element. `verify` reads what was written once more and compares. `whole_archives` fetches the archive and takes the
    member out of it here. `http` reads over HTTP. `chunks` requests of `chunk_size` bytes may be on their way for one
    file, over `streams` connections (0: as usual).

    `rate` is the most bytes a second of all its files together (0: no limit of its own); `interactive`: somebody waits
    for its end at a terminal; `settings` are the caller's XRootD variables (`XRD_*`) by their names.

    Only files that `selection` matches are copied. `targets` (none, or one for each source) take the place of `target`,
    which then only names the whole. `parents` and `strip` are those of `core.expansion.Aim`.

    To `replicate` and to `mirror` are more replicas of the sources themselves (the target is the source), made here or
    by the service; `storage` says where. To `sync` is to copy what is missing or differs of the only source, a
    directory; with `delete` what only the target has is deleted when everything has arrived.
    """

    direction: Direction
    sources: tuple[str, ...]
    target: str
    overwrite: Overwrite = "never"
    storage: str = ""
    parallel: int = 0
    priority: int = 0
    umask: int = 0o022
    context: Context = field(default_factory=Context)
    touch_empty: bool = False
    strict: bool = False
    timeout: float = 0.0
    retries: int = -1
    min_rate: int = 0
    verify: bool = False
    recovery: bool = True
    whole_archives: bool = False
    http: bool = False
    chunks: int = 0
    chunk_size: int = 0
    streams: int = 0
    rate: int = 0
    interactive: bool = False
    settings: tuple[tuple[str, str], ...] = ()
    purpose: Purpose = "copy"
    selection: Selection = field(default_factory=Selection)
    targets: tuple[str, ...] = ()
    parents: int = 0
    strip: int = 0
    backup: str = ""
    replaces: str = ""
    delete: bool = False

    def target_of(self, source: int) -> str:
        """The target of source number `source`."""
        return self.targets[source] if self.targets else self.target


def want_same_copy(spec: JobSpec, other: JobSpec) -> bool:
    """Return whether a file copied for one job is exactly what the other job wants, so that one copy serves both."""
    return _copy_settings(spec) == _copy_settings(other)


def is_more_urgent(spec: JobSpec, other: JobSpec) -> bool:
    """Return whether the files of a job go before those of the other."""
    return (spec.priority, spec.interactive) > (other.priority, other.interactive)


def _copy_settings(spec: JobSpec) -> JobSpec:
    """Return the specification without what only says which files are copied, when, and how fast."""
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


class JobState(StrEnum):
    """Where a job stands; the values are stored."""

    EXPANDING = "expanding"
    ACTIVE = "active"
    DELETING = "deleting"
    PAUSED = "paused"
    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


STARTABLE = frozenset({JobState.EXPANDING, JobState.ACTIVE})
"""States in which transfers of a job may start."""
_HOLDABLE = STARTABLE | {JobState.DELETING, JobState.PAUSED}


@dataclass(frozen=True, slots=True)
class Counters:
    """How many transfers are in which state."""

    queued: int = 0
    running: int = 0
    waiting: int = 0
    done: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def unfinished(self) -> int:
        """Transfers that have not ended."""
        return self.queued + self.running + self.waiting

    @property
    def total(self) -> int:
        """All transfers known so far."""
        return self.unfinished + self.done + self.failed + self.cancelled

    def shifted(self, phase: Phase, by: int) -> Counters:
        """With `by` more transfers in `phase`."""
        return replace(self, **{phase.value: getattr(self, phase.value) + by})


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far the expansion has come: all sources before number `sources` are known; what the target is."""

    sources: int = 0
    target: Literal["unknown", "file", "directory"] = "unknown"


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is stored. `bytes_*` are of whole files, times POSIX milliseconds (`ended_ms` 0: not ended).

    `obstacle` is what it is held for on this machine.
    """

    id: int
    spec: JobSpec
    state: JobState
    created_ms: int
    checkpoint: Checkpoint = Checkpoint()
    files: Counters = Counters()
    bytes_done: int = 0
    bytes_total: int = 0
    ended_ms: int = 0
    message: str = ""
    revision: int = 0
    obstacle: Obstacle | None = None

    @property
    def is_expanded(self) -> bool:
        """Whether every source has been looked at."""
        return self.checkpoint.sources >= len(self.spec.sources)


@dataclass(frozen=True, slots=True)
class ExpansionAdvanced:
    """The expansion has come to `checkpoint`."""

    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Hold:
    """No transfer may start; `message` is the reason (empty: the user wished it), `obstacle` what has to be mended."""

    message: str = ""
    obstacle: Obstacle | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """Transfers may start again."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """The user wants nothing more of it."""


@dataclass(frozen=True, slots=True)
class Retry:
    """The user wants what failed or was cancelled to be tried again."""


@dataclass(frozen=True, slots=True)
class SetMessage:
    """Why the job as a whole waits; empty: it does not."""

    message: str


@dataclass(frozen=True, slots=True)
class DeletionsFinished:
    """What was to be deleted is gone, but for what `message` tells of (empty: all is)."""

    message: str = ""


JobEvent = ExpansionAdvanced | Hold | Release | Cancel | Retry | SetMessage | DeletionsFinished


def step(job: Job, event: JobEvent) -> Job:
    """The job after the event; total, see the table above."""
    match event:
        case ExpansionAdvanced(checkpoint):
            return _expansion_advanced(job, checkpoint)
        case Hold(message, obstacle):
            open_ = not job.ended_ms and job.state in _HOLDABLE
            return replace(job, state=JobState.PAUSED, message=message, obstacle=obstacle) if open_ else job
        case Release():
            return _opened(job) if job.state is JobState.PAUSED else job
        case Cancel():
            ended = job.ended_ms or job.state is JobState.CANCELLED
            return job if ended else replace(job, state=JobState.CANCELLED, message="", obstacle=None)
        case Retry():
            again = job.state in {JobState.PARTIAL, JobState.FAILED, JobState.CANCELLED}
            return _opened(job) if again else job
        case SetMessage(message):
            return replace(job, message=message) if job.state in STARTABLE | {JobState.DELETING} else job
        case DeletionsFinished(message):
            done = JobState.PARTIAL if message else JobState.DONE
            return replace(job, state=done, message=message) if job.state is JobState.DELETING else job
        case _:
            assert_never(event)


def ended_if_finished(job: Job, now_ms: int) -> Job:
    """The job, ended if nothing of it is unfinished."""
    if job.ended_ms or job.files.unfinished:
        return job
    if job.state in {JobState.CANCELLED, JobState.DONE, JobState.PARTIAL}:
        return replace(job, ended_ms=now_ms)
    if not job.is_expanded:
        return job
    outcome = _outcome(job.files)
    if not job.spec.delete:
        return replace(job, state=outcome, ended_ms=now_ms, message="")
    if outcome is not JobState.DONE:
        return replace(job, state=outcome, ended_ms=now_ms, message="nothing was deleted: not every file has arrived")
    return job if job.state in _HOLDABLE - STARTABLE else replace(job, state=JobState.DELETING, message="")


def _expansion_advanced(job: Job, checkpoint: Checkpoint) -> Job:
    known = replace(job, checkpoint=checkpoint)
    if known.is_expanded and job.state is JobState.EXPANDING:
        return replace(known, state=JobState.ACTIVE, message="")
    return known


def _opened(job: Job) -> Job:
    state = JobState.ACTIVE if job.is_expanded else JobState.EXPANDING
    return replace(job, state=state, message="", ended_ms=0, obstacle=None)


def _outcome(files: Counters) -> JobState:
    if files.done == files.total:
        return JobState.DONE
    return JobState.PARTIAL if files.done else JobState.FAILED
