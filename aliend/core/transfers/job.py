"""A transfer job: its specification, its state, and its state machine. Its files are `core.transfers.transfer`.

    EXPANDING --ExpansionAdvanced--> ACTIVE --(no file unfinished)--> DONE | PARTIAL | FAILED
        \\                    /  \\                               |        |
         `--Hold--> PAUSED --'    `--Cancel--> CANCELLED          `-Retry--' back to ACTIVE (EXPANDING)
                     Release                     `------Retry

    event              EXPANDING    ACTIVE       PAUSED              DONE       PARTIAL, FAILED, CANCELLED
    ExpansionAdvanced  ACTIVE       -            PAUSED (saved)      -          saved
    Hold               PAUSED       PAUSED       message             -          -
    Release            -            -            EXPANDING | ACTIVE  -          -
    Cancel             CANCELLED    CANCELLED    CANCELLED           -          -
    Retry              -            -            -                   -          EXPANDING | ACTIVE
    SetMessage         message      message      -                   -          -

A job with `delete` has one more state: when all files have arrived, ACTIVE becomes DELETING, and DeletionsFinished
leads to DONE or, with a message, to PARTIAL; Hold, Cancel and SetMessage work there as in ACTIVE.

(-: no change.) After every change `ended_if_finished` checks whether the job has ended. The file counters are stored
with the job and updated together with the files; they are never recounted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Literal, assert_never

from aliend.core.catalogue.file_system import Directory, FileSystem
from aliend.core.catalogue.selection import Selection
from aliend.core.connection.context import Context
from aliend.core.transfers.overwrite import Overwrite
from aliend.core.transfers.transfer import Phase
from aliend.errors import Obstacle

Direction = Literal["download", "upload", "copy"]
"""`copy` is a copy within the catalogue."""
Purpose = Literal["copy", "replicate", "mirror", "sync"]


MAX_PRIORITY = 1_000_000
"""The highest priority of a job that a user may set; the lowest one is its negative."""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What the user asked for. `sources` and `target` are absolute: LFNs on one side, local paths on the other.

    A source that ends in `/` means its contents, a target that ends in `/` is a directory. `storage` is the storage
    specification for uploads (empty: default), `parallel` the highest number of files at a time (0: no limit of its
    own), jobs of a higher `priority` start first, `umask` applies to created local files. With `touch_empty` an empty
    local file becomes an entry without replicas, which is all that the service can register for it.

    An upload that replaces a file renames the old one to `backup` (an LFN; empty: the old file is removed), replacing
    what has that name; with `replaces` (a GUID) only that file is replaced.

    For a download `storage` names storage elements to prefer, or with `!` to avoid; with `strict` no others are used.
    `timeout` is the time limit for copying one file (seconds; 0: none), `retries` the number of retries after transient
    failures (-1: default), `min_rate` the bytes per second below which the next replica is tried (0: none). Without
    `recovery` a failed replica is not replaced on another storage element. `verify` reads the written file again and
    compares it. `whole_archives` downloads the archive and extracts the member here. `http` reads over HTTP. Up to
    `chunks` requests of `chunk_size` bytes are in flight for one file, over `streams` connections (0: default).

    `rate` limits the bytes per second of all its files together (0: no limit of its own); `interactive`: somebody waits
    for it at a terminal; `settings` are the caller's XRootD variables (`XRD_*`).

    Only files that match `selection` are copied. `targets` (none, or one for each source) override `target`, which then
    only describes the whole. `parents` and `strip` are those of `core.copying.target_paths.TargetRule`.

    The purposes `replicate` and `mirror` add replicas of the sources themselves (the target is the source), made by
    aliend or by the service; `storage` says where. `sync` copies what is missing or different from its only source, a
    directory; with `delete` it deletes what only the target has, once everything has arrived.

    `label` is a name that the user gave to several jobs (empty: none); `executor` runs its copies, see
    `core.cli.executor` (empty: the one that the daemon's configuration names).
    `file_systems` are those that the targets of a download were on when it was submitted or its files were found;
    `directories` are the targets' directories at that time, or the nearest ones above that existed.
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
    file_systems: tuple[FileSystem, ...] = ()
    directories: tuple[Directory, ...] = ()
    label: str = ""
    executor: str = ""

    @property
    def allows_batches(self) -> bool:
        """Return whether small files may be copied in batches: no setting applies to each copy separately."""
        special = (
            self.parallel,
            self.timeout,
            self.min_rate,
            self.rate,
            self.verify,
            self.whole_archives,
            self.http,
            self.backup,
            self.replaces,
            not self.recovery,
        )
        return self.direction != "copy" and self.purpose in ("copy", "sync") and not any(special)

    def target_of(self, source: int) -> str:
        """Return the target of source number `source`."""
        return self.targets[source] if self.targets else self.target


def want_same_copy(spec: JobSpec, other: JobSpec) -> bool:
    """Return whether a file copied for one job is exactly what the other job wants, so that one copy serves both."""
    return _copy_settings(spec) == _copy_settings(other)


def different_fields(spec: JobSpec, other: JobSpec, ignored: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the names of the fields that differ, except `ignored` and those that no caller chooses."""
    skipped = {"context", "file_systems", "directories", "settings", "interactive", *ignored}
    names = (one.name for one in fields(JobSpec) if one.name not in skipped)
    return tuple(name for name in names if getattr(spec, name) != getattr(other, name))


