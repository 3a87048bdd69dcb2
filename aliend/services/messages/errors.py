"""Converts our errors to the gRPC code, the reason and the details that the contract promises."""

from __future__ import annotations

import errno
from typing import Literal

import grpc

from aliend.core.cli.escaping import readable
from aliend.core.cli.remedies import split_remedy
from aliend.core.transfers.error_mapping import error_number
from aliend.errors import (
    AliendError,
    BadPattern,
    BadReply,
    ConfigurationError,
    ContractMismatch,
    CopyError,
    ErrorKind,
    InternalError,
    LoginRefused,
    NoSuchFile,
    NoSuchJob,
    NotADirectory,
    NotConnected,
    OutcomeUnknown,
    RequestIdReused,
    RoleRefused,
    ServiceError,
    StoreError,
    UnknownAuthority,
    UnknownUser,
    Unusable,
    UsageError,
    WebError,
    WrongContent,
)
from aliend.services.messages.times import duration
from aliend.v1 import errors_pb2

Code = grpc.StatusCode
Reason = errors_pb2.ErrorReason

_KINDS: tuple[tuple[type[AliendError], Code, Reason], ...] = (
    (RequestIdReused, Code.ALREADY_EXISTS, errors_pb2.ERROR_REASON_REQUEST_ID_REUSED),
    (BadPattern, Code.INVALID_ARGUMENT, errors_pb2.ERROR_REASON_INVALID_PATTERN),
    (UsageError, Code.INVALID_ARGUMENT, errors_pb2.ERROR_REASON_INVALID_REQUEST),
    (NoSuchFile, Code.NOT_FOUND, errors_pb2.ERROR_REASON_LOCAL_FILE_NOT_FOUND),
    (NotADirectory, Code.FAILED_PRECONDITION, errors_pb2.ERROR_REASON_NOT_A_DIRECTORY),
    (ContractMismatch, Code.FAILED_PRECONDITION, errors_pb2.ERROR_REASON_CONTRACT_MISMATCH),
    (ConfigurationError, Code.FAILED_PRECONDITION, errors_pb2.ERROR_REASON_CONFIGURATION),
    (UnknownUser, Code.UNAUTHENTICATED, errors_pb2.ERROR_REASON_UNKNOWN_USER),
    (LoginRefused, Code.UNAUTHENTICATED, errors_pb2.ERROR_REASON_LOGIN_REFUSED),
    (Unusable, Code.UNAUTHENTICATED, errors_pb2.ERROR_REASON_NO_CREDENTIAL),
    (RoleRefused, Code.PERMISSION_DENIED, errors_pb2.ERROR_REASON_ROLE_REFUSED),
    (UnknownAuthority, Code.UNAVAILABLE, errors_pb2.ERROR_REASON_UNKNOWN_AUTHORITY),
    (NotConnected, Code.UNAVAILABLE, errors_pb2.ERROR_REASON_NOT_CONNECTED),
    (BadReply, Code.INTERNAL, errors_pb2.ERROR_REASON_BAD_REPLY),
    (OutcomeUnknown, Code.ABORTED, errors_pb2.ERROR_REASON_OUTCOME_UNKNOWN),
    (NoSuchJob, Code.NOT_FOUND, errors_pb2.ERROR_REASON_JOB_NOT_FOUND),
    (WebError, Code.UNAVAILABLE, errors_pb2.ERROR_REASON_WEB),
    (StoreError, Code.INTERNAL, errors_pb2.ERROR_REASON_STORE),
    (InternalError, Code.INTERNAL, errors_pb2.ERROR_REASON_INTERNAL),
)
"""Code and reason of each error; the first that fits."""
_SERVICE_CODES = {
    1: (Code.PERMISSION_DENIED, errors_pb2.ERROR_REASON_PERMISSION_DENIED),
    2: (Code.NOT_FOUND, errors_pb2.ERROR_REASON_NOT_FOUND),
    13: (Code.PERMISSION_DENIED, errors_pb2.ERROR_REASON_PERMISSION_DENIED),
    17: (Code.ALREADY_EXISTS, errors_pb2.ERROR_REASON_ALREADY_EXISTS),
    20: (Code.FAILED_PRECONDITION, errors_pb2.ERROR_REASON_NOT_A_DIRECTORY),
    21: (Code.FAILED_PRECONDITION, errors_pb2.ERROR_REASON_IS_A_DIRECTORY),
    22: (Code.INVALID_ARGUMENT, errors_pb2.ERROR_REASON_INVALID_REQUEST),
    errno.ENOTEMPTY: (Code.FAILED_PRECONDITION, errors_pb2.ERROR_REASON_DIRECTORY_NOT_EMPTY),
    77: (Code.FAILED_PRECONDITION, errors_pb2.ERROR_REASON_COPY_FAILED),
    61: (Code.NOT_FOUND, errors_pb2.ERROR_REASON_NOT_FOUND),
    116: (Code.FAILED_PRECONDITION, errors_pb2.ERROR_REASON_FILE_REPLACED),
    126: (Code.NOT_FOUND, errors_pb2.ERROR_REASON_NOT_FOUND),
    122: (Code.RESOURCE_EXHAUSTED, errors_pb2.ERROR_REASON_QUOTA_EXCEEDED),
}
_COPY_KINDS = {
    "permanent": (Code.FAILED_PRECONDITION, errors_pb2.ERROR_REASON_COPY_FAILED),
    "transient": (Code.UNAVAILABLE, errors_pb2.ERROR_REASON_STORAGE_UNAVAILABLE),
    "storage": (Code.UNAVAILABLE, errors_pb2.ERROR_REASON_STORAGE_UNAVAILABLE),
    "lost": (Code.UNAVAILABLE, errors_pb2.ERROR_REASON_STORAGE_UNAVAILABLE),
    "local": (Code.FAILED_PRECONDITION, errors_pb2.ERROR_REASON_LOCAL_OBSTACLE),
    "credential": (Code.UNAUTHENTICATED, errors_pb2.ERROR_REASON_NO_CREDENTIAL),
}
_FAILURES = {
    "permanent": {
        **{code: reason for code, (_, reason) in _SERVICE_CODES.items()},
        errno.ENOTDIR: errors_pb2.ERROR_REASON_NOT_A_DIRECTORY,
        errno.EBADMSG: errors_pb2.ERROR_REASON_CHECKSUM_MISMATCH,
    },
    "credential": {
        LoginRefused.exit_code: errors_pb2.ERROR_REASON_LOGIN_REFUSED,
        NotConnected.exit_code: errors_pb2.ERROR_REASON_NOT_CONNECTED,
    },
}
"""The reasons for failed copies by kind and number; the others have that of their kind."""
_REPEATABLE = frozenset({Code.UNAVAILABLE})
_SHORTEST_PAUSE = 1.0
"""Seconds before a call that failed for a temporary reason is repeated, if the error names no other pause."""
MAX_MESSAGE, MAX_NAME, MAX_REMEDY = 1000, 1500, 500
"""Bytes of the texts of a status: gRPC drops a status, with its details, if its headers exceed 8 KiB. The message is in
them twice, as text with each byte beyond ASCII tripled, and in the details, which grow by a third."""


