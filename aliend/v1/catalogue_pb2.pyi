import datetime

from aliend.v1 import transfers_pb2 as _transfers_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EntryType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENTRY_TYPE_UNSPECIFIED: _ClassVar[EntryType]
    ENTRY_TYPE_FILE: _ClassVar[EntryType]
    ENTRY_TYPE_DIRECTORY: _ClassVar[EntryType]
    ENTRY_TYPE_COLLECTION: _ClassVar[EntryType]
ENTRY_TYPE_UNSPECIFIED: EntryType
ENTRY_TYPE_FILE: EntryType
ENTRY_TYPE_DIRECTORY: EntryType
ENTRY_TYPE_COLLECTION: EntryType

class Entry(_message.Message):
    __slots__ = ("lfn", "type", "size", "owner", "group", "permissions", "change_time", "md5", "guid", "grid_job_id")
    LFN_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    PERMISSIONS_FIELD_NUMBER: _ClassVar[int]
    CHANGE_TIME_FIELD_NUMBER: _ClassVar[int]
    MD5_FIELD_NUMBER: _ClassVar[int]
    GUID_FIELD_NUMBER: _ClassVar[int]
    GRID_JOB_ID_FIELD_NUMBER: _ClassVar[int]
    lfn: str
    type: EntryType
    size: int
    owner: str
    group: str
    permissions: str
    change_time: _timestamp_pb2.Timestamp
    md5: str
    guid: str
    grid_job_id: int
    def __init__(self, lfn: _Optional[str] = ..., type: _Optional[_Union[EntryType, str]] = ..., size: _Optional[int] = ..., owner: _Optional[str] = ..., group: _Optional[str] = ..., permissions: _Optional[str] = ..., change_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., md5: _Optional[str] = ..., guid: _Optional[str] = ..., grid_job_id: _Optional[int] = ...) -> None: ...

class ListEntriesRequest(_message.Message):
    __slots__ = ("lfn", "all", "session")
    LFN_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    lfn: str
    all: bool
    session: str
    def __init__(self, lfn: _Optional[str] = ..., all: _Optional[bool] = ..., session: _Optional[str] = ...) -> None: ...

class ListEntriesResponse(_message.Message):
    __slots__ = ("entries",)
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    def __init__(self, entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ...) -> None: ...

class StatEntriesRequest(_message.Message):
    __slots__ = ("lfns", "session")
    LFNS_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    lfns: _containers.RepeatedScalarFieldContainer[str]
    session: str
    def __init__(self, lfns: _Optional[_Iterable[str]] = ..., session: _Optional[str] = ...) -> None: ...

class StatEntriesResponse(_message.Message):
    __slots__ = ("entries", "missing")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    missing: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., missing: _Optional[_Iterable[str]] = ...) -> None: ...

class FindEntriesRequest(_message.Message):
    __slots__ = ("directory", "selection", "session", "directories")
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    DIRECTORIES_FIELD_NUMBER: _ClassVar[int]
    directory: str
    selection: _transfers_pb2.Selection
    session: str
    directories: bool
    def __init__(self, directory: _Optional[str] = ..., selection: _Optional[_Union[_transfers_pb2.Selection, _Mapping]] = ..., session: _Optional[str] = ..., directories: _Optional[bool] = ...) -> None: ...

class FindEntriesResponse(_message.Message):
    __slots__ = ("entries",)
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    def __init__(self, entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ...) -> None: ...

class ListReplicasRequest(_message.Message):
    __slots__ = ("lfn", "session")
    LFN_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    lfn: str
    session: str
    def __init__(self, lfn: _Optional[str] = ..., session: _Optional[str] = ...) -> None: ...

class Replica(_message.Message):
    __slots__ = ("se", "pfn")
    SE_FIELD_NUMBER: _ClassVar[int]
    PFN_FIELD_NUMBER: _ClassVar[int]
    se: str
    pfn: str
    def __init__(self, se: _Optional[str] = ..., pfn: _Optional[str] = ...) -> None: ...

class ListReplicasResponse(_message.Message):
    __slots__ = ("replicas",)
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    replicas: _containers.RepeatedCompositeFieldContainer[Replica]
    def __init__(self, replicas: _Optional[_Iterable[_Union[Replica, _Mapping]]] = ...) -> None: ...

class GetChecksumsRequest(_message.Message):
    __slots__ = ("lfns", "session")
    LFNS_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    lfns: _containers.RepeatedScalarFieldContainer[str]
    session: str
    def __init__(self, lfns: _Optional[_Iterable[str]] = ..., session: _Optional[str] = ...) -> None: ...

class Checksum(_message.Message):
    __slots__ = ("lfn", "md5")
    LFN_FIELD_NUMBER: _ClassVar[int]
    MD5_FIELD_NUMBER: _ClassVar[int]
    lfn: str
    md5: str
    def __init__(self, lfn: _Optional[str] = ..., md5: _Optional[str] = ...) -> None: ...

