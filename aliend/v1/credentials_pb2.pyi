import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class KeyState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KEY_STATE_UNSPECIFIED: _ClassVar[KeyState]
    KEY_STATE_USABLE: _ClassVar[KeyState]
    KEY_STATE_LOCKED: _ClassVar[KeyState]
    KEY_STATE_UNUSABLE: _ClassVar[KeyState]
KEY_STATE_UNSPECIFIED: KeyState
KEY_STATE_USABLE: KeyState
KEY_STATE_LOCKED: KeyState
KEY_STATE_UNUSABLE: KeyState

class Certificate(_message.Message):
    __slots__ = ("path", "subject", "issuer", "begin_time", "expire_time", "key", "problem")
    PATH_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    BEGIN_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    path: str
    subject: str
    issuer: str
    begin_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    key: KeyState
    problem: str
    def __init__(self, path: _Optional[str] = ..., subject: _Optional[str] = ..., issuer: _Optional[str] = ..., begin_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., key: _Optional[_Union[KeyState, str]] = ..., problem: _Optional[str] = ...) -> None: ...

class GetCredentialsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetCredentialsResponse(_message.Message):
    __slots__ = ("certificate", "token", "warnings")
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    certificate: Certificate
    token: Certificate
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, certificate: _Optional[_Union[Certificate, _Mapping]] = ..., token: _Optional[_Union[Certificate, _Mapping]] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class VerifyCertificatesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class VerifyCertificatesResponse(_message.Message):
    __slots__ = ("certificate_problem", "token_problem")
    CERTIFICATE_PROBLEM_FIELD_NUMBER: _ClassVar[int]
    TOKEN_PROBLEM_FIELD_NUMBER: _ClassVar[int]
    certificate_problem: str
    token_problem: str
    def __init__(self, certificate_problem: _Optional[str] = ..., token_problem: _Optional[str] = ...) -> None: ...

class ImportCertificateRequest(_message.Message):
    __slots__ = ("path", "passphrase", "key_passphrase", "replace")
    PATH_FIELD_NUMBER: _ClassVar[int]
    PASSPHRASE_FIELD_NUMBER: _ClassVar[int]
    KEY_PASSPHRASE_FIELD_NUMBER: _ClassVar[int]
    REPLACE_FIELD_NUMBER: _ClassVar[int]
    path: str
    passphrase: str
    key_passphrase: str
    replace: bool
    def __init__(self, path: _Optional[str] = ..., passphrase: _Optional[str] = ..., key_passphrase: _Optional[str] = ..., replace: _Optional[bool] = ...) -> None: ...

class ImportCertificateResponse(_message.Message):
    __slots__ = ("certificate", "kept")
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    certificate: Certificate
    kept: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, certificate: _Optional[_Union[Certificate, _Mapping]] = ..., kept: _Optional[_Iterable[str]] = ...) -> None: ...

class UnlockKeyRequest(_message.Message):
    __slots__ = ("passphrase",)
    PASSPHRASE_FIELD_NUMBER: _ClassVar[int]
    passphrase: str
    def __init__(self, passphrase: _Optional[str] = ...) -> None: ...

class UnlockKeyResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class InitTokenRequest(_message.Message):
    __slots__ = ("role", "days")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    role: str
    days: int
    def __init__(self, role: _Optional[str] = ..., days: _Optional[int] = ...) -> None: ...

class InitTokenResponse(_message.Message):
    __slots__ = ("token", "remark")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    REMARK_FIELD_NUMBER: _ClassVar[int]
    token: Certificate
    remark: str
    def __init__(self, token: _Optional[_Union[Certificate, _Mapping]] = ..., remark: _Optional[str] = ...) -> None: ...

class DestroyTokenRequest(_message.Message):
    __slots__ = ("forget_keys",)
    FORGET_KEYS_FIELD_NUMBER: _ClassVar[int]
    forget_keys: bool
    def __init__(self, forget_keys: _Optional[bool] = ...) -> None: ...

class DestroyTokenResponse(_message.Message):
    __slots__ = ("removed", "forgot_keys")
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    FORGOT_KEYS_FIELD_NUMBER: _ClassVar[int]
    removed: _containers.RepeatedScalarFieldContainer[str]
    forgot_keys: bool
    def __init__(self, removed: _Optional[_Iterable[str]] = ..., forgot_keys: _Optional[bool] = ...) -> None: ...
