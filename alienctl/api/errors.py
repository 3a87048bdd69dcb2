"""The exceptions of the Python API, and their conversion from gRPC statuses.

GridError (OSError)           anything that the daemon, the service or a storage element reports
  NotFoundError               also a FileNotFoundError: a name, a local file or a job does not exist
  ExistsError                 also a FileExistsError
  NotDirectoryError           also a NotADirectoryError
  DirectoryError              also an IsADirectoryError: a file is needed, the name is a directory
  DeniedError                 also a PermissionError: the account may not do this
  InvalidRequestError         also a ValueError: nothing was done
  CredentialError             no usable certificate or token; the service refuses it
  UnavailableError            also a ConnectionError: service or storage cannot be reached now; try again later
    NoDaemonError             no daemon runs, and none could be started; or it stopped during the call
  DeadlineError               also a TimeoutError: the caller's time limit was exceeded
  ChecksumError               the content is not what the catalogue says
  OutcomeUnknownError         the reply to a change was lost: it may or may not have happened
  CopyFailedError             a copy ended, and not all of its files arrived
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import status_pb2

from alienctl import ClientError
from aliend.v1 import errors_pb2

if TYPE_CHECKING:
    from alienctl.api.results import Job, Transfer

_DETAILS = "grpc-status-details-bin"
_PREFIX = "ERROR_REASON_"

_ARGUMENTS = {
    "request the storage with --to: `--to disk:2`": 'use the argument storage="disk:2"',
    "use -f to replace it": 'overwrite="always" replaces it',
    "remove it or overwrite it with -f": 'overwrite="always" replaces it',
    "use --touch-empty to create an entry without content": "touch_empty=True creates an entry without content",
}
"""What messages advise at a terminal, and the argument of `copy` that does the same."""
_OLD_DAEMON = "the daemon is older than this API; run `alienctl daemon restart`"


@dataclass(frozen=True, slots=True)
class ErrorFacts:
    """The facts of an error."""

    number: int = errno.EIO
    """A POSIX errno, or the code of the central service, which `alienctl` exits with."""
    lfn: str = ""
    """The name in the catalogue, or the local path, that the error is about; empty: none or several."""
    reason: str = ""
    """An `ErrorReason` of the contract without its prefix, such as `NOT_FOUND`; empty: unknown."""
    advice: str = ""
    """What a person can do, which may name commands of `alienctl`; empty: nothing known."""
    se: str = ""
    """The storage element that failed; empty: none or several."""
    retry_after: float | None = None
    """Seconds after which the same call may succeed; None: another try does not help."""


class GridError(OSError):
    """An error with its facts, also as attributes; `errno` is the number and `filename` the LFN.

    `message` is what happened, in one line; `str()` adds the advice on the next line.
    """

    def __init__(self, message: str, facts: ErrorFacts | None = None) -> None:
        facts = facts or ErrorFacts()
        super().__init__(facts.number, message)
        self.filename = facts.lfn or None
        self.message, self.facts = message, facts
        self.lfn, self.reason, self.advice = facts.lfn, facts.reason, facts.advice
        self.se, self.retry_after = facts.se, facts.retry_after

    def __str__(self) -> str:
        return f"{self.message}\n{self.advice}" if self.advice else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.facts)


class NotFoundError(GridError, FileNotFoundError):
    """A name in the catalogue, a local file or a job does not exist."""


class ExistsError(GridError, FileExistsError):
    """The name exists already."""


class NotDirectoryError(GridError, NotADirectoryError):
    """A file stands where a directory is needed."""


class DirectoryError(GridError, IsADirectoryError):
    """A directory stands where a file is needed."""


class DeniedError(GridError, PermissionError):
    """The account may not do this."""


class InvalidRequestError(GridError, ValueError):
    """An argument is invalid; nothing was done."""


class CredentialError(GridError):
    """No usable certificate or token exists, or the central service refuses it."""


class UnavailableError(GridError, ConnectionError):
    """The central service or a storage element cannot be reached now."""


class NoDaemonError(UnavailableError):
    """No daemon runs and none could be started, or the daemon stopped during the call."""


class DeadlineError(GridError, TimeoutError):
    """The caller's time limit was exceeded."""


class ChecksumError(GridError):
    """The content of a file is not what the catalogue says."""


class OutcomeUnknownError(GridError):
    """The reply to a change was lost: it may or may not have happened."""