class GetChecksumsResponse(_message.Message):
    __slots__ = ("checksums",)
    CHECKSUMS_FIELD_NUMBER: _ClassVar[int]
    checksums: _containers.RepeatedCompositeFieldContainer[Checksum]
    def __init__(self, checksums: _Optional[_Iterable[_Union[Checksum, _Mapping]]] = ...) -> None: ...

class GetUsageRequest(_message.Message):
    __slots__ = ("lfns", "session")
    LFNS_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    lfns: _containers.RepeatedScalarFieldContainer[str]
    session: str
    def __init__(self, lfns: _Optional[_Iterable[str]] = ..., session: _Optional[str] = ...) -> None: ...

class Usage(_message.Message):
    __slots__ = ("lfn", "directories", "files", "bytes", "replicas", "replica_bytes", "members", "member_bytes")
    LFN_FIELD_NUMBER: _ClassVar[int]
    DIRECTORIES_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    REPLICA_BYTES_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    MEMBER_BYTES_FIELD_NUMBER: _ClassVar[int]
    lfn: str
    directories: int
    files: int
    bytes: int
    replicas: int
    replica_bytes: int
    members: int
    member_bytes: int
    def __init__(self, lfn: _Optional[str] = ..., directories: _Optional[int] = ..., files: _Optional[int] = ..., bytes: _Optional[int] = ..., replicas: _Optional[int] = ..., replica_bytes: _Optional[int] = ..., members: _Optional[int] = ..., member_bytes: _Optional[int] = ...) -> None: ...

class GetUsageResponse(_message.Message):
    __slots__ = ("usages",)
    USAGES_FIELD_NUMBER: _ClassVar[int]
    usages: _containers.RepeatedCompositeFieldContainer[Usage]
    def __init__(self, usages: _Optional[_Iterable[_Union[Usage, _Mapping]]] = ...) -> None: ...

class ResolveGuidsRequest(_message.Message):
    __slots__ = ("guids",)
    GUIDS_FIELD_NUMBER: _ClassVar[int]
    guids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, guids: _Optional[_Iterable[str]] = ...) -> None: ...

class ResolveGuidsResponse(_message.Message):
    __slots__ = ("lfns",)
    class LfnsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    LFNS_FIELD_NUMBER: _ClassVar[int]
    lfns: _containers.ScalarMap[str, str]
    def __init__(self, lfns: _Optional[_Mapping[str, str]] = ...) -> None: ...

class MakeDirectoryRequest(_message.Message):
    __slots__ = ("lfn", "parents", "session")
    LFN_FIELD_NUMBER: _ClassVar[int]
    PARENTS_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    lfn: str
    parents: bool
    session: str
    def __init__(self, lfn: _Optional[str] = ..., parents: _Optional[bool] = ..., session: _Optional[str] = ...) -> None: ...

class MakeDirectoryResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RemoveEntriesRequest(_message.Message):
    __slots__ = ("lfns", "recursive", "directories_only", "session")
    LFNS_FIELD_NUMBER: _ClassVar[int]
    RECURSIVE_FIELD_NUMBER: _ClassVar[int]
    DIRECTORIES_ONLY_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    lfns: _containers.RepeatedScalarFieldContainer[str]
    recursive: bool
    directories_only: bool
    session: str
    def __init__(self, lfns: _Optional[_Iterable[str]] = ..., recursive: _Optional[bool] = ..., directories_only: _Optional[bool] = ..., session: _Optional[str] = ...) -> None: ...

class RemoveEntriesResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MoveEntryRequest(_message.Message):
    __slots__ = ("lfn", "target", "session")
    LFN_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    lfn: str
    target: str
    session: str
    def __init__(self, lfn: _Optional[str] = ..., target: _Optional[str] = ..., session: _Optional[str] = ...) -> None: ...

class MoveEntryResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class TouchEntriesRequest(_message.Message):
    __slots__ = ("lfns", "session")
    LFNS_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    lfns: _containers.RepeatedScalarFieldContainer[str]
    session: str
    def __init__(self, lfns: _Optional[_Iterable[str]] = ..., session: _Optional[str] = ...) -> None: ...

class TouchEntriesResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SetPermissionsRequest(_message.Message):
    __slots__ = ("lfns", "permissions", "recursive", "session")
    LFNS_FIELD_NUMBER: _ClassVar[int]
    PERMISSIONS_FIELD_NUMBER: _ClassVar[int]
    RECURSIVE_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    lfns: _containers.RepeatedScalarFieldContainer[str]
    permissions: str
    recursive: bool
    session: str
    def __init__(self, lfns: _Optional[_Iterable[str]] = ..., permissions: _Optional[str] = ..., recursive: _Optional[bool] = ..., session: _Optional[str] = ...) -> None: ...

class SetPermissionsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SetOwnerRequest(_message.Message):
    __slots__ = ("lfns", "owner", "group", "recursive", "session")
    LFNS_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    RECURSIVE_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    lfns: _containers.RepeatedScalarFieldContainer[str]
    owner: str
    group: str
    recursive: bool
    session: str
    def __init__(self, lfns: _Optional[_Iterable[str]] = ..., owner: _Optional[str] = ..., group: _Optional[str] = ..., recursive: _Optional[bool] = ..., session: _Optional[str] = ...) -> None: ...

class SetOwnerResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SetExpiryRequest(_message.Message):
    __slots__ = ("lfns", "lifetime", "extension", "never", "session")
    LFNS_FIELD_NUMBER: _ClassVar[int]
    LIFETIME_FIELD_NUMBER: _ClassVar[int]
    EXTENSION_FIELD_NUMBER: _ClassVar[int]
    NEVER_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    lfns: _containers.RepeatedScalarFieldContainer[str]
    lifetime: _duration_pb2.Duration
    extension: _duration_pb2.Duration
    never: bool
    session: str
    def __init__(self, lfns: _Optional[_Iterable[str]] = ..., lifetime: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., extension: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., never: _Optional[bool] = ..., session: _Optional[str] = ...) -> None: ...

class SetExpiryResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetQuotaRequest(_message.Message):
    __slots__ = ("account", "session")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    account: str
    session: str
    def __init__(self, account: _Optional[str] = ..., session: _Optional[str] = ...) -> None: ...

class Quota(_message.Message):
    __slots__ = ("account", "files", "max_files", "bytes", "max_bytes", "running_jobs", "waiting_jobs", "max_unfinished_jobs", "running_seconds", "max_running_seconds", "cpu_cost", "max_cpu_cost")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    MAX_FILES_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    RUNNING_JOBS_FIELD_NUMBER: _ClassVar[int]
    WAITING_JOBS_FIELD_NUMBER: _ClassVar[int]
    MAX_UNFINISHED_JOBS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_SECONDS_FIELD_NUMBER: _ClassVar[int]
    MAX_RUNNING_SECONDS_FIELD_NUMBER: _ClassVar[int]
    CPU_COST_FIELD_NUMBER: _ClassVar[int]
    MAX_CPU_COST_FIELD_NUMBER: _ClassVar[int]
    account: str
    files: int
    max_files: int
    bytes: int
    max_bytes: int
    running_jobs: int
    waiting_jobs: int
    max_unfinished_jobs: int
    running_seconds: int
    max_running_seconds: int
    cpu_cost: int
    max_cpu_cost: int
    def __init__(self, account: _Optional[str] = ..., files: _Optional[int] = ..., max_files: _Optional[int] = ..., bytes: _Optional[int] = ..., max_bytes: _Optional[int] = ..., running_jobs: _Optional[int] = ..., waiting_jobs: _Optional[int] = ..., max_unfinished_jobs: _Optional[int] = ..., running_seconds: _Optional[int] = ..., max_running_seconds: _Optional[int] = ..., cpu_cost: _Optional[int] = ..., max_cpu_cost: _Optional[int] = ...) -> None: ...

class SetQuotaRequest(_message.Message):
    __slots__ = ("account", "max_files", "max_bytes", "max_unfinished_jobs", "max_parallel_jobs", "max_running_seconds", "max_cpu_cost", "priority", "session")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    MAX_FILES_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_UNFINISHED_JOBS_FIELD_NUMBER: _ClassVar[int]
    MAX_PARALLEL_JOBS_FIELD_NUMBER: _ClassVar[int]
    MAX_RUNNING_SECONDS_FIELD_NUMBER: _ClassVar[int]
    MAX_CPU_COST_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    account: str
    max_files: int
    max_bytes: int
    max_unfinished_jobs: int
    max_parallel_jobs: int
    max_running_seconds: int
    max_cpu_cost: int
    priority: int
    session: str
    def __init__(self, account: _Optional[str] = ..., max_files: _Optional[int] = ..., max_bytes: _Optional[int] = ..., max_unfinished_jobs: _Optional[int] = ..., max_parallel_jobs: _Optional[int] = ..., max_running_seconds: _Optional[int] = ..., max_cpu_cost: _Optional[int] = ..., priority: _Optional[int] = ..., session: _Optional[str] = ...) -> None: ...

class SetQuotaResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetQuotaResponse(_message.Message):
    __slots__ = ("quota",)
    QUOTA_FIELD_NUMBER: _ClassVar[int]
    quota: Quota
    def __init__(self, quota: _Optional[_Union[Quota, _Mapping]] = ...) -> None: ...

class ListCollectionRequest(_message.Message):
    __slots__ = ("lfn", "session")
    LFN_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    lfn: str
    session: str
    def __init__(self, lfn: _Optional[str] = ..., session: _Optional[str] = ...) -> None: ...

class ListCollectionResponse(_message.Message):
    __slots__ = ("entries",)
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    def __init__(self, entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ...) -> None: ...

class MakeCollectionRequest(_message.Message):
    __slots__ = ("lfn", "files", "session")
    LFN_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    lfn: str
    files: _containers.RepeatedScalarFieldContainer[str]
    session: str
    def __init__(self, lfn: _Optional[str] = ..., files: _Optional[_Iterable[str]] = ..., session: _Optional[str] = ...) -> None: ...

class MakeCollectionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
