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
  DeadlineError               also a TimeoutError: the time limit of the caller is over
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
    """The time limit of the caller is over."""


class ChecksumError(GridError):
    """The content of a file is not what the catalogue says."""


class OutcomeUnknownError(GridError):
    """The reply to a change was lost: it may or may not have happened."""


class CopyFailedError(GridError):
    """A copy ended, and not all of its files arrived.

    `job` is its last state (`results.Job`), `failures` are its failed transfers (`results.Transfer`), at most 1000.
    """

    def __init__(self, message: str, facts: ErrorFacts, job: Job, failures: Sequence[Transfer] = ()) -> None:
        super().__init__(message, facts)
        self.job, self.failures = job, tuple(failures)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.facts, self.job, self.failures)


def copy_failed(job: Job, failures: Sequence[Transfer]) -> CopyFailedError:
    """Return the exception for a job that has ended without copying all of its files; its facts are the first one's."""
    lost = job.files - job.files_done
    first = next(iter(failures), None)
    text = f"job {job.id} is {job.state}: {lost} of {job.files} files were not copied"
    advice = f"`alienctl transfers show {job.id}` lists them; `alienctl transfers retry {job.id}` tries again"
    if first is None:
        number = errno.ECANCELED if job.state == "cancelled" else errno.EIO
        facts = ErrorFacts(number, reason="CANCELLED" if job.state == "cancelled" else "COPY_FAILED", advice=advice)
        return CopyFailedError(f"{text}; {job.message}" if job.message else text, facts, job)
    facts = ErrorFacts(first.error_number or errno.EIO, first.source, first.reason or "COPY_FAILED", advice, first.se)
    return CopyFailedError(f"{text}; {first.source}: {first.message}", facts, job, failures)


_KINDS: dict[str, tuple[type[GridError], int]] = {
    "INVALID_REQUEST": (InvalidRequestError, errno.EINVAL),
    "INVALID_PATTERN": (InvalidRequestError, errno.EINVAL),
    "REQUEST_ID_REUSED": (InvalidRequestError, errno.EINVAL),
    "LOCAL_FILE_NOT_FOUND": (NotFoundError, errno.ENOENT),
    "NOT_FOUND": (NotFoundError, errno.ENOENT),
    "JOB_NOT_FOUND": (NotFoundError, errno.ENOENT),
    "ALREADY_EXISTS": (ExistsError, errno.EEXIST),
    "NOT_A_DIRECTORY": (NotDirectoryError, errno.ENOTDIR),
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


def from_status(error: grpc.RpcError) -> GridError:
    """Return the exception for a failed call, of a synchronous or an asynchronous channel."""
    code: grpc.StatusCode = error.code()
    text: str = error.details() or code.name
    info, retry = _details_of(error)
    if info:
        reason = reason_name(info.reason)
        kind, number = kind_of(reason)
        return kind(text, ErrorFacts(info.error_number or number, info.lfn, reason, info.remedy, info.se, retry))
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineError("the time limit of the call is over", ErrorFacts(errno.ETIMEDOUT, reason="DEADLINE"))
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