class CopyFailedError(GridError):
    """A copy ended, and not all of its files arrived.

    `job` is its last state (`results.Job`), `failures` are its failed transfers (`results.Transfer`), at most 1000. If
    all of them failed for one reason, the exception is that of the reason, too, such as a NotFoundError.
    """

    def __init__(self, message: str, facts: ErrorFacts, job: Job, failures: Sequence[Transfer] = ()) -> None:
        super().__init__(message, facts)
        self.job, self.failures = job, tuple(failures)

    def __reduce__(self) -> tuple[Any, ...]:
        return _copy_error, (self.message, self.facts, self.job, self.failures)


def copy_unfinished(job: Job, timeout: float) -> DeadlineError:
    """Return the exception for a job that has not ended after `timeout` seconds; it says why the job is held."""
    held = f"; {job.message}" if job.message else ""
    text = f"job {job.id} is {job.state} after {timeout:g} s: {job.files_done} of {job.files} files have arrived{held}"
    facts = ErrorFacts(errno.ETIMEDOUT, reason="DEADLINE", advice="call `why()` for the reason")
    return DeadlineError(text, facts)


def copy_failed(job: Job, failures: Sequence[Transfer]) -> CopyFailedError:
    """Return the exception for a job that has ended without copying all of its files; its facts are the first one's."""
    first = next(iter(failures), None)
    text = f"job {job.id} is {job.state}"
    if job.files:
        text += f": {job.files - job.files_done} of {job.files} files were not copied"
    advice = f"`alienctl transfers show {job.id}` lists the files; `alienctl transfers retry {job.id}` tries again"
    if first is None:
        number = errno.ECANCELED if job.state == "cancelled" else errno.EIO
        facts = ErrorFacts(number, reason="CANCELLED" if job.state == "cancelled" else "COPY_FAILED", advice=advice)
        return CopyFailedError(f"{text}; {job.message}" if job.message else text, facts, job)
    reason = first.reason or "COPY_FAILED"
    number = first.error_number or kind_of(reason)[1]
    happened, remedy = split_advice(first.message)
    facts = ErrorFacts(number, first.source, reason, f"{remedy}; {advice}" if remedy else advice, first.se)
    name = "" if happened.startswith(first.source) else f"{first.source}: "
    return _copy_error(f"{text}; {name}{happened}", facts, job, failures)


def in_python(message: str) -> str:
    """Return a message with arguments of `copy` instead of options of `alienctl cp`."""
    for option, argument in _ARGUMENTS.items():
        message = message.replace(option, argument)
    return message


def split_advice(message: str) -> tuple[str, str]:
    """Return what happened to a transfer, and what a person can do (empty: nothing known)."""
    clauses = message.split("; ")
    advice = [one for one in clauses[1:] if "`alienctl " in one or one in _ARGUMENTS.values()]
    return "; ".join(one for one in clauses if one not in advice), "; ".join(advice)


def _copy_error(message: str, facts: ErrorFacts, job: Job, failures: Sequence[Transfer]) -> CopyFailedError:
    """Return the exception of a failed copy, which is also that of the reason if all failures have the same."""
    kind = kind_of(facts.reason)[0]
    is_common = {one.reason for one in failures} == {facts.reason}
    return (_COPY_FAILED[kind] if is_common else CopyFailedError)(message, facts, job, failures)


