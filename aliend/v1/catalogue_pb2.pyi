from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListRequest(_message.Message):
    __slots__ = ("lfn", "all", "session")
    LFN_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    lfn: str
    all: bool
    session: str
    def __init__(self, lfn: _Optional[str] = ..., all: _Optional[bool] = ..., session: _Optional[str] = ...) -> None: ...

class ListResponse(_message.Message):
    __slots__ = ("entries",)
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    def __init__(self, entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ...) -> None: ...

class StatRequest(_message.Message):
    __slots__ = ("lfns", "session")
    LFNS_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    lfns: _containers.RepeatedScalarFieldContainer[str]
    session: str
    def __init__(self, lfns: _Optional[_Iterable[str]] = ..., session: _Optional[str] = ...) -> None: ...

class StatResponse(_message.Message):
    __slots__ = ("entries", "missing")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    missing: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., missing: _Optional[_Iterable[str]] = ...) -> None: ...

class Entry(_message.Message):
    __slots__ = ("lfn", "type", "size", "owner", "group", "permissions", "changed_ms", "md5", "guid")
    class Type(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        TYPE_UNSPECIFIED: _ClassVar[Entry.Type]
        FILE: _ClassVar[Entry.Type]
        DIRECTORY: _ClassVar[Entry.Type]
        COLLECTION: _ClassVar[Entry.Type]
    TYPE_UNSPECIFIED: Entry.Type
    FILE: Entry.Type
    DIRECTORY: Entry.Type
    COLLECTION: Entry.Type
    LFN_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    PERMISSIONS_FIELD_NUMBER: _ClassVar[int]
    CHANGED_MS_FIELD_NUMBER: _ClassVar[int]
    MD5_FIELD_NUMBER: _ClassVar[int]
    GUID_FIELD_NUMBER: _ClassVar[int]
    lfn: str
    type: Entry.Type
    size: int
    owner: str
    group: str
    permissions: str
    changed_ms: int
    md5: str
    guid: str
    def __init__(self, lfn: _Optional[str] = ..., type: _Optional[_Union[Entry.Type, str]] = ..., size: _Optional[int] = ..., owner: _Optional[str] = ..., group: _Optional[str] = ..., permissions: _Optional[str] = ..., changed_ms: _Optional[int] = ..., md5: _Optional[str] = ..., guid: _Optional[str] = ...) -> None: ...
