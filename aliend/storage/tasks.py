"""The tasks of a worker process and their results, as values.

No XRootD and no asyncio here, so that the daemon's side can import this module cheaply.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from aliend.errors import CopyError, ErrorKind

if TYPE_CHECKING:  # a worker process starts sooner without these imports
    from aliend.core.cli.environment import Settings
    from aliend.core.transfers.overwrite import Overwrite

from aliend.core.catalogue.entries import Ticket
from aliend.core.catalogue.file_system import Directory, FileSystem

R = TypeVar("R")


class Task(Generic[R]):
    """A task with a result of type `R`. `id` is the transfer's number, or 0."""

    __slots__ = ()
    id: int


@dataclass(frozen=True, slots=True)
class ReplicaUrl:
    """One replica to read or to write.

    `url` is the PFN (`root://host:port//path`, with `#member` for a file inside an archive), `envelope` (a secret)
    grants the access, `se` is the name of the storage element.
    """

    url: str
    envelope: str = field(repr=False)
    se: str


@dataclass(frozen=True, slots=True)
class Tuning:
    """How to move the bytes of one file.

    Up to `chunks` requests of `chunk_size` bytes are in flight over `streams` connections (0: the default of each). A
    replica that delivers less than `min_rate` bytes per second (0: no limit) is abandoned.
    """

    chunks: int = 0
    chunk_size: int = 0
    streams: int = 0
    min_rate: int = 0


@dataclass(frozen=True, slots=True)
class Downloaded:
    """The target exists and is complete.

    `size` in bytes, `md5` of its content, `se` the storage element that delivered the last byte (empty: none was used).
    `kept`: the right file existed before. `warning` (usually empty) names what could not be compared. `failures` are
    storage elements that failed before, each with the reason and its errno.
    """

    size: int
    md5: str
    se: str
    kept: bool
    warning: str
    failures: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Download(Task[Downloaded]):
    """Download one file.

    `id` names the partial file and must be the same in each attempt. `sources` are tried in order; `target` is
    the absolute local path of the final file; `size` in bytes; `md5` in lower case (empty: unknown); `overwrite`
    as in `core.transfers.job`; the mode of the result is `0666 & ~umask`. `lfn` and `guid` are stored as extended
    attributes; `keep_free` bytes of the disk stay free (-1: 5 % of it, at most 2 GiB). Nothing is written
    on another file system than the one of `file_systems` that contains the target (none: anywhere), or if another
    directory has the path of `directory`, which is above the target (None: unknown).
    `whole_archive`: download the whole archive of a member and extract the member locally. `verify`: read the written
    file back from the disk and compare it. `ca` is a directory or file of CA certificates for sources read over HTTPS.
    An `attempt` on a cluster (0: on this machine) leaves a partial file of its own for `PublishPartial`.
    """

    id: int
    sources: tuple[ReplicaUrl, ...]
    target: str
    size: int
    md5: str
    overwrite: Overwrite
    umask: int
    lfn: str = ""
    guid: str = ""
    keep_free: int = -1
    whole_archive: bool = False
    verify: bool = False
    ca: str = ""
    tuning: Tuning = Tuning()
    file_systems: tuple[FileSystem, ...] = ()
    directory: Directory | None = None
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class PublishPartial(Task["Checksummed"]):
    """Rename the complete partial file that an attempt on a cluster has left to the target of its `download`."""

    id: int
    download: Download


@dataclass(frozen=True, slots=True)
class Listed:
    """The members of an archive: names, and sizes in bytes."""

    members: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ListMembers(Task[Listed]):
    """List the members of a zip archive; `sources` are its replicas, tried in order."""

    id: int
    sources: tuple[ReplicaUrl, ...]


@dataclass(frozen=True, slots=True)
class Checksummed:
    """The size of a local file in bytes and its md5 in lower case."""

    size: int
    md5: str


@dataclass(frozen=True, slots=True)
class Checksum(Task[Checksummed]):
    """Compute size and md5 of a local file, given by its absolute path."""

    id: int
    path: str


@dataclass(frozen=True, slots=True)
class ChecksummedFiles:
    """One result for each file, in order; the md5 is empty if the file cannot be read."""

    files: tuple[Checksummed, ...]


@dataclass(frozen=True, slots=True)
class Checksums(Task[ChecksummedFiles]):
    """Compute size and md5 of several small local files, given by their absolute paths."""

    id: int
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RemovePartial(Task[Checksummed]):
    """Remove the partial file that an unfinished download left beside `target`; the result has its size and no md5.

    One of at least `keep_from` bytes stays (0: none does). Those of the first `attempts` attempts on a cluster are
    removed in any case. `directories` were created for the download and are removed
    too if they are empty. Nothing is looked for on another file system than that of `file_systems` (see `Download`), or
    if another directory has the path of `directory`.
    """

    id: int
    target: str
    directories: tuple[str, ...] = ()
    keep_from: int = 0
    file_systems: tuple[FileSystem, ...] = ()
    directory: Directory | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class AdoptPartial(Task[Checksummed]):
    """Give the partial file of transfer `other` to transfer `id`, unless that has one; the result has its size.

    Both are downloads to `target`. Nothing is done on another file system than that of `file_systems`, or in another
    directory than `directory`, as for a `Download`.
    """

    id: int
    target: str
    other: int
    file_systems: tuple[FileSystem, ...] = ()
    directory: Directory | None = None


