import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class KillOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KILL_OUTCOME_UNSPECIFIED: _ClassVar[KillOutcome]
    KILL_OUTCOME_KILLED: _ClassVar[KillOutcome]
    KILL_OUTCOME_REFUSED: _ClassVar[KillOutcome]
    KILL_OUTCOME_FAILED: _ClassVar[KillOutcome]
KILL_OUTCOME_UNSPECIFIED: KillOutcome
KILL_OUTCOME_KILLED: KillOutcome
KILL_OUTCOME_REFUSED: KillOutcome
KILL_OUTCOME_FAILED: KillOutcome

class SubmitGridJobRequest(_message.Message):
    __slots__ = ("jdl", "lfn", "arguments", "session")
    JDL_FIELD_NUMBER: _ClassVar[int]
    LFN_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    jdl: str
    lfn: str
    arguments: _containers.RepeatedScalarFieldContainer[str]
    session: str
    def __init__(self, jdl: _Optional[str] = ..., lfn: _Optional[str] = ..., arguments: _Optional[_Iterable[str]] = ..., session: _Optional[str] = ...) -> None: ...

class SubmitGridJobResponse(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class GridJob(_message.Message):
    __slots__ = ("id", "master_id", "status", "owner", "name", "site", "node", "has_ended", "trace", "jdl")
    ID_FIELD_NUMBER: _ClassVar[int]
    MASTER_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SITE_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    HAS_ENDED_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    JDL_FIELD_NUMBER: _ClassVar[int]
    id: int
    master_id: int
    status: str
    owner: str
    name: str
    site: str
    node: str
    has_ended: bool
    trace: str
    jdl: str
    def __init__(self, id: _Optional[int] = ..., master_id: _Optional[int] = ..., status: _Optional[str] = ..., owner: _Optional[str] = ..., name: _Optional[str] = ..., site: _Optional[str] = ..., node: _Optional[str] = ..., has_ended: _Optional[bool] = ..., trace: _Optional[str] = ..., jdl: _Optional[str] = ...) -> None: ...

class ListGridJobsRequest(_message.Message):
    __slots__ = ("statuses", "user", "elements", "master_ids", "limit", "session")
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    ELEMENTS_FIELD_NUMBER: _ClassVar[int]
    MASTER_IDS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    statuses: _containers.RepeatedScalarFieldContainer[str]
    user: str
    elements: _containers.RepeatedScalarFieldContainer[str]
    master_ids: _containers.RepeatedScalarFieldContainer[int]
    limit: int
    session: str
    def __init__(self, statuses: _Optional[_Iterable[str]] = ..., user: _Optional[str] = ..., elements: _Optional[_Iterable[str]] = ..., master_ids: _Optional[_Iterable[int]] = ..., limit: _Optional[int] = ..., session: _Optional[str] = ...) -> None: ...

class ListGridJobsResponse(_message.Message):
    __slots__ = ("jobs",)
    JOBS_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[GridJob]
    def __init__(self, jobs: _Optional[_Iterable[_Union[GridJob, _Mapping]]] = ...) -> None: ...

class GetGridJobsRequest(_message.Message):
    __slots__ = ("ids", "session")
    IDS_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[int]
    session: str
    def __init__(self, ids: _Optional[_Iterable[int]] = ..., session: _Optional[str] = ...) -> None: ...

class GetGridJobsResponse(_message.Message):
    __slots__ = ("jobs", "missing")
    JOBS_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[GridJob]
    missing: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, jobs: _Optional[_Iterable[_Union[GridJob, _Mapping]]] = ..., missing: _Optional[_Iterable[int]] = ...) -> None: ...

class GetMasterJobsRequest(_message.Message):
    __slots__ = ("ids", "session")
    IDS_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[int]
    session: str
    def __init__(self, ids: _Optional[_Iterable[int]] = ..., session: _Optional[str] = ...) -> None: ...

