from aliend.v1 import daemon_pb2 as _daemon_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Session(_message.Message):
    __slots__ = ("name", "user", "directory", "previous_directory")
    NAME_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    name: str
    user: str
    directory: str
    previous_directory: str
    def __init__(self, name: _Optional[str] = ..., user: _Optional[str] = ..., directory: _Optional[str] = ..., previous_directory: _Optional[str] = ...) -> None: ...

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
