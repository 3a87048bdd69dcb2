from aliend.v1 import catalogue_pb2 as _catalogue_pb2
from aliend.v1 import transfers_pb2 as _transfers_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Range(_message.Message):
    __slots__ = ("offset", "length")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    offset: int
    length: int
    def __init__(self, offset: _Optional[int] = ..., length: _Optional[int] = ...) -> None: ...

class ReadRequest(_message.Message):
    __slots__ = ("lfn", "ranges", "guid", "session")
    LFN_FIELD_NUMBER: _ClassVar[int]
    RANGES_FIELD_NUMBER: _ClassVar[int]
    GUID_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    lfn: str
    ranges: _containers.RepeatedCompositeFieldContainer[Range]
    guid: str
    session: str
    def __init__(self, lfn: _Optional[str] = ..., ranges: _Optional[_Iterable[_Union[Range, _Mapping]]] = ..., guid: _Optional[str] = ..., session: _Optional[str] = ...) -> None: ...

class ReadResponse(_message.Message):
    __slots__ = ("file", "range", "offset", "data", "warning")
    FILE_FIELD_NUMBER: _ClassVar[int]
    RANGE_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    WARNING_FIELD_NUMBER: _ClassVar[int]
    file: FileContent
    range: int
    offset: int
    data: bytes
    warning: str
    def __init__(self, file: _Optional[_Union[FileContent, _Mapping]] = ..., range: _Optional[int] = ..., offset: _Optional[int] = ..., data: _Optional[bytes] = ..., warning: _Optional[str] = ...) -> None: ...

class FileContent(_message.Message):
    __slots__ = ("lfn", "size", "md5", "guid", "ses")
    LFN_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    MD5_FIELD_NUMBER: _ClassVar[int]
    GUID_FIELD_NUMBER: _ClassVar[int]
    SES_FIELD_NUMBER: _ClassVar[int]
    lfn: str
    size: int
    md5: str
    guid: str
    ses: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, lfn: _Optional[str] = ..., size: _Optional[int] = ..., md5: _Optional[str] = ..., guid: _Optional[str] = ..., ses: _Optional[_Iterable[str]] = ...) -> None: ...

class WriteRequest(_message.Message):
    __slots__ = ("start", "data")
    START_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    start: WriteStart
    data: bytes
    def __init__(self, start: _Optional[_Union[WriteStart, _Mapping]] = ..., data: _Optional[bytes] = ...) -> None: ...

class WriteStart(_message.Message):
    __slots__ = ("request_id", "lfn", "overwrite", "storage", "size", "md5", "session")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    LFN_FIELD_NUMBER: _ClassVar[int]
    OVERWRITE_FIELD_NUMBER: _ClassVar[int]
    STORAGE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    MD5_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    lfn: str
    overwrite: _transfers_pb2.Overwrite
    storage: str
    size: int
    md5: str
    session: str
    def __init__(self, request_id: _Optional[str] = ..., lfn: _Optional[str] = ..., overwrite: _Optional[_Union[_transfers_pb2.Overwrite, str]] = ..., storage: _Optional[str] = ..., size: _Optional[int] = ..., md5: _Optional[str] = ..., session: _Optional[str] = ...) -> None: ...

class WriteResponse(_message.Message):
    __slots__ = ("entry", "job_id")
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    entry: _catalogue_pb2.Entry
    job_id: int
    def __init__(self, entry: _Optional[_Union[_catalogue_pb2.Entry, _Mapping]] = ..., job_id: _Optional[int] = ...) -> None: ...