def is_more_urgent(spec: JobSpec, other: JobSpec) -> bool:
    """Return whether the files of a job start before those of the other."""
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
        directories=(),
        label="",
    )


class JobState(StrEnum):
    """The state of a job; the values are stored."""

    EXPANDING = "expanding"
    ACTIVE = "active"
    DELETING = "deleting"
    PAUSED = "paused"
    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Selects jobs that match all criteria: in one of `states` (none: in any), with `label` (empty: any), created at or
    after `since_ms` (POSIX milliseconds).
    """

    states: tuple[JobState, ...] = ()
    label: str = ""
    since_ms: int = 0


EVERY_JOB = JobFilter()
STARTABLE = (JobState.EXPANDING, JobState.ACTIVE)
"""States in which transfers of a job may start."""
_HOLDABLE = (*STARTABLE, JobState.DELETING, JobState.PAUSED)


@dataclass(frozen=True, slots=True)
class Counters:
    """The number of transfers in each state."""

    queued: int = 0
    running: int = 0
    waiting: int = 0
    done: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def unfinished(self) -> int:
        """Return the number of unfinished transfers."""
        return self.queued + self.running + self.waiting

    @property
    def total(self) -> int:
        """Return the number of all transfers found so far."""
        return self.unfinished + self.done + self.failed + self.cancelled

    def shifted(self, phase: Phase, by: int) -> Counters:
        """Return the counters with `by` more transfers in `phase`."""
        return replace(self, **{phase.value: getattr(self, phase.value) + by})

    def moved(self, before: Phase, after: Phase) -> Counters:
        """Return the counters with one transfer in phase `after` instead of `before`."""
        if before is after:
            return self
        counts = {before.value: getattr(self, before.value) - 1, after.value: getattr(self, after.value) + 1}
        return replace(self, **counts)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The progress of an expansion: sources before number `sources` are expanded; what kind the target is."""

    sources: int = 0
    target: Literal["unknown", "file", "directory"] = "unknown"


@dataclass(frozen=True, slots=True)
class Job:
    """A stored job. `bytes_*` count whole files, times are POSIX milliseconds (`ended_ms` 0: not ended).

    `obstacle` is the obstacle on this machine that holds the job.
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
        """Return whether every source has been expanded."""
        return self.checkpoint.sources >= len(self.spec.sources)


@dataclass(frozen=True, slots=True)
class ExpansionAdvanced:
    """The expansion has reached `checkpoint`."""

    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Hold:
    """Start no transfers;

    `message` is the reason (empty: the user paused the job), `obstacle` must be removed first.
    """

    message: str = ""
    obstacle: Obstacle | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """Transfers may start again."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """The user cancelled the job."""


@dataclass(frozen=True, slots=True)
class Retry:
    """The user wants failed and cancelled transfers to be tried again."""


@dataclass(frozen=True, slots=True)
class SetMessage:
    """The job as a whole waits for the reason `message`; empty: it does not wait."""

    message: str


@dataclass(frozen=True, slots=True)
class DeletionsFinished:
    """The deletions are done; `message` names what was not deleted (empty: everything was)."""

    message: str = ""


JobEvent = ExpansionAdvanced | Hold | Release | Cancel | Retry | SetMessage | DeletionsFinished


def step(job: Job, event: JobEvent) -> Job:
    """Return the job after the event; defined for all states, see the table above."""
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
            return replace(job, message=message) if job.state in (*STARTABLE, JobState.DELETING) else job
        case DeletionsFinished(message):
            done = JobState.PARTIAL if message else JobState.DONE
            return replace(job, state=done, message=message) if job.state is JobState.DELETING else job
        case _:
            assert_never(event)


def ended_if_finished(job: Job, now_ms: int) -> Job:
    """Return the job, ended if none of its transfers is unfinished."""
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
        return replace(job, state=outcome, ended_ms=now_ms, message="nothing was deleted: not all files have arrived")
    return (
        job if job.state in (JobState.DELETING, JobState.PAUSED) else replace(job, state=JobState.DELETING, message="")
    )


def _expansion_advanced(job: Job, checkpoint: Checkpoint) -> Job:
    advanced = replace(job, checkpoint=checkpoint)
    if advanced.is_expanded and job.state is JobState.EXPANDING:
        return replace(advanced, state=JobState.ACTIVE, message="")
    return advanced


def _opened(job: Job) -> Job:
    state = JobState.ACTIVE if job.is_expanded else JobState.EXPANDING
    return replace(job, state=state, message="", ended_ms=0, obstacle=None)


def _outcome(files: Counters) -> JobState:
    if files.done == files.total:
        return JobState.DONE
    return JobState.PARTIAL if files.done else JobState.FAILED
