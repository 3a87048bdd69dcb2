import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UrlPurpose(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    URL_PURPOSE_UNSPECIFIED: _ClassVar[UrlPurpose]
    URL_PURPOSE_READ: _ClassVar[UrlPurpose]
    URL_PURPOSE_WRITE: _ClassVar[UrlPurpose]

class ProbeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PROBE_KIND_UNSPECIFIED: _ClassVar[ProbeKind]
    PROBE_KIND_PING: _ClassVar[ProbeKind]
    PROBE_KIND_CONFIG: _ClassVar[ProbeKind]
    PROBE_KIND_STATISTICS: _ClassVar[ProbeKind]

class MirrorState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MIRROR_STATE_UNSPECIFIED: _ClassVar[MirrorState]
    MIRROR_STATE_WAITING: _ClassVar[MirrorState]
    MIRROR_STATE_DONE: _ClassVar[MirrorState]
    MIRROR_STATE_FAILED: _ClassVar[MirrorState]
    MIRROR_STATE_UNKNOWN: _ClassVar[MirrorState]
URL_PURPOSE_UNSPECIFIED: UrlPurpose
URL_PURPOSE_READ: UrlPurpose
URL_PURPOSE_WRITE: UrlPurpose
PROBE_KIND_UNSPECIFIED: ProbeKind
PROBE_KIND_PING: ProbeKind
PROBE_KIND_CONFIG: ProbeKind
PROBE_KIND_STATISTICS: ProbeKind
MIRROR_STATE_UNSPECIFIED: MirrorState
MIRROR_STATE_WAITING: MirrorState
MIRROR_STATE_DONE: MirrorState
MIRROR_STATE_FAILED: MirrorState
MIRROR_STATE_UNKNOWN: MirrorState

class ListStorageElementsRequest(_message.Message):
    __slots__ = ("label", "session")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    label: str
    session: str
    def __init__(self, label: _Optional[str] = ..., session: _Optional[str] = ...) -> None: ...

class StorageElement(_message.Message):
    __slots__ = ("se", "number", "server", "qos", "total_bytes", "used_bytes", "free_bytes", "files")
    SE_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SERVER_FIELD_NUMBER: _ClassVar[int]
    QOS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    USED_BYTES_FIELD_NUMBER: _ClassVar[int]
    FREE_BYTES_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    se: str
    number: int
    server: str
    qos: _containers.RepeatedScalarFieldContainer[str]
    total_bytes: int
    used_bytes: int
    free_bytes: int
    files: int
    def __init__(self, se: _Optional[str] = ..., number: _Optional[int] = ..., server: _Optional[str] = ..., qos: _Optional[_Iterable[str]] = ..., total_bytes: _Optional[int] = ..., used_bytes: _Optional[int] = ..., free_bytes: _Optional[int] = ..., files: _Optional[int] = ...) -> None: ...

class ListStorageElementsResponse(_message.Message):
    __slots__ = ("elements",)
    ELEMENTS_FIELD_NUMBER: _ClassVar[int]
    elements: _containers.RepeatedCompositeFieldContainer[StorageElement]
    def __init__(self, elements: _Optional[_Iterable[_Union[StorageElement, _Mapping]]] = ...) -> None: ...

class ListElementDistancesRequest(_message.Message):
    __slots__ = ("site", "lfn", "qos", "session")
    SITE_FIELD_NUMBER: _ClassVar[int]
    LFN_FIELD_NUMBER: _ClassVar[int]
    QOS_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    site: str
    lfn: str
    qos: str
    session: str
    def __init__(self, site: _Optional[str] = ..., lfn: _Optional[str] = ..., qos: _Optional[str] = ..., session: _Optional[str] = ...) -> None: ...

class ElementDistance(_message.Message):
    __slots__ = ("se", "distance", "read", "write")
    SE_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    WRITE_FIELD_NUMBER: _ClassVar[int]
    se: str
    distance: float
    read: float
    write: float
    def __init__(self, se: _Optional[str] = ..., distance: _Optional[float] = ..., read: _Optional[float] = ..., write: _Optional[float] = ...) -> None: ...

class ListElementDistancesResponse(_message.Message):
    __slots__ = ("distances",)
    DISTANCES_FIELD_NUMBER: _ClassVar[int]
    distances: _containers.RepeatedCompositeFieldContainer[ElementDistance]
    def __init__(self, distances: _Optional[_Iterable[_Union[ElementDistance, _Mapping]]] = ...) -> None: ...

class GetFileUrlsRequest(_message.Message):
    __slots__ = ("lfn", "purpose", "storage", "strict", "http", "size", "md5", "session")
    LFN_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    STORAGE_FIELD_NUMBER: _ClassVar[int]
    STRICT_FIELD_NUMBER: _ClassVar[int]
    HTTP_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    MD5_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    lfn: str
    purpose: UrlPurpose
    storage: str
    strict: bool
    http: bool
    size: int
    md5: str
    session: str
    def __init__(self, lfn: _Optional[str] = ..., purpose: _Optional[_Union[UrlPurpose, str]] = ..., storage: _Optional[str] = ..., strict: _Optional[bool] = ..., http: _Optional[bool] = ..., size: _Optional[int] = ..., md5: _Optional[str] = ..., session: _Optional[str] = ...) -> None: ...

class FileUrl(_message.Message):
    __slots__ = ("url", "se", "guid", "size", "md5")
    URL_FIELD_NUMBER: _ClassVar[int]
    SE_FIELD_NUMBER: _ClassVar[int]
    GUID_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    MD5_FIELD_NUMBER: _ClassVar[int]
    url: str
    se: str
    guid: str
    size: int
    md5: str
    def __init__(self, url: _Optional[str] = ..., se: _Optional[str] = ..., guid: _Optional[str] = ..., size: _Optional[int] = ..., md5: _Optional[str] = ...) -> None: ...

class GetFileUrlsResponse(_message.Message):
    __slots__ = ("urls",)
    URLS_FIELD_NUMBER: _ClassVar[int]
    urls: _containers.RepeatedCompositeFieldContainer[FileUrl]
    def __init__(self, urls: _Optional[_Iterable[_Union[FileUrl, _Mapping]]] = ...) -> None: ...

class StatReplicasRequest(_message.Message):
    __slots__ = ("lfns", "pfns", "session")
    LFNS_FIELD_NUMBER: _ClassVar[int]
    PFNS_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    lfns: _containers.RepeatedScalarFieldContainer[str]
    pfns: _containers.RepeatedScalarFieldContainer[str]
    session: str
    def __init__(self, lfns: _Optional[_Iterable[str]] = ..., pfns: _Optional[_Iterable[str]] = ..., session: _Optional[str] = ...) -> None: ...

class ReplicaStatus(_message.Message):
    __slots__ = ("lfn", "pfn", "ok", "message", "size", "change_time", "offline", "readable", "writable")
    LFN_FIELD_NUMBER: _ClassVar[int]
    PFN_FIELD_NUMBER: _ClassVar[int]
    OK_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    CHANGE_TIME_FIELD_NUMBER: _ClassVar[int]
    OFFLINE_FIELD_NUMBER: _ClassVar[int]
    READABLE_FIELD_NUMBER: _ClassVar[int]
    WRITABLE_FIELD_NUMBER: _ClassVar[int]
    lfn: str
    pfn: str
    ok: bool
    message: str
    size: int
    change_time: _timestamp_pb2.Timestamp
    offline: bool
    readable: bool
    writable: bool
    def __init__(self, lfn: _Optional[str] = ..., pfn: _Optional[str] = ..., ok: _Optional[bool] = ..., message: _Optional[str] = ..., size: _Optional[int] = ..., change_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., offline: _Optional[bool] = ..., readable: _Optional[bool] = ..., writable: _Optional[bool] = ...) -> None: ...

class StatReplicasResponse(_message.Message):
    __slots__ = ("replicas",)
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    replicas: _containers.RepeatedCompositeFieldContainer[ReplicaStatus]
    def __init__(self, replicas: _Optional[_Iterable[_Union[ReplicaStatus, _Mapping]]] = ...) -> None: ...

class ProbeServersRequest(_message.Message):
    __slots__ = ("servers", "kind", "count", "session")
    SERVERS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    servers: _containers.RepeatedScalarFieldContainer[str]
    kind: ProbeKind
    count: int
    session: str
    def __init__(self, servers: _Optional[_Iterable[str]] = ..., kind: _Optional[_Union[ProbeKind, str]] = ..., count: _Optional[int] = ..., session: _Optional[str] = ...) -> None: ...

class ServerAnswer(_message.Message):
    __slots__ = ("name", "server", "ok", "message", "round_trips", "settings", "statistics_xml")
    class SettingsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    SERVER_FIELD_NUMBER: _ClassVar[int]
    OK_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ROUND_TRIPS_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    STATISTICS_XML_FIELD_NUMBER: _ClassVar[int]
    name: str
    server: str
    ok: bool
    message: str
    round_trips: _containers.RepeatedCompositeFieldContainer[_duration_pb2.Duration]
    settings: _containers.ScalarMap[str, str]
    statistics_xml: str
    def __init__(self, name: _Optional[str] = ..., server: _Optional[str] = ..., ok: _Optional[bool] = ..., message: _Optional[str] = ..., round_trips: _Optional[_Iterable[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]]] = ..., settings: _Optional[_Mapping[str, str]] = ..., statistics_xml: _Optional[str] = ...) -> None: ...

