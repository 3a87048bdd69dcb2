import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PingServiceRequest(_message.Message):
    __slots__ = ("count", "session")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    count: int
    session: str
    def __init__(self, count: _Optional[int] = ..., session: _Optional[str] = ...) -> None: ...

class PingServiceResponse(_message.Message):
    __slots__ = ("address", "round_trips")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ROUND_TRIPS_FIELD_NUMBER: _ClassVar[int]
    address: str
    round_trips: _containers.RepeatedCompositeFieldContainer[_duration_pb2.Duration]
    def __init__(self, address: _Optional[str] = ..., round_trips: _Optional[_Iterable[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]]] = ...) -> None: ...

class MeasureLoginsRequest(_message.Message):
    __slots__ = ("count", "session")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    count: int
    session: str
    def __init__(self, count: _Optional[int] = ..., session: _Optional[str] = ...) -> None: ...

class MeasureLoginsResponse(_message.Message):
    __slots__ = ("address", "logins")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    LOGINS_FIELD_NUMBER: _ClassVar[int]
    address: str
    logins: _containers.RepeatedCompositeFieldContainer[_duration_pb2.Duration]
    def __init__(self, address: _Optional[str] = ..., logins: _Optional[_Iterable[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]]] = ...) -> None: ...

class ProbeAddressesRequest(_message.Message):
    __slots__ = ("host", "port")
    HOST_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    host: str
    port: int
    def __init__(self, host: _Optional[str] = ..., port: _Optional[int] = ...) -> None: ...

class AddressProbe(_message.Message):
    __slots__ = ("address", "port", "answers")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    address: str
    port: int
    answers: bool
    def __init__(self, address: _Optional[str] = ..., port: _Optional[int] = ..., answers: _Optional[bool] = ...) -> None: ...

class ProbeAddressesResponse(_message.Message):
    __slots__ = ("probes",)
    PROBES_FIELD_NUMBER: _ClassVar[int]
    probes: _containers.RepeatedCompositeFieldContainer[AddressProbe]
    def __init__(self, probes: _Optional[_Iterable[_Union[AddressProbe, _Mapping]]] = ...) -> None: ...

class QueryMonitoringRequest(_message.Message):
    __slots__ = ("node",)
    NODE_FIELD_NUMBER: _ClassVar[int]
    node: str
    def __init__(self, node: _Optional[str] = ...) -> None: ...

class QueryMonitoringResponse(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[_struct_pb2.Struct]
    def __init__(self, values: _Optional[_Iterable[_Union[_struct_pb2.Struct, _Mapping]]] = ...) -> None: ...

class ListCalibrationObjectsRequest(_message.Message):
    __slots__ = ("path", "time", "run", "history", "constraints", "limit")
    PATH_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    CONSTRAINTS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    path: str
    time: _timestamp_pb2.Timestamp
    run: int
    history: bool
    constraints: _containers.RepeatedScalarFieldContainer[str]
    limit: int
    def __init__(self, path: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., run: _Optional[int] = ..., history: _Optional[bool] = ..., constraints: _Optional[_Iterable[str]] = ..., limit: _Optional[int] = ...) -> None: ...

class CalibrationObject(_message.Message):
    __slots__ = ("path", "etag", "name", "kind", "begin_time", "end_time", "size", "md5", "replicas")
    PATH_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    BEGIN_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    MD5_FIELD_NUMBER: _ClassVar[int]
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    path: str
    etag: str
    name: str
    kind: str
    begin_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    size: int
    md5: str
    replicas: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, path: _Optional[str] = ..., etag: _Optional[str] = ..., name: _Optional[str] = ..., kind: _Optional[str] = ..., begin_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., size: _Optional[int] = ..., md5: _Optional[str] = ..., replicas: _Optional[_Iterable[str]] = ...) -> None: ...

class ListCalibrationObjectsResponse(_message.Message):
    __slots__ = ("objects", "folders")
    OBJECTS_FIELD_NUMBER: _ClassVar[int]
    FOLDERS_FIELD_NUMBER: _ClassVar[int]
    objects: _containers.RepeatedCompositeFieldContainer[CalibrationObject]
    folders: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, objects: _Optional[_Iterable[_Union[CalibrationObject, _Mapping]]] = ..., folders: _Optional[_Iterable[str]] = ...) -> None: ...