class MasterJob(_message.Message):
    __slots__ = ("id", "status", "subjobs")
    class SubjobsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SUBJOBS_FIELD_NUMBER: _ClassVar[int]
    id: int
    status: str
    subjobs: _containers.ScalarMap[str, int]
    def __init__(self, id: _Optional[int] = ..., status: _Optional[str] = ..., subjobs: _Optional[_Mapping[str, int]] = ...) -> None: ...

class GetMasterJobsResponse(_message.Message):
    __slots__ = ("jobs",)
    JOBS_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[MasterJob]
    def __init__(self, jobs: _Optional[_Iterable[_Union[MasterJob, _Mapping]]] = ...) -> None: ...

class KillGridJobsRequest(_message.Message):
    __slots__ = ("ids", "session")
    IDS_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[int]
    session: str
    def __init__(self, ids: _Optional[_Iterable[int]] = ..., session: _Optional[str] = ...) -> None: ...

class KilledGridJob(_message.Message):
    __slots__ = ("id", "outcome")
    ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    id: int
    outcome: KillOutcome
    def __init__(self, id: _Optional[int] = ..., outcome: _Optional[_Union[KillOutcome, str]] = ...) -> None: ...

class KillGridJobsResponse(_message.Message):
    __slots__ = ("jobs",)
    JOBS_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[KilledGridJob]
    def __init__(self, jobs: _Optional[_Iterable[_Union[KilledGridJob, _Mapping]]] = ...) -> None: ...

class ResubmitGridJobsRequest(_message.Message):
    __slots__ = ("ids", "session")
    IDS_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[int]
    session: str
    def __init__(self, ids: _Optional[_Iterable[int]] = ..., session: _Optional[str] = ...) -> None: ...

class ResubmitGridJobsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WaitGridJobsRequest(_message.Message):
    __slots__ = ("ids", "interval", "session")
    IDS_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[int]
    interval: _duration_pb2.Duration
    session: str
    def __init__(self, ids: _Optional[_Iterable[int]] = ..., interval: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., session: _Optional[str] = ...) -> None: ...

class WaitGridJobsResponse(_message.Message):
    __slots__ = ("jobs",)
    JOBS_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[GridJob]
    def __init__(self, jobs: _Optional[_Iterable[_Union[GridJob, _Mapping]]] = ...) -> None: ...

class ListComputingElementsRequest(_message.Message):
    __slots__ = ("name", "host", "partition", "session")
    NAME_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    host: str
    partition: str
    session: str
    def __init__(self, name: _Optional[str] = ..., host: _Optional[str] = ..., partition: _Optional[str] = ..., session: _Optional[str] = ...) -> None: ...

class ComputingElement(_message.Message):
    __slots__ = ("name", "host", "status", "type", "max_running", "max_queued", "ttl", "partitions")
    NAME_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    MAX_RUNNING_FIELD_NUMBER: _ClassVar[int]
    MAX_QUEUED_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    host: str
    status: str
    type: str
    max_running: int
    max_queued: int
    ttl: _duration_pb2.Duration
    partitions: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., host: _Optional[str] = ..., status: _Optional[str] = ..., type: _Optional[str] = ..., max_running: _Optional[int] = ..., max_queued: _Optional[int] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., partitions: _Optional[_Iterable[str]] = ...) -> None: ...

class ListComputingElementsResponse(_message.Message):
    __slots__ = ("elements",)
    ELEMENTS_FIELD_NUMBER: _ClassVar[int]
    elements: _containers.RepeatedCompositeFieldContainer[ComputingElement]
    def __init__(self, elements: _Optional[_Iterable[_Union[ComputingElement, _Mapping]]] = ...) -> None: ...

class ListMatchingElementsRequest(_message.Message):
    __slots__ = ("id", "session")
    ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    id: int
    session: str
    def __init__(self, id: _Optional[int] = ..., session: _Optional[str] = ...) -> None: ...

class ListMatchingElementsResponse(_message.Message):
    __slots__ = ("elements",)
    ELEMENTS_FIELD_NUMBER: _ClassVar[int]
    elements: _containers.RepeatedCompositeFieldContainer[ComputingElement]
    def __init__(self, elements: _Optional[_Iterable[_Union[ComputingElement, _Mapping]]] = ...) -> None: ...