@dataclass(frozen=True, slots=True)
class ReplicaOutcome:
    """The outcome of one replica.

    `error` is empty if the replica was verified on the storage. `checked` says how: `md5` or `adler32` (size and that
    checksum), `size` (the server has no checksum) or `close` (the server refused to report even the size; it had
    acknowledged every byte and the close). `unreachable_sources` are storage elements from which the target cannot
    fetch any file. `error_number` is the errno of the error (0: none).
    """

    se: str
    url: str
    error: str
    kind: ErrorKind
    checked: str = ""
    unreachable_sources: tuple[str, ...] = ()
    error_number: int = 0


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The outcome of each replica, in the order of the targets; `md5` is empty if all failed before the last byte."""

    size: int
    md5: str
    replicas: tuple[ReplicaOutcome, ...]


@dataclass(frozen=True, slots=True)
class Upload(Task[Uploaded]):
    """Upload one local file to all `targets` in one pass.

    `source` is an absolute local path; `size` (bytes), `modified_ns` and `changed_ns` (POSIX nanoseconds of mtime and
    ctime; programs can set the mtime only) are those seen when the tickets were requested: a file that differs is
    refused. With `only_compare` nothing is sent; replicas that exist
    and are complete have no error.
    """

    id: int
    source: str
    targets: tuple[ReplicaUrl, ...]
    size: int
    modified_ns: int
    changed_ns: int
    tuning: Tuning = Tuning()
    only_compare: bool = False


@dataclass(frozen=True, slots=True)
class ThirdParty(Task[Uploaded]):
    """Have storage elements copy one file among themselves: each of `targets` from the first of `sources` that works.

    Every replica is compared with `size` (bytes) and `md5` (lower case). The result is that of an `Upload`; with
    `only_compare` nothing is copied. `blocked_pairs` are (source, target) storage elements to skip.
    """

    id: int
    sources: tuple[ReplicaUrl, ...]
    targets: tuple[ReplicaUrl, ...]
    size: int
    md5: str
    only_compare: bool = False
    blocked_pairs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """The replicas with wrong content: storage element, and what is wrong."""

    failures: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Compare(Task[Compared]):
    """Read all of `sources` and compare them with `size` (bytes) and `md5`."""

    id: int
    sources: tuple[ReplicaUrl, ...]
    size: int
    md5: str


def _ignore(*_: str) -> None:
    """Ignore the notification."""


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """On whose behalf a task runs.

    `job` and its `rate` (bytes per second, 0: no limit) share bandwidth; `settings` are the XRootD variables of the
    process; `attempt` is the number of the attempt at the transfer; `executor` is that of the job, see
    `core.cli.executor`. `on_source_change` receives the storage element that is used from now on; `on_failure` receives
    one that failed for a reason that may pass, and the reason.
    """

    job: int = 0
    rate: int = 0
    settings: Settings = ()
    on_source_change: Callable[[str], None] = _ignore
    on_failure: Callable[[str, str], None] = _ignore
    attempt: int = 0
    executor: str = ""


@dataclass(frozen=True, slots=True)
class ReadDone:
    """All bytes were delivered, and those of a whole file verified. `warning` names what could not be compared."""

    size: int
    se: str
    warning: str


@dataclass(frozen=True, slots=True)
class Read(Task[ReadDone]):
    """Stream the bytes of `ranges` of one file, one after the other; see `WorkerPool.open_read`.

    A range has the offsets of its first byte and behind its last one. `sources` are tried in order; the next one
    continues where the last one failed. `size` in bytes and `md5` (lower case, empty: unknown) are those of the whole
    file, which is compared with them if it is the only range.
    """

    id: int
    sources: tuple[ReplicaUrl, ...]
    size: int
    md5: str
    ranges: tuple[tuple[int, int], ...]

    @property
    def is_whole(self) -> bool:
        """Return whether it reads the whole file."""
        return self.ranges == ((0, self.size),)


@dataclass(frozen=True, slots=True)
class Probed:
    """The answer of a storage server.

    The first seven fields are those of the XRootD status of the last request; `milliseconds` are those of the
    successful requests; `text` is the answer to `config` and `stats`; `size` (bytes), `flags` (XRootD's bits) and
    `modified` (POSIX seconds) are those of `stat`.
    """

    ok: bool
    error: bool
    fatal: bool
    status: int
    code: int
    errno: int
    message: str
    shellcode: int = 0
    milliseconds: tuple[float, ...] = ()
    text: str = ""
    size: int = 0
    flags: int = 0
    modified: int = 0


@dataclass(frozen=True, slots=True)
class Probe(Task[Probed]):
    """Query a storage server (`root://host:port`) `count` times, with at most `limit` seconds for each request.

    `ping`: does it answer; `config`: the values of the settings named in `argument`; `stats`: its statistics as XML;
    `stat`: size, flags and time of the path in `argument`.
    """

    id: int
    server: str
    what: Literal["ping", "config", "stats", "stat"]
    argument: str = ""
    count: int = 1
    limit: float = 5.0


Result = Downloaded | Uploaded | Checksummed | ChecksummedFiles | Listed | ReadDone | Probed | Compared


class WorkerDied(CopyError):
    """The worker process ended during this task; the file itself is not the cause."""


class LeftBatch(Exception):
    """The file must be copied by a task of its own: it needs more than the usual steps. Nothing was changed."""


class Stopped(Exception):
    """The task was stopped on request."""


def replica_urls(tickets: Sequence[Ticket]) -> tuple[ReplicaUrl, ...]:
    """Return a replica for each ticket, in order."""
    return tuple(ReplicaUrl(ticket.url, ticket.envelope, ticket.se) for ticket in tickets)