def code_and_reason(error: AliendError) -> tuple[Code, Reason]:
    """Return the gRPC code of an error and its reason in the contract."""
    if isinstance(error, ServiceError):
        return _SERVICE_CODES.get(error.code, (Code.UNKNOWN, errors_pb2.ERROR_REASON_SERVICE))
    if isinstance(error, WrongContent):
        return Code.DATA_LOSS, errors_pb2.ERROR_REASON_CHECKSUM_MISMATCH
    if isinstance(error, CopyError):
        return _COPY_KINDS[error.kind]
    unknown = (AliendError, Code.UNKNOWN, errors_pb2.ERROR_REASON_UNSPECIFIED)
    _, code, reason = next((entry for entry in _KINDS if isinstance(error, entry[0])), unknown)
    return code, reason


def reason_of_failure(kind: ErrorKind | Literal[""], number: int) -> Reason:
    """Return the reason for a failed copy of this kind; `number` is its errno, or the code of the service."""
    if kind not in _COPY_KINDS:
        return errors_pb2.ERROR_REASON_UNSPECIFIED  # the attempt was interrupted
    return _FAILURES.get(kind, {}).get(number, _COPY_KINDS[kind][1])


def message_of(error: AliendError) -> str:
    """Return what happened, in one line and without advice for a terminal."""
    return _shortened(split_remedy(str(error))[0], MAX_MESSAGE)


def info_of(error: AliendError, lfn: str = "") -> errors_pb2.ErrorInfo:
    """Return the facts of an error; `lfn` is the name in the request, for an error that names none.

    A long name is left out, because a part of it would be another name.
    """
    replicas = error.replicas if isinstance(error, CopyError) else ()
    name = readable(error.file if isinstance(error, NotADirectory) else lfn)
    return errors_pb2.ErrorInfo(
        reason=code_and_reason(error)[1],
        error_number=error_number(error) or error.exit_code,
        lfn=name if len(name.encode()) <= MAX_NAME else "",
        remedy=_shortened(split_remedy(str(error))[1], MAX_REMEDY),
        se=replicas[0][0] if len(replicas) == 1 else "",
    )


def _shortened(text: str, most: int) -> str:
    """Return a text as valid Unicode of at most `most` bytes."""
    content = readable(text).encode()
    return content.decode() if len(content) <= most else content[: most - 3].decode(errors="ignore") + "..."


def retry_of(error: AliendError) -> errors_pb2.RetryInfo | None:
    """Return when the call can be repeated; None if another try does not help."""
    if code_and_reason(error)[0] not in _REPEATABLE or isinstance(error, UnknownAuthority):
        return None
    pause = error.retry_after if isinstance(error, CopyError) else 0.0
    return errors_pb2.RetryInfo(delay=duration(max(pause, _SHORTEST_PAUSE)))
