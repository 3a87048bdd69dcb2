from aliend.v1 import daemon_pb2 as _daemon_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Session(_message.Message):
    __slots__ = ("name", "user", "directory", "previous_directory", "site", "stack")
    NAME_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    SITE_FIELD_NUMBER: _ClassVar[int]
    STACK_FIELD_NUMBER: _ClassVar[int]
    name: str
    user: str
    directory: str
    previous_directory: str
    site: str
    stack: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., user: _Optional[str] = ..., directory: _Optional[str] = ..., previous_directory: _Optional[str] = ..., site: _Optional[str] = ..., stack: _Optional[_Iterable[str]] = ...) -> None: ...

class GetSessionRequest(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: str
    def __init__(self, session: _Optional[str] = ...) -> None: ...

class GetSessionResponse(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: Session
    def __init__(self, session: _Optional[_Union[Session, _Mapping]] = ...) -> None: ...

class ChangeDirectoryRequest(_message.Message):
    __slots__ = ("session", "directory")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    session: str
    directory: str
    def __init__(self, session: _Optional[str] = ..., directory: _Optional[str] = ...) -> None: ...

class ChangeDirectoryResponse(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: Session
    def __init__(self, session: _Optional[_Union[Session, _Mapping]] = ...) -> None: ...

class WatchConnectionsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WatchConnectionsResponse(_message.Message):
    __slots__ = ("central",)
    CENTRAL_FIELD_NUMBER: _ClassVar[int]
    central: _containers.RepeatedCompositeFieldContainer[_daemon_pb2.CentralStatus]
    def __init__(self, central: _Optional[_Iterable[_Union[_daemon_pb2.CentralStatus, _Mapping]]] = ...) -> None: ...

class SetRoleRequest(_message.Message):
    __slots__ = ("session", "role")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    session: str
    role: str
    def __init__(self, session: _Optional[str] = ..., role: _Optional[str] = ...) -> None: ...

class SetRoleResponse(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: Session
    def __init__(self, session: _Optional[_Union[Session, _Mapping]] = ...) -> None: ...

class SetSiteRequest(_message.Message):
    __slots__ = ("session", "site")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SITE_FIELD_NUMBER: _ClassVar[int]
    session: str
    site: str
    def __init__(self, session: _Optional[str] = ..., site: _Optional[str] = ...) -> None: ...

class SetSiteResponse(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: Session
    def __init__(self, session: _Optional[_Union[Session, _Mapping]] = ...) -> None: ...

class GetIdentityRequest(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: str
    def __init__(self, session: _Optional[str] = ...) -> None: ...

class GetIdentityResponse(_message.Message):
    __slots__ = ("user", "role", "roles", "full_name", "email", "home", "subject")
    USER_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    FULL_NAME_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    HOME_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    user: str
    role: str
    roles: _containers.RepeatedScalarFieldContainer[str]
    full_name: str
    email: str
    home: str
    subject: str
    def __init__(self, user: _Optional[str] = ..., role: _Optional[str] = ..., roles: _Optional[_Iterable[str]] = ..., full_name: _Optional[str] = ..., email: _Optional[str] = ..., home: _Optional[str] = ..., subject: _Optional[str] = ...) -> None: ...

class SetDirectoryStackRequest(_message.Message):
    __slots__ = ("session", "directories")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    DIRECTORIES_FIELD_NUMBER: _ClassVar[int]
    session: str
    directories: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, session: _Optional[str] = ..., directories: _Optional[_Iterable[str]] = ...) -> None: ...

class SetDirectoryStackResponse(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: Session
    def __init__(self, session: _Optional[_Union[Session, _Mapping]] = ...) -> None: ...
