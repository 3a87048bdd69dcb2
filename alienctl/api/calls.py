"""The table of calls: each function builds the request of one call and says how its answer becomes a result.

`grid.Grid` performs the calls on a synchronous channel, `async_grid.AsyncGrid` on an asynchronous one. The calls of the
catalogue and of contents get the session from there as their first argument; their other arguments and their
docstrings are those of the methods.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from alienctl.api import results
from alienctl.api.call_kinds import Call, Stream
from alienctl.api.errors import ErrorFacts, InvalidRequestError, NotFoundError
from alienctl.api.results import Content, Entry, Job, JobPage, Replica, Transfer, WaitReason
from aliend.v1 import catalogue_pb2, contents_pb2, daemon_pb2, session_pb2, transfers_pb2

PathLike = str | os.PathLike[str]
"""An LFN as text, with or without `alien:`; `file:` and a local path as text; or a local path as a `Path`."""
Overwrite = Literal["never", "always", "changed"]
_OVERWRITES = {
    "never": transfers_pb2.OVERWRITE_NEVER,
    "always": transfers_pb2.OVERWRITE_ALWAYS,
    "changed": transfers_pb2.OVERWRITE_CHANGED,
}
_PAGE = 1000
_HOME = "python:home"
"""The session of all connections that have not changed their directory; nothing changes it."""


@dataclass(frozen=True, slots=True)
class Read:
    """The outcome of a read: the file, and the content of each range."""

    file: Content
    data: list[bytes]


def initial_session(session: str) -> str:
    """Return the session of a new connection: the named one, else ALIEN_SESSION, else one in the home directory."""
    return session or os.environ.get("ALIEN_SESSION", "") or _HOME


def own_session(session: str) -> str:
    """Return the session in which a connection may change the directory."""
    return f"python:{uuid.uuid4().hex}" if session == _HOME else session


def pwd(session: str) -> Call[str]:
    """Return the working directory of the session, to which relative LFNs refer."""
    request = session_pb2.GetSessionRequest(session=session)
    return Call("session", "GetSession", request, lambda answer: str(answer.session.directory))


def change_directory(session: str, lfn: str) -> Call[str]:
    """Change the working directory of the session and return it; `-` is the previous one, empty the home."""
    request = session_pb2.ChangeDirectoryRequest(session=session, directory=_text(lfn))
    is_repeatable = lfn[:1] in ("", "/", "~")
    return Call("session", "ChangeDirectory", request, lambda answer: str(answer.session.directory), is_repeatable)


def hello() -> Call[None]:
    """Check that the daemon answers."""
    return Call("daemon", "Hello", daemon_pb2.HelloRequest(), _nothing)


def ls(session: str, lfn: str = "", *, hidden: bool = False) -> Stream[Entry]:
    """Yield the entries of a directory (empty: the working directory), or a single file.

    `hidden` adds names that begin with a dot. Raises NotFoundError.
    """
    request = catalogue_pb2.ListEntriesRequest(lfn=_text(lfn), all=hidden, session=session)
    return Stream("catalogue", "ListEntries", request, _entries)


def stat(session: str, lfn: str) -> Call[Entry]:
    """Return an entry with its md5 and GUID. Raises NotFoundError."""

    def convert(answer: catalogue_pb2.StatEntriesResponse) -> Entry:
        if not answer.entries:
            raise NotFoundError(f"{lfn} does not exist", ErrorFacts(2, lfn, "NOT_FOUND"))
        return results.entry_of(answer.entries[0])

    request = catalogue_pb2.StatEntriesRequest(lfns=[_text(lfn)], session=session)
    return Call("catalogue", "StatEntries", request, convert)


def exists(session: str, lfn: str) -> Call[bool]:
    """Return whether a name exists in the catalogue."""
    request = catalogue_pb2.StatEntriesRequest(lfns=[_text(lfn)], session=session)
    return Call("catalogue", "StatEntries", request, lambda answer: bool(answer.entries))


def find(
    session: str,
    directory: str = "",
    pattern: str = "",
    *,
    regex: str = "",
    min_size: int = 0,
    limit: int = 0,
) -> Stream[Entry]:
    """Yield the files below a directory (empty: the working directory), unordered.

    pattern: `*` matches any text including slashes; a text without it matches anywhere in the name
    regex: a regular expression, searched anywhere in the name; not together with a pattern
    min_size: bytes
    limit: the highest number of files; 0: all
    Raises NotFoundError, NotDirectoryError, InvalidRequestError.
    """
    selection = transfers_pb2.Selection(pattern=pattern, regex=regex, min_size=min_size, limit=limit)
    request = catalogue_pb2.FindEntriesRequest(directory=_text(directory), selection=selection, session=session)
    return Stream("catalogue", "FindEntries", request, _entries)


def whereis(session: str, lfn: str) -> Call[list[Replica]]:
    """Return the replicas of a file, for an archive member those of the archive. Raises NotFoundError."""
    request = catalogue_pb2.ListReplicasRequest(lfn=_text(lfn), session=session)
    return Call("catalogue", "ListReplicas", request, lambda answer: [results.replica_of(o) for o in answer.replicas])


def mkdir(session: str, lfn: str, *, parents: bool = False) -> Call[None]:
    """Create a directory; an existing one is not an error. `parents` creates missing parents, too.

    Raises NotFoundError, DeniedError, NotDirectoryError.
    """
    request = catalogue_pb2.MakeDirectoryRequest(lfn=_text(lfn), parents=parents, session=session)
    return Call("catalogue", "MakeDirectory", request, _nothing)


def rm(session: str, lfn: str, *, recursive: bool = False) -> Call[None]:
    """Remove a file, or with `recursive` a directory with everything below. Raises NotFoundError, DeniedError."""
    request = catalogue_pb2.RemoveEntriesRequest(lfns=[_text(lfn)], recursive=recursive, session=session)
    return Call("catalogue", "RemoveEntries", request, _nothing, is_repeatable=False)


def mv(session: str, lfn: str, target: str) -> Call[None]:
    """Rename a file or directory; `target` is the complete new LFN. Raises NotFoundError, ExistsError."""
    request = catalogue_pb2.MoveEntryRequest(lfn=_text(lfn), target=_text(target), session=session)
    return Call("catalogue", "MoveEntry", request, _nothing, is_repeatable=False)


def check_mode(lfn: str, mode: str) -> None:
    """Raise InvalidRequestError unless the mode of `open` is `rb`."""
    if mode != "rb":
        message = f"files of the Grid can only be opened in mode rb, not {mode}; use `copy` to store a local file"
        raise InvalidRequestError(message, ErrorFacts(22, lfn, "INVALID_REQUEST"))


def describe(session: str, lfn: str) -> Call[Content]:
    """Return a readable file without its content. Raises NotFoundError, DirectoryError."""
    request = _read_request(session, lfn, [(0, 0)], "")
    return Call("contents", "Read", request, lambda answers: _collect(answers, 1).file, is_streamed=True)


def read_ranges(session: str, lfn: str, ranges: Sequence[tuple[int, int]], *, guid: str = "") -> Call[list[bytes]]:
    """Return the content of 1 to 1000 ranges, each an offset and a length in bytes; shorter at the end of the file.

    With the `guid` of a file that was read before, its permission is used again, and a file that replaced it is an
    error. Raises NotFoundError, DirectoryError, UnavailableError, ChecksumError.
    """
    if not ranges:
        raise InvalidRequestError("read_ranges needs at least one range", ErrorFacts(22, lfn, "INVALID_REQUEST"))
    for offset, length in ranges:
        if offset < 0 or length < 0:
            message = f"the range ({offset}, {length}) is negative; read_ranges needs an offset and a length in bytes"
            raise InvalidRequestError(message, ErrorFacts(22, lfn, "INVALID_REQUEST"))
    request = _read_request(session, lfn, ranges, guid)
    count = len(ranges)
    return Call("contents", "Read", request, lambda answers: _collect(answers, count).data, is_streamed=True)


def read_bytes(session: str, lfn: str) -> Call[bytes]:
    """Return the whole content of a file, compared with its md5. Raises as `read_ranges`."""
    request = _read_request(session, lfn, [], "")
    return Call("contents", "Read", request, lambda answers: _collect(answers, 1).data[0], is_streamed=True)


def copy(  # noqa: PLR0913 - the options of a method for users
    session: str,
    sources: PathLike | Sequence[PathLike],
    target: PathLike,
    *,
    overwrite: Overwrite = "never",
    storage: str = "",
    pattern: str = "",
    touch_empty: bool = False,
    label: str = "",
    executor: str = "",
) -> Call[Job]:
    """Copy files and directories, as a job of the daemon; return when it is stored.

    sources: LFNs, or local paths, as text that begins with `file:` or as a `Path`; not mixed
    target: the same; a name that ends in a slash is a directory
    overwrite: `never` keeps an equal target and fails for a different one; `changed` replaces that; `always`: any
    storage: for uploads, such as `disk:2` or `ALICE::CERN::EOS`; empty: two on disk. If the service grants fewer
        storage elements, the file is stored on those
    pattern: copy only these files of directories, as in `find`
    touch_empty: create an entry without content for an empty local file; otherwise such a file fails
    label: a text of the job, for lists
    executor: `local`, or `dask:` and the address or the scheduler file of a Dask cluster; empty: as configured
    Raises InvalidRequestError.
    """
    if overwrite not in _OVERWRITES:
        message = f"overwrite is never, always or changed, not {overwrite!r}"
        raise InvalidRequestError(message, ErrorFacts(22, reason="INVALID_REQUEST"))
    listed = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    request = transfers_pb2.SubmitJobRequest(
        request_id=str(uuid.uuid4()),
        sources=[location(source) for source in listed],
        target=location(target),
        overwrite=_OVERWRITES[overwrite],
        storage=storage,
        selection=transfers_pb2.Selection(pattern=pattern) if pattern else None,
        cwd=str(Path.cwd()),
        session=session,
        umask=_umask(),
        touch_empty=touch_empty,
        label=label,
        executor=executor,
    )
    return Call("transfers", "SubmitJob", request, _job)


def job(number: int) -> Call[Job]:
    """Return a job as it is now. Raises NotFoundError."""
    return Call("transfers", "GetJob", transfers_pb2.GetJobRequest(id=number), _job)


def job_page(token: str, *, active: bool) -> Call[JobPage]:
    """Return a page of the jobs, the newest first; an empty token is that of the first page."""
    request = transfers_pb2.ListJobsRequest(page_size=_PAGE, page_token=token, active_only=active)
    return Call("transfers", "ListJobs", request, results.job_page_of)


def wait(number: int, timeout: float | None) -> Call[Job]:
    """Return a job when it has ended; `timeout` in seconds. Raises NotFoundError, DeadlineError."""
    return Call("transfers", "WaitJob", transfers_pb2.WaitJobRequest(id=number), _job, timeout=timeout)


def watch(number: int, timeout: float | None = None) -> Stream[Job]:
    """Yield a job as it is now, and after each change until it has ended; `timeout` in seconds.

    Raises NotFoundError, DeadlineError.
    """
    request = transfers_pb2.WatchJobsRequest(job_id=number)
    convert = results.job_of
    return Stream("transfers", "WatchJobs", request, lambda answer: map(convert, answer.jobs), True, timeout)


def cancel(number: int) -> Call[Job]:
    """Cancel the transfers of a job that have not ended; return the job. Raises NotFoundError."""
    request = transfers_pb2.CancelJobRequest(request_id=str(uuid.uuid4()), id=number)
    return Call("transfers", "CancelJob", request, _job)


def why(number: int) -> Call[list[WaitReason]]:
    """Return why files of a job wait; empty if none waits. Raises NotFoundError."""
    request = transfers_pb2.ListWaitReasonsRequest(job_id=number)
    convert = results.wait_reason_of
    return Call("transfers", "ListWaitReasons", request, lambda answer: [convert(one) for one in answer.reasons])


def failures(number: int) -> Call[list[Transfer]]:
    """Return the failed transfers of a job, at most 1000. Raises NotFoundError."""
    states = [transfers_pb2.TRANSFER_STATE_FAILED]
    request = transfers_pb2.ListTransfersRequest(job_id=number, page_size=_PAGE, states=states)
    convert = results.transfer_of
    return Call("transfers", "ListTransfers", request, lambda answer: [convert(one) for one in answer.transfers])


def location(path: PathLike) -> str:
    """Return a path as the contract writes it: `file:` and an absolute path for a `Path`, else `alien:` and an LFN.

    A trailing slash of a text is kept. Raises InvalidRequestError for an empty path.
    """
    if not isinstance(path, str):
        return f"file:{os.path.abspath(path)}"
    if not path:
        raise InvalidRequestError("a path must not be empty", ErrorFacts(22, reason="INVALID_REQUEST"))
    return path if path.startswith(("file:", "alien:")) else f"alien:{path}"


def _text(lfn: str) -> str:
    """Return an LFN. Raises TypeError for anything but text; a `Path` is always a local file."""
    if not isinstance(lfn, str):
        raise TypeError(f"an LFN is a str, not {type(lfn).__name__}; only `copy` takes paths, which are local files")
    return lfn


def _umask() -> int:
    """Return the umask of this process. Setting it to read it would change it for other threads meanwhile."""
    with Path("/proc/self/status").open(encoding="ascii", errors="replace") as lines:
        return next((int(line.split()[1], 8) for line in lines if line.startswith("Umask:")), 0o022)


def _read_request(session: str, lfn: str, ranges: Iterable[tuple[int, int]], guid: str) -> contents_pb2.ReadRequest:
    listed = [contents_pb2.Range(offset=offset, length=length) for offset, length in ranges]
    return contents_pb2.ReadRequest(lfn=_text(lfn), ranges=listed, guid=guid, session=session)


def _collect(answers: Iterable[contents_pb2.ReadResponse], count: int) -> Read:
    """Return the file and the content of its ranges."""
    parts: list[list[bytes]] = [[] for _ in range(count)]
    file = contents_pb2.FileContent()
    for answer in answers:
        if answer.HasField("file"):
            file = answer.file
        parts[answer.range].append(answer.data)
    return Read(results.content_of(file), [b"".join(one) for one in parts])


def _entries(answer: Any) -> list[Entry]:  # noqa: ANN401 - a page of a listing or of a search
    return [results.entry_of(one) for one in answer.entries]


def _job(answer: Any) -> Job:  # noqa: ANN401 - any answer with a job
    return results.job_of(answer.job)


def _nothing(_answer: object) -> None:
    """Return nothing: the answer has no content."""