class ProbeServersResponse(_message.Message):
    __slots__ = ("answers",)
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    answers: _containers.RepeatedCompositeFieldContainer[ServerAnswer]
    def __init__(self, answers: _Optional[_Iterable[_Union[ServerAnswer, _Mapping]]] = ...) -> None: ...

class MirrorFileRequest(_message.Message):
    __slots__ = ("lfn", "storage", "session")
    LFN_FIELD_NUMBER: _ClassVar[int]
    STORAGE_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    lfn: str
    storage: str
    session: str
    def __init__(self, lfn: _Optional[str] = ..., storage: _Optional[str] = ..., session: _Optional[str] = ...) -> None: ...

class QueuedMirror(_message.Message):
    __slots__ = ("se", "id")
    SE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    se: str
    id: int
    def __init__(self, se: _Optional[str] = ..., id: _Optional[int] = ...) -> None: ...

class MirrorFileResponse(_message.Message):
    __slots__ = ("queued", "message")
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    queued: _containers.RepeatedCompositeFieldContainer[QueuedMirror]
    message: str
    def __init__(self, queued: _Optional[_Iterable[_Union[QueuedMirror, _Mapping]]] = ..., message: _Optional[str] = ...) -> None: ...

class GetMirrorRequest(_message.Message):
    __slots__ = ("id", "session")
    ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    id: int
    session: str
    def __init__(self, id: _Optional[int] = ..., session: _Optional[str] = ...) -> None: ...

class GetMirrorResponse(_message.Message):
    __slots__ = ("state",)
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: MirrorState
    def __init__(self, state: _Optional[_Union[MirrorState, str]] = ...) -> None: ...

class DeleteReplicaRequest(_message.Message):
    __slots__ = ("lfn", "se", "session")
    LFN_FIELD_NUMBER: _ClassVar[int]
    SE_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    lfn: str
    se: str
    session: str
    def __init__(self, lfn: _Optional[str] = ..., se: _Optional[str] = ..., session: _Optional[str] = ...) -> None: ...

class DeleteReplicaResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
