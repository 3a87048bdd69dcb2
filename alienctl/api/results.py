"""What the calls of the Python API return: frozen dataclasses, made from messages of the contract.

Sizes are bytes, rates bytes per second, durations seconds, times aware `datetime`s in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast

from google.protobuf.timestamp_pb2 import Timestamp

from alienctl.api.errors import in_python, reason_name
from aliend.v1 import catalogue_pb2, contents_pb2, transfers_pb2

EntryType = Literal["unspecified", "file", "directory", "collection"]
JobState = Literal["unspecified", "expanding", "active", "paused", "done", "partial", "failed", "cancelled", "deleting"]
TransferState = Literal["unspecified", "queued", "running", "waiting", "done", "failed", "cancelled"]
FailureClass = Literal["unspecified", "permanent", "transient", "storage", "local", "credential"]


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the catalogue.

    lfn: absolute; that of a directory ends in a slash
    size: bytes; 0 for directories
    owner, group: accounts
    permissions: three octal digits, such as `755`
    change_time: the last change of the entry (UTC); None: unknown
    md5: hexadecimal; empty: unknown, and in listings
    guid: a lower-case UUID; empty: none, and in listings
    """

    lfn: str
    type: EntryType
    size: int
    owner: str
    group: str
    permissions: str
    change_time: datetime | None
    md5: str
    guid: str

    @property
    def name(self) -> str:
        """Return the last component, without a slash."""
        return self.lfn.rstrip("/").rpartition("/")[2]

    @property
    def is_directory(self) -> bool:
        """Return whether it is a directory."""
        return self.type == "directory"


@dataclass(frozen=True, slots=True)
class Replica:
    """A replica of a file: its storage element `se`, and its physical name `pfn` (`root://host:port//path`)."""

    se: str
    pfn: str


@dataclass(frozen=True, slots=True)
class Content:
    """A readable file: absolute `lfn`, `size` in bytes, `md5` (empty: unknown), `guid` (for a member the archive's)."""

    lfn: str
    size: int
    md5: str
    guid: str
    ses: tuple[str, ...]
    """The storage elements with a replica, the first choice first."""


@dataclass(frozen=True, slots=True)
class Job:
    """A transfer job.

    id: its number, as in `alienctl transfers show`
    files, files_done, files_failed: numbers of files; `files` grows while the state is `expanding`
    bytes_done, bytes_total: bytes; those of running copies count
    bytes_per_second: measured over the last seconds; 0: nothing moves
    time_left: estimate in seconds; None: unknown
    create_time, end_time: UTC; `end_time` is None until the job has ended
    message: why the job as a whole failed or is held; mostly empty
    """

    id: int
    state: JobState
    sources: tuple[str, ...]
    target: str
    files: int
    files_done: int
    files_failed: int
    bytes_done: int
    bytes_total: int
    bytes_per_second: int
    time_left: float | None
    create_time: datetime | None
    end_time: datetime | None
    message: str
    label: str
    executor: str

    @property
    def has_ended(self) -> bool:
        """Return whether nothing more happens: the job is done, partial, failed or cancelled."""
        return self.end_time is not None


@dataclass(frozen=True, slots=True)
class JobPage:
    """A part of the list of jobs; an empty `next_token` says that it is the last one."""

    jobs: tuple[Job, ...]
    next_token: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """The copy of one file of a job.

    source, target: LFN or absolute local path
    size, bytes_done: bytes; a size of 0 may be unknown
    attempts: the number of attempts that were started
    message: why it failed or waits; otherwise empty
    retry_time: when it is tried again (UTC); None: it does not wait
    failure: who can act on the last failure
    se: the storage element of the last failure; empty: none
    error_number: the errno of the last failure, or the code of the central service; 0: none
    reason: an `ErrorReason` of the contract without its prefix, such as `NOT_FOUND`; empty: none
    """

    id: int
    state: TransferState
    source: str
    target: str
    size: int
    bytes_done: int
    attempts: int
    message: str
    retry_time: datetime | None
    failure: FailureClass
    se: str
    error_number: int
    reason: str