_KINDS: dict[str, tuple[type[GridError], int]] = {
    "INVALID_REQUEST": (InvalidRequestError, errno.EINVAL),
    "INVALID_PATTERN": (InvalidRequestError, errno.EINVAL),
    "REQUEST_ID_REUSED": (InvalidRequestError, errno.EINVAL),
    "LOCAL_FILE_NOT_FOUND": (NotFoundError, errno.ENOENT),
    "NOT_FOUND": (NotFoundError, errno.ENOENT),
    "JOB_NOT_FOUND": (NotFoundError, errno.ENOENT),
    "ALREADY_EXISTS": (ExistsError, errno.EEXIST),
    "NOT_A_DIRECTORY": (NotDirectoryError, errno.ENOTDIR),
    "DIRECTORY_NOT_EMPTY": (GridError, errno.ENOTEMPTY),
    "IS_A_DIRECTORY": (DirectoryError, errno.EISDIR),
    "PERMISSION_DENIED": (DeniedError, errno.EACCES),
    "ROLE_REFUSED": (DeniedError, errno.EACCES),
    "QUOTA_EXCEEDED": (GridError, errno.EDQUOT),
    "NOT_CONNECTED": (UnavailableError, errno.ENOTCONN),
    "UNKNOWN_AUTHORITY": (UnavailableError, errno.ENOTCONN),
    "STORAGE_UNAVAILABLE": (UnavailableError, errno.EIO),
    "WEB": (UnavailableError, errno.EIO),
    "NO_CREDENTIAL": (CredentialError, errno.EACCES),
    "LOGIN_REFUSED": (CredentialError, errno.EACCES),
    "UNKNOWN_USER": (CredentialError, errno.EACCES),
    "OUTCOME_UNKNOWN": (OutcomeUnknownError, errno.EIO),
    "CHECKSUM_MISMATCH": (ChecksumError, errno.EIO),
    "FILE_REPLACED": (GridError, errno.ESTALE),
}
"""The exception of each reason, and its errno if the daemon names none; all others are a GridError with EIO."""
_COPY_FAILED: dict[type[GridError], type[CopyFailedError]] = {
    GridError: CopyFailedError,
    **{
        kind: type("CopyFailedError", (CopyFailedError, kind), {"__doc__": CopyFailedError.__doc__})
        for kind, _ in _KINDS.values()
        if kind is not GridError
    },
}
"""The exception of a failed copy whose failures all have the reason of another exception."""


def from_status(error: grpc.RpcError) -> GridError:
    """Return the exception for a failed call, of a synchronous or an asynchronous channel."""
    code: grpc.StatusCode = error.code()
    text: str = error.details() or code.name
    info, retry = _details_of(error)
    if info:
        reason = reason_name(info.reason)
        kind, number = kind_of(reason)
        remedy = in_python(info.remedy)
        return kind(text, ErrorFacts(info.error_number or number, info.lfn, reason, remedy, info.se, retry))
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineError("the call exceeded its time limit", ErrorFacts(errno.ETIMEDOUT, reason="DEADLINE"))
    if code == grpc.StatusCode.UNIMPLEMENTED:
        return GridError(text, ErrorFacts(errno.ENOSYS, reason="CONTRACT_MISMATCH", advice=_OLD_DAEMON))
    if is_daemon_lost(error):
        facts = ErrorFacts(errno.ECONNRESET, reason="DAEMON_LOST", retry_after=1.0)
        return NoDaemonError("the connection to the daemon was lost during the call", facts)
    return GridError(text, ErrorFacts(reason=code.name))


def kind_of(reason: str) -> tuple[type[GridError], int]:
    """Return the exception of a reason, and its errno if the daemon names none."""
    return _KINDS.get(reason, (GridError, errno.EIO))


def reason_name(number: int) -> str:
    """Return an `ErrorReason` without its prefix; empty if it is unset or unknown."""
    is_known = number in errors_pb2.ErrorReason.values() and number != errors_pb2.ERROR_REASON_UNSPECIFIED
    return errors_pb2.ErrorReason.Name(number).removeprefix(_PREFIX) if is_known else ""


def from_client(error: ClientError) -> NoDaemonError | InvalidRequestError:
    """Return the exception for a daemon that cannot be found or started, or for an invalid setting of the caller."""
    if error.code == errno.EINVAL:
        return InvalidRequestError(str(error), ErrorFacts(error.code, reason="CONFIGURATION"))
    sentence, _, advice = str(error).partition("\n")
    return NoDaemonError(sentence, ErrorFacts(errno.ENOTCONN, reason="NO_DAEMON", advice=advice))


def is_daemon_lost(error: grpc.RpcError) -> bool:
    """Return whether a call failed because the daemon ended or could not be reached; the service is not to blame."""
    return error.code() == grpc.StatusCode.UNAVAILABLE and _details_of(error)[0] is None


def _details_of(error: grpc.RpcError) -> tuple[errors_pb2.ErrorInfo | None, float | None]:
    """Return the facts of a status, and the pause before the next try in seconds; None: it has none."""
    trailers: Any = error.trailing_metadata() or ()
    packed = next((value for name, value in trailers if name == _DETAILS), b"")
    try:
        status = status_pb2.Status.FromString(packed)
    except DecodeError:
        return None, None
    info, retry = errors_pb2.ErrorInfo(), errors_pb2.RetryInfo()
    has_info = any(detail.Unpack(info) for detail in status.details)
    has_retry = any(detail.Unpack(retry) for detail in status.details)
    pause = retry.delay.seconds + retry.delay.nanos / 1e9
    return info if has_info else None, pause if has_retry else None
