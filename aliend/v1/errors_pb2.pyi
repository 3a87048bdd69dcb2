import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ErrorReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_REASON_UNSPECIFIED: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_REQUEST: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_PATTERN: _ClassVar[ErrorReason]
    ERROR_REASON_REQUEST_ID_REUSED: _ClassVar[ErrorReason]
    ERROR_REASON_CONTRACT_MISMATCH: _ClassVar[ErrorReason]
    ERROR_REASON_CONFIGURATION: _ClassVar[ErrorReason]
    ERROR_REASON_LOCAL_FILE_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_ALREADY_EXISTS: _ClassVar[ErrorReason]
    ERROR_REASON_NOT_A_DIRECTORY: _ClassVar[ErrorReason]
    ERROR_REASON_IS_A_DIRECTORY: _ClassVar[ErrorReason]
    ERROR_REASON_PERMISSION_DENIED: _ClassVar[ErrorReason]
    ERROR_REASON_QUOTA_EXCEEDED: _ClassVar[ErrorReason]
    ERROR_REASON_SERVICE: _ClassVar[ErrorReason]
    ERROR_REASON_NOT_CONNECTED: _ClassVar[ErrorReason]
    ERROR_REASON_UNKNOWN_AUTHORITY: _ClassVar[ErrorReason]
    ERROR_REASON_NO_CREDENTIAL: _ClassVar[ErrorReason]
    ERROR_REASON_LOGIN_REFUSED: _ClassVar[ErrorReason]
    ERROR_REASON_UNKNOWN_USER: _ClassVar[ErrorReason]
    ERROR_REASON_ROLE_REFUSED: _ClassVar[ErrorReason]
    ERROR_REASON_BAD_REPLY: _ClassVar[ErrorReason]
    ERROR_REASON_OUTCOME_UNKNOWN: _ClassVar[ErrorReason]
    ERROR_REASON_COPY_FAILED: _ClassVar[ErrorReason]
    ERROR_REASON_STORAGE_UNAVAILABLE: _ClassVar[ErrorReason]
    ERROR_REASON_CHECKSUM_MISMATCH: _ClassVar[ErrorReason]
    ERROR_REASON_LOCAL_OBSTACLE: _ClassVar[ErrorReason]
    ERROR_REASON_JOB_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_WEB: _ClassVar[ErrorReason]
    ERROR_REASON_STORE: _ClassVar[ErrorReason]
    ERROR_REASON_FILE_REPLACED: _ClassVar[ErrorReason]
    ERROR_REASON_INTERNAL: _ClassVar[ErrorReason]
    ERROR_REASON_DIRECTORY_NOT_EMPTY: _ClassVar[ErrorReason]
ERROR_REASON_UNSPECIFIED: ErrorReason
ERROR_REASON_INVALID_REQUEST: ErrorReason
ERROR_REASON_INVALID_PATTERN: ErrorReason
ERROR_REASON_REQUEST_ID_REUSED: ErrorReason
ERROR_REASON_CONTRACT_MISMATCH: ErrorReason
ERROR_REASON_CONFIGURATION: ErrorReason
ERROR_REASON_LOCAL_FILE_NOT_FOUND: ErrorReason
ERROR_REASON_NOT_FOUND: ErrorReason
ERROR_REASON_ALREADY_EXISTS: ErrorReason
ERROR_REASON_NOT_A_DIRECTORY: ErrorReason
ERROR_REASON_IS_A_DIRECTORY: ErrorReason
ERROR_REASON_PERMISSION_DENIED: ErrorReason
ERROR_REASON_QUOTA_EXCEEDED: ErrorReason
ERROR_REASON_SERVICE: ErrorReason
ERROR_REASON_NOT_CONNECTED: ErrorReason
ERROR_REASON_UNKNOWN_AUTHORITY: ErrorReason
ERROR_REASON_NO_CREDENTIAL: ErrorReason
ERROR_REASON_LOGIN_REFUSED: ErrorReason
ERROR_REASON_UNKNOWN_USER: ErrorReason
ERROR_REASON_ROLE_REFUSED: ErrorReason
ERROR_REASON_BAD_REPLY: ErrorReason
ERROR_REASON_OUTCOME_UNKNOWN: ErrorReason
ERROR_REASON_COPY_FAILED: ErrorReason
ERROR_REASON_STORAGE_UNAVAILABLE: ErrorReason
ERROR_REASON_CHECKSUM_MISMATCH: ErrorReason
ERROR_REASON_LOCAL_OBSTACLE: ErrorReason
ERROR_REASON_JOB_NOT_FOUND: ErrorReason
ERROR_REASON_WEB: ErrorReason
ERROR_REASON_STORE: ErrorReason
ERROR_REASON_FILE_REPLACED: ErrorReason
ERROR_REASON_INTERNAL: ErrorReason
ERROR_REASON_DIRECTORY_NOT_EMPTY: ErrorReason

class ErrorInfo(_message.Message):
    __slots__ = ("reason", "error_number", "lfn", "remedy", "se")
    REASON_FIELD_NUMBER: _ClassVar[int]
    ERROR_NUMBER_FIELD_NUMBER: _ClassVar[int]
    LFN_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    SE_FIELD_NUMBER: _ClassVar[int]
    reason: ErrorReason
    error_number: int
    lfn: str
    remedy: str
    se: str
    def __init__(self, reason: _Optional[_Union[ErrorReason, str]] = ..., error_number: _Optional[int] = ..., lfn: _Optional[str] = ..., remedy: _Optional[str] = ..., se: _Optional[str] = ...) -> None: ...

class RetryInfo(_message.Message):
    __slots__ = ("delay",)
    DELAY_FIELD_NUMBER: _ClassVar[int]
    delay: _duration_pb2.Duration
    def __init__(self, delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...
