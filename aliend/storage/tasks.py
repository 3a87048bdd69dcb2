"""What can be asked of a copying process, and what it answers: values only, free of XRootD and of asyncio.

Tickets of the central service as the places that a copying process reads from and writes to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from aliend.errors import CopyError, ErrorKind

if TYPE_CHECKING:  # a copying process that is awaited needs nothing of the core's
    from aliend.core.cli.environment import Settings
    from aliend.core.transfers.overwrite import Overwrite
from collections.abc import Sequence

from aliend.core.catalogue.entries import Ticket


@dataclass(frozen=True, slots=True)
class ReplicaUrl:
    """One replica, to read from or to write to.

    `url` is the PFN (`root://host:port//path`, with `#member` for a file inside an archive), `envelope` (a secret) what
    goes behind `authz=`, `se` the storage element's name.
    """

    url: str
    envelope: str = field(repr=False)
    se: str


@dataclass(frozen=True, slots=True)
class Tuning:
    """How the bytes of one file move: `chunks` requests of `chunk_size` bytes may be on their way, over `streams`
    connections (each 0: as usual). A replica that gives less than `min_rate` bytes a second (0: none) is given up.
    """

    chunks: int = 0
    chunk_size: int = 0
    streams: int = 0
    min_rate: int = 0


@dataclass(frozen=True, slots=True)
class Download:
    """Bring one file here.

    `id` names the partial file and must be the same at each attempt. `sources` are tried in their order; `target` is
    the absolute local path of the final file; `size` in bytes; `md5` in lower case (empty: unknown); `overwrite`
    as in `core.job`; the result's mode is `0666 & ~umask`. `lfn` and `guid` are written beside the
    file as extended attributes; `keep_free` bytes of the disk are left free (-1: 5 % of it, at most 2 GiB).
    `whole_archive`: the archive of a member is fetched whole, and the member taken out of it here. `verify`: what was
    written is read once more from the disk and compared. `ca` are the authorities for sources that are read over HTTPS.
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


@dataclass(frozen=True, slots=True)
class Downloaded:
    """The target is there, whole.

    `size` in bytes, `md5` of its content, `se` the storage element that gave the last byte (empty: none was asked).
    `kept` says that a good file was there before; `warning` (mostly empty) says what could not be compared; `failures`
    are storage elements that were tried before, each with what happened there.
    """

    size: int
    md5: str
    se: str
    kept: bool
    warning: str
    failures: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ListMembers:
    """Tell what is in a zip archive; `sources` are its replicas, tried in their order."""

    id: int
    sources: tuple[ReplicaUrl, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """The members of an archive: names, and sizes in bytes."""

    members: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class RemovePartial:
    """Remove what an unfinished download left beside `target`; answered with its size and an empty md5.

    `directories` were made for it, and go too where they are empty.
    """

    id: int
    target: str
    directories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Upload:
    """Send one local file to all `targets` in one pass.

    `source` is an absolute local path; `size` (bytes) and `modified_ns` (POSIX nanoseconds) are what was seen when the
    tickets were asked for: a file that differs is refused. With `only_compare` nothing is sent: the replicas that are
    there already, whole, have no error.
    """

    id: int
    source: str
    targets: tuple[ReplicaUrl, ...]
    size: int
    modified_ns: int
    tuning: Tuning = Tuning()
    only_compare: bool = False


@dataclass(frozen=True, slots=True)
class ThirdParty:
    """Have storage elements fetch one file from each other: each of `targets` from the first of `sources` that can.

    `size` in bytes, `md5` in lower case: what every replica is compared with. Answered as an `Upload`, and nothing is
    copied with `only_compare` either. `apart` are storage elements of which the second is not to fetch from the first.
    """

    id: int
    sources: tuple[ReplicaUrl, ...]
    targets: tuple[ReplicaUrl, ...]
    size: int
    md5: str
    only_compare: bool = False
    blocked_pairs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Compare:
    """Read all of `sources` and compare them with `size` (bytes) and `md5`."""

    id: int
    sources: tuple[ReplicaUrl, ...]
    size: int
    md5: str


@dataclass(frozen=True, slots=True)
class Compared:
    """The replicas that are not what they should be: storage element, and what is wrong."""

    failures: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ReplicaOutcome:
    """What became of one replica.

    `error` is empty when it was verified on the storage. `checked` says how: `md5` or `adler32` (size and that
    checksum), `size` (the server has no checksum) or `close` (the server refused to tell even the size; it had
    acknowledged every byte and the closing). `strangers` are storage elements that it cannot be fetched from, whatever
    the file is.
    """

    se: str
    url: str
    error: str
    kind: ErrorKind
    checked: str = ""
    unreachable_sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What became of each replica, in the order of the targets; `md5` is empty when all failed before the end."""

    size: int
    md5: str
    replicas: tuple[ReplicaOutcome, ...]


@dataclass(frozen=True, slots=True)
class Checksum:
    """Compute size and md5 of a local file, an absolute path."""

    id: int
    path: str


@dataclass(frozen=True, slots=True)
class Checksummed:
    """A local file's size in bytes and its md5 in lower case."""

    size: int
    md5: str


def _ignore(*_: str) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """For whom a task is done.

    `job` and its `rate` (bytes per second, 0: no limit) share bandwidth; `settings` are the XRootD variables that it
    is done with; `turned` hears of the storage element that is used from now on, `failed` of one that failed in a way
    that may pass, and why.
    """

    job: int = 0
    rate: int = 0
    settings: Settings = ()
    on_source_change: Callable[[str], None] = _ignore
    on_failure: Callable[[str, str], None] = _ignore


@dataclass(frozen=True, slots=True)
class Read:
    """Give the bytes of one file from `start` to `end` (offsets) as they come; see `Workers.stream`.

    `sources` are tried in their order, the next one goes on where the last one failed; `size` in bytes and `md5`
    (lower case, empty: unknown) are those of the whole file.
    """

    id: int
    sources: tuple[ReplicaUrl, ...]
    size: int
    md5: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ReadDone:
    """All bytes were given; what a whole file is compared with was equal. `warning` says what was not compared."""

    size: int
    se: str
    warning: str


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask a storage server (`root://host:port`) something, `count` times, with at most `limit` seconds for each.

    `ping`: whether it answers; `config`: values of the words in `argument`; `stats`: its statistics, as XML; `stat`:
    what it knows of the path in `argument`.
    """

    id: int
    server: str
    what: Literal["ping", "config", "stats", "stat"]
    argument: str = ""
    count: int = 1
    limit: float = 5.0


@dataclass(frozen=True, slots=True)
class Probed:
    """How a server answered.

    The first seven are those of XRootD's status of the last request; `milliseconds` are of the requests that
    succeeded; `text` is the answer to `config` and `stats`; `size` (bytes), `flags` (XRootD's bits) and `modified`
    (POSIX seconds) those of `stat`.
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


Task = Download | Upload | ThirdParty | Checksum | RemovePartial | ListMembers | Read | Probe | Compare
Result = Downloaded | Uploaded | Checksummed | Listed | ReadDone | Probed | Compared


class WorkerDied(CopyError):
    """The copying process ended while it had this task; the file itself is not to blame."""


class Stopped(Exception):
    """The task was told to stop, and did."""


def replica_urls(tickets: Sequence[Ticket]) -> tuple[ReplicaUrl, ...]:
    """A replica for each ticket, in their order, with the right to it."""
    return tuple(ReplicaUrl(ticket.url, ticket.envelope, ticket.se) for ticket in tickets)