@dataclass(frozen=True, slots=True)
class WaitReason:
    """Why files of a job wait.

    kind: a `WaitKind` of the contract in lower case, such as `paused` or `element_full`
    text: a sentence for a person
    files: the number of files; 0: the job as a whole
    first_source: the source of the first of them
    retry_time: when the first of them is tried again (UTC); None: unknown
    """

    kind: str
    text: str
    files: int
    first_source: str
    retry_time: datetime | None


def entry_of(message: catalogue_pb2.Entry) -> Entry:
    """Convert an entry."""
    return Entry(
        lfn=message.lfn,
        type=cast(EntryType, _word(catalogue_pb2.EntryType, message.type, "ENTRY_TYPE_")),
        size=message.size,
        owner=message.owner,
        group=message.group,
        permissions=message.permissions,
        change_time=_time(message, "change_time"),
        md5=message.md5,
        guid=message.guid,
    )


def replica_of(message: catalogue_pb2.Replica) -> Replica:
    """Convert a replica."""
    return Replica(message.se, message.pfn)


def content_of(message: contents_pb2.FileContent) -> Content:
    """Convert the description of a readable file."""
    return Content(message.lfn, message.size, message.md5, message.guid, tuple(message.ses))


def job_of(message: transfers_pb2.Job) -> Job:
    """Convert a job."""
    left = message.time_left
    return Job(
        id=message.id,
        state=cast(JobState, _word(transfers_pb2.JobState, message.state, "JOB_STATE_")),
        sources=tuple(message.sources),
        target=message.target,
        files=message.files.total,
        files_done=message.files.done,
        files_failed=message.files.failed,
        bytes_done=message.bytes_done,
        bytes_total=message.bytes_total,
        bytes_per_second=message.bytes_per_second,
        time_left=left.seconds + left.nanos / 1e9 if message.HasField("time_left") else None,
        create_time=_time(message, "create_time"),
        end_time=_time(message, "end_time"),
        message=message.message,
        label=message.label,
        executor=message.executor,
    )


def job_page_of(message: transfers_pb2.ListJobsResponse) -> JobPage:
    """Convert a page of jobs."""
    return JobPage(tuple(map(job_of, message.jobs)), message.next_page_token)


def transfer_of(message: transfers_pb2.Transfer) -> Transfer:
    """Convert a transfer."""
    failure = _word(transfers_pb2.FailureClass, message.failure.failure_class, "FAILURE_CLASS_")
    return Transfer(
        id=message.id,
        state=cast(TransferState, _word(transfers_pb2.TransferState, message.state, "TRANSFER_STATE_")),
        source=message.source,
        target=message.target,
        size=message.size,
        bytes_done=message.bytes_done,
        attempts=message.attempts,
        message=in_python(message.message),
        retry_time=_time(message, "retry_time"),
        failure=cast(FailureClass, failure),
        se=message.failure.se,
        error_number=message.failure.error_number,
        reason=reason_name(message.failure.reason),
    )


def wait_reason_of(message: transfers_pb2.WaitReason) -> WaitReason:
    """Convert a reason to wait."""
    kind = _word(transfers_pb2.WaitKind, message.kind, "WAIT_KIND_")
    return WaitReason(kind, message.text, message.files, message.first_source, _time(message, "retry_time"))


def _word(enum: Any, number: int, prefix: str) -> str:  # noqa: ANN401 - the wrapper of any enumeration
    """Return the name of a value in lower case; `unspecified` for one that a newer daemon has added."""
    return str(enum.Name(number)).removeprefix(prefix).lower() if number in enum.values() else "unspecified"


def _time(message: Any, field: str) -> datetime | None:  # noqa: ANN401 - any message with times
    """Return a time of a message in UTC; None if it is unset."""
    stamp: Timestamp = getattr(message, field)
    return stamp.ToDatetime(tzinfo=UTC) if message.HasField(field) else None
