import datetime

from aliend.v1 import errors_pb2 as _errors_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Direction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIRECTION_UNSPECIFIED: _ClassVar[Direction]
    DIRECTION_DOWNLOAD: _ClassVar[Direction]
    DIRECTION_UPLOAD: _ClassVar[Direction]
    DIRECTION_COPY: _ClassVar[Direction]

class Purpose(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PURPOSE_UNSPECIFIED: _ClassVar[Purpose]
    PURPOSE_COPY: _ClassVar[Purpose]
    PURPOSE_REPLICATE: _ClassVar[Purpose]
    PURPOSE_MIRROR: _ClassVar[Purpose]
    PURPOSE_SYNC: _ClassVar[Purpose]

class Overwrite(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OVERWRITE_UNSPECIFIED: _ClassVar[Overwrite]
    OVERWRITE_NEVER: _ClassVar[Overwrite]
    OVERWRITE_ALWAYS: _ClassVar[Overwrite]
    OVERWRITE_CHANGED: _ClassVar[Overwrite]

class JobState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOB_STATE_UNSPECIFIED: _ClassVar[JobState]
    JOB_STATE_EXPANDING: _ClassVar[JobState]
    JOB_STATE_ACTIVE: _ClassVar[JobState]
    JOB_STATE_PAUSED: _ClassVar[JobState]
    JOB_STATE_DONE: _ClassVar[JobState]
    JOB_STATE_PARTIAL: _ClassVar[JobState]
    JOB_STATE_FAILED: _ClassVar[JobState]
    JOB_STATE_CANCELLED: _ClassVar[JobState]
    JOB_STATE_DELETING: _ClassVar[JobState]

class TransferState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRANSFER_STATE_UNSPECIFIED: _ClassVar[TransferState]
    TRANSFER_STATE_QUEUED: _ClassVar[TransferState]
    TRANSFER_STATE_RUNNING: _ClassVar[TransferState]
    TRANSFER_STATE_WAITING: _ClassVar[TransferState]
    TRANSFER_STATE_DONE: _ClassVar[TransferState]
    TRANSFER_STATE_FAILED: _ClassVar[TransferState]
    TRANSFER_STATE_CANCELLED: _ClassVar[TransferState]

class EventType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EVENT_TYPE_UNSPECIFIED: _ClassVar[EventType]
    EVENT_TYPE_JOB_EXPANDING: _ClassVar[EventType]
    EVENT_TYPE_JOB_ACTIVE: _ClassVar[EventType]
    EVENT_TYPE_JOB_PAUSED: _ClassVar[EventType]
    EVENT_TYPE_JOB_DELETING: _ClassVar[EventType]
    EVENT_TYPE_JOB_CANCELLING: _ClassVar[EventType]
    EVENT_TYPE_JOB_DONE: _ClassVar[EventType]
    EVENT_TYPE_JOB_PARTIAL: _ClassVar[EventType]
    EVENT_TYPE_JOB_FAILED: _ClassVar[EventType]
    EVENT_TYPE_JOB_CANCELLED: _ClassVar[EventType]
    EVENT_TYPE_TRANSFER_QUEUED: _ClassVar[EventType]
    EVENT_TYPE_TRANSFER_RUNNING: _ClassVar[EventType]
    EVENT_TYPE_TRANSFER_WAITING: _ClassVar[EventType]
    EVENT_TYPE_TRANSFER_DONE: _ClassVar[EventType]
    EVENT_TYPE_TRANSFER_FAILED: _ClassVar[EventType]
    EVENT_TYPE_TRANSFER_CANCELLED: _ClassVar[EventType]

class WaitKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WAIT_KIND_UNSPECIFIED: _ClassVar[WaitKind]
    WAIT_KIND_PAUSED: _ClassVar[WaitKind]
    WAIT_KIND_HELD: _ClassVar[WaitKind]
    WAIT_KIND_SPACE: _ClassVar[WaitKind]
    WAIT_KIND_PERMISSION: _ClassVar[WaitKind]
    WAIT_KIND_RETRY: _ClassVar[WaitKind]
    WAIT_KIND_CREDENTIAL: _ClassVar[WaitKind]
    WAIT_KIND_ELEMENT_RESTING: _ClassVar[WaitKind]
    WAIT_KIND_ELEMENT_FULL: _ClassVar[WaitKind]
    WAIT_KIND_BANDWIDTH: _ClassVar[WaitKind]
    WAIT_KIND_TARGET: _ClassVar[WaitKind]
    WAIT_KIND_JOINED: _ClassVar[WaitKind]
    WAIT_KIND_LIMIT: _ClassVar[WaitKind]
    WAIT_KIND_BEHIND: _ClassVar[WaitKind]
    WAIT_KIND_NEXT: _ClassVar[WaitKind]
    WAIT_KIND_CENTRAL: _ClassVar[WaitKind]
    WAIT_KIND_EXPANDING: _ClassVar[WaitKind]

class ElementState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ELEMENT_STATE_UNSPECIFIED: _ClassVar[ElementState]
    ELEMENT_STATE_WORKING: _ClassVar[ElementState]
    ELEMENT_STATE_RESTING: _ClassVar[ElementState]
    ELEMENT_STATE_PROBING: _ClassVar[ElementState]

class FailureClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAILURE_CLASS_UNSPECIFIED: _ClassVar[FailureClass]
    FAILURE_CLASS_PERMANENT: _ClassVar[FailureClass]
    FAILURE_CLASS_TRANSIENT: _ClassVar[FailureClass]
    FAILURE_CLASS_STORAGE: _ClassVar[FailureClass]
    FAILURE_CLASS_LOCAL: _ClassVar[FailureClass]
    FAILURE_CLASS_CREDENTIAL: _ClassVar[FailureClass]

class AttemptStage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ATTEMPT_STAGE_UNSPECIFIED: _ClassVar[AttemptStage]
    ATTEMPT_STAGE_PREPARE: _ClassVar[AttemptStage]
    ATTEMPT_STAGE_TICKET: _ClassVar[AttemptStage]
    ATTEMPT_STAGE_SLOT: _ClassVar[AttemptStage]
    ATTEMPT_STAGE_COPY: _ClassVar[AttemptStage]
    ATTEMPT_STAGE_COMMIT: _ClassVar[AttemptStage]
    ATTEMPT_STAGE_VERIFY: _ClassVar[AttemptStage]
    ATTEMPT_STAGE_REPLACE: _ClassVar[AttemptStage]
    ATTEMPT_STAGE_DONE: _ClassVar[AttemptStage]
    ATTEMPT_STAGE_UNKNOWN: _ClassVar[AttemptStage]

class DeletionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DELETION_STATE_UNSPECIFIED: _ClassVar[DeletionState]
    DELETION_STATE_PENDING: _ClassVar[DeletionState]
    DELETION_STATE_DELETED: _ClassVar[DeletionState]
    DELETION_STATE_KEPT: _ClassVar[DeletionState]
    DELETION_STATE_SPARED: _ClassVar[DeletionState]
    DELETION_STATE_REFUSED: _ClassVar[DeletionState]

class PlannedAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PLANNED_ACTION_UNSPECIFIED: _ClassVar[PlannedAction]
    PLANNED_ACTION_COPY: _ClassVar[PlannedAction]
    PLANNED_ACTION_KEEP: _ClassVar[PlannedAction]
    PLANNED_ACTION_REFUSE: _ClassVar[PlannedAction]
    PLANNED_ACTION_FAIL: _ClassVar[PlannedAction]
    PLANNED_ACTION_DELETE: _ClassVar[PlannedAction]
DIRECTION_UNSPECIFIED: Direction
DIRECTION_DOWNLOAD: Direction
DIRECTION_UPLOAD: Direction
DIRECTION_COPY: Direction
PURPOSE_UNSPECIFIED: Purpose
PURPOSE_COPY: Purpose
PURPOSE_REPLICATE: Purpose
PURPOSE_MIRROR: Purpose
PURPOSE_SYNC: Purpose
OVERWRITE_UNSPECIFIED: Overwrite
OVERWRITE_NEVER: Overwrite
OVERWRITE_ALWAYS: Overwrite
OVERWRITE_CHANGED: Overwrite
JOB_STATE_UNSPECIFIED: JobState
JOB_STATE_EXPANDING: JobState
JOB_STATE_ACTIVE: JobState
JOB_STATE_PAUSED: JobState
JOB_STATE_DONE: JobState
JOB_STATE_PARTIAL: JobState
JOB_STATE_FAILED: JobState
JOB_STATE_CANCELLED: JobState
JOB_STATE_DELETING: JobState
TRANSFER_STATE_UNSPECIFIED: TransferState
TRANSFER_STATE_QUEUED: TransferState
TRANSFER_STATE_RUNNING: TransferState
TRANSFER_STATE_WAITING: TransferState
TRANSFER_STATE_DONE: TransferState
TRANSFER_STATE_FAILED: TransferState
TRANSFER_STATE_CANCELLED: TransferState
EVENT_TYPE_UNSPECIFIED: EventType
EVENT_TYPE_JOB_EXPANDING: EventType
EVENT_TYPE_JOB_ACTIVE: EventType
EVENT_TYPE_JOB_PAUSED: EventType
EVENT_TYPE_JOB_DELETING: EventType
EVENT_TYPE_JOB_CANCELLING: EventType
EVENT_TYPE_JOB_DONE: EventType
EVENT_TYPE_JOB_PARTIAL: EventType
EVENT_TYPE_JOB_FAILED: EventType
EVENT_TYPE_JOB_CANCELLED: EventType
EVENT_TYPE_TRANSFER_QUEUED: EventType
EVENT_TYPE_TRANSFER_RUNNING: EventType
EVENT_TYPE_TRANSFER_WAITING: EventType
EVENT_TYPE_TRANSFER_DONE: EventType
EVENT_TYPE_TRANSFER_FAILED: EventType
EVENT_TYPE_TRANSFER_CANCELLED: EventType
WAIT_KIND_UNSPECIFIED: WaitKind
WAIT_KIND_PAUSED: WaitKind
WAIT_KIND_HELD: WaitKind
WAIT_KIND_SPACE: WaitKind
WAIT_KIND_PERMISSION: WaitKind
WAIT_KIND_RETRY: WaitKind
WAIT_KIND_CREDENTIAL: WaitKind
WAIT_KIND_ELEMENT_RESTING: WaitKind
WAIT_KIND_ELEMENT_FULL: WaitKind
WAIT_KIND_BANDWIDTH: WaitKind
WAIT_KIND_TARGET: WaitKind
WAIT_KIND_JOINED: WaitKind
WAIT_KIND_LIMIT: WaitKind
WAIT_KIND_BEHIND: WaitKind
WAIT_KIND_NEXT: WaitKind
WAIT_KIND_CENTRAL: WaitKind
WAIT_KIND_EXPANDING: WaitKind
ELEMENT_STATE_UNSPECIFIED: ElementState
ELEMENT_STATE_WORKING: ElementState
ELEMENT_STATE_RESTING: ElementState
ELEMENT_STATE_PROBING: ElementState
FAILURE_CLASS_UNSPECIFIED: FailureClass
FAILURE_CLASS_PERMANENT: FailureClass
FAILURE_CLASS_TRANSIENT: FailureClass
FAILURE_CLASS_STORAGE: FailureClass
FAILURE_CLASS_LOCAL: FailureClass
FAILURE_CLASS_CREDENTIAL: FailureClass
ATTEMPT_STAGE_UNSPECIFIED: AttemptStage
ATTEMPT_STAGE_PREPARE: AttemptStage
ATTEMPT_STAGE_TICKET: AttemptStage
ATTEMPT_STAGE_SLOT: AttemptStage
ATTEMPT_STAGE_COPY: AttemptStage
ATTEMPT_STAGE_COMMIT: AttemptStage
ATTEMPT_STAGE_VERIFY: AttemptStage
ATTEMPT_STAGE_REPLACE: AttemptStage
ATTEMPT_STAGE_DONE: AttemptStage
ATTEMPT_STAGE_UNKNOWN: AttemptStage
DELETION_STATE_UNSPECIFIED: DeletionState
DELETION_STATE_PENDING: DeletionState
DELETION_STATE_DELETED: DeletionState
DELETION_STATE_KEPT: DeletionState
DELETION_STATE_SPARED: DeletionState
DELETION_STATE_REFUSED: DeletionState
PLANNED_ACTION_UNSPECIFIED: PlannedAction
PLANNED_ACTION_COPY: PlannedAction
PLANNED_ACTION_KEEP: PlannedAction
PLANNED_ACTION_REFUSE: PlannedAction
PLANNED_ACTION_FAIL: PlannedAction
PLANNED_ACTION_DELETE: PlannedAction

class SubmitJobRequest(_message.Message):
    __slots__ = ("request_id", "sources", "target", "overwrite", "storage", "parallel", "priority", "cwd", "session", "umask", "strict", "timeout", "retries", "min_rate", "verify", "whole_archives", "http", "chunks", "chunk_size", "streams", "touch_empty", "rate", "targets", "selection", "parents", "strip", "no_recovery", "purpose", "delete", "exclude", "label", "executor")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    OVERWRITE_FIELD_NUMBER: _ClassVar[int]
    STORAGE_FIELD_NUMBER: _ClassVar[int]
    PARALLEL_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    CWD_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    UMASK_FIELD_NUMBER: _ClassVar[int]
    STRICT_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    RETRIES_FIELD_NUMBER: _ClassVar[int]
    MIN_RATE_FIELD_NUMBER: _ClassVar[int]
    VERIFY_FIELD_NUMBER: _ClassVar[int]
    WHOLE_ARCHIVES_FIELD_NUMBER: _ClassVar[int]
    HTTP_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    CHUNK_SIZE_FIELD_NUMBER: _ClassVar[int]
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    TOUCH_EMPTY_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    PARENTS_FIELD_NUMBER: _ClassVar[int]
    STRIP_FIELD_NUMBER: _ClassVar[int]
    NO_RECOVERY_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    DELETE_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    sources: _containers.RepeatedScalarFieldContainer[str]
    target: str
    overwrite: Overwrite
    storage: str
    parallel: int
    priority: int
    cwd: str
    session: str
    umask: int
    strict: bool
    timeout: _duration_pb2.Duration
    retries: int
    min_rate: int
    verify: bool
    whole_archives: bool
    http: bool
    chunks: int
    chunk_size: int
    streams: int
    touch_empty: bool
    rate: int
    targets: _containers.RepeatedScalarFieldContainer[str]
    selection: Selection
    parents: int
    strip: int
    no_recovery: bool
    purpose: Purpose
    delete: bool
    exclude: _containers.RepeatedScalarFieldContainer[str]
    label: str
    executor: str
    def __init__(self, request_id: _Optional[str] = ..., sources: _Optional[_Iterable[str]] = ..., target: _Optional[str] = ..., overwrite: _Optional[_Union[Overwrite, str]] = ..., storage: _Optional[str] = ..., parallel: _Optional[int] = ..., priority: _Optional[int] = ..., cwd: _Optional[str] = ..., session: _Optional[str] = ..., umask: _Optional[int] = ..., strict: _Optional[bool] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., retries: _Optional[int] = ..., min_rate: _Optional[int] = ..., verify: _Optional[bool] = ..., whole_archives: _Optional[bool] = ..., http: _Optional[bool] = ..., chunks: _Optional[int] = ..., chunk_size: _Optional[int] = ..., streams: _Optional[int] = ..., touch_empty: _Optional[bool] = ..., rate: _Optional[int] = ..., targets: _Optional[_Iterable[str]] = ..., selection: _Optional[_Union[Selection, _Mapping]] = ..., parents: _Optional[int] = ..., strip: _Optional[int] = ..., no_recovery: _Optional[bool] = ..., purpose: _Optional[_Union[Purpose, str]] = ..., delete: _Optional[bool] = ..., exclude: _Optional[_Iterable[str]] = ..., label: _Optional[str] = ..., executor: _Optional[str] = ...) -> None: ...

class SubmitJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class Selection(_message.Message):
    __slots__ = ("pattern", "regex", "name", "exclude_texts", "exclude_patterns", "exclude_regexes", "user", "group", "grid_job_id", "min_size", "max_size", "min_depth", "max_depth", "min_change_time", "max_change_time", "limit", "offset", "site")
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    REGEX_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_TEXTS_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_PATTERNS_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_REGEXES_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    GRID_JOB_ID_FIELD_NUMBER: _ClassVar[int]
    MIN_SIZE_FIELD_NUMBER: _ClassVar[int]
    MAX_SIZE_FIELD_NUMBER: _ClassVar[int]
    MIN_DEPTH_FIELD_NUMBER: _ClassVar[int]
    MAX_DEPTH_FIELD_NUMBER: _ClassVar[int]
    MIN_CHANGE_TIME_FIELD_NUMBER: _ClassVar[int]
    MAX_CHANGE_TIME_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    SITE_FIELD_NUMBER: _ClassVar[int]
    pattern: str
    regex: str
    name: str
    exclude_texts: _containers.RepeatedScalarFieldContainer[str]
    exclude_patterns: _containers.RepeatedScalarFieldContainer[str]
    exclude_regexes: _containers.RepeatedScalarFieldContainer[str]
    user: str
    group: str
    grid_job_id: int
    min_size: int
    max_size: int
    min_depth: int
    max_depth: int
    min_change_time: _timestamp_pb2.Timestamp
    max_change_time: _timestamp_pb2.Timestamp
    limit: int
    offset: int
    site: str
    def __init__(self, pattern: _Optional[str] = ..., regex: _Optional[str] = ..., name: _Optional[str] = ..., exclude_texts: _Optional[_Iterable[str]] = ..., exclude_patterns: _Optional[_Iterable[str]] = ..., exclude_regexes: _Optional[_Iterable[str]] = ..., user: _Optional[str] = ..., group: _Optional[str] = ..., grid_job_id: _Optional[int] = ..., min_size: _Optional[int] = ..., max_size: _Optional[int] = ..., min_depth: _Optional[int] = ..., max_depth: _Optional[int] = ..., min_change_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., max_change_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., limit: _Optional[int] = ..., offset: _Optional[int] = ..., site: _Optional[str] = ...) -> None: ...

class Job(_message.Message):
    __slots__ = ("id", "state", "direction", "sources", "target", "files", "bytes_done", "bytes_total", "create_time", "end_time", "message", "priority", "rate", "label", "bytes_per_second", "files_per_second", "time_left", "purpose", "executor")
    ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    BYTES_DONE_FIELD_NUMBER: _ClassVar[int]
    BYTES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    BYTES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    FILES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    TIME_LEFT_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_FIELD_NUMBER: _ClassVar[int]
    id: int
    state: JobState
    direction: Direction
    sources: _containers.RepeatedScalarFieldContainer[str]
    target: str
    files: Counters
    bytes_done: int
    bytes_total: int
    create_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    message: str
    priority: int
    rate: int
    label: str
    bytes_per_second: int
    files_per_second: float
    time_left: _duration_pb2.Duration
    purpose: Purpose
    executor: str
    def __init__(self, id: _Optional[int] = ..., state: _Optional[_Union[JobState, str]] = ..., direction: _Optional[_Union[Direction, str]] = ..., sources: _Optional[_Iterable[str]] = ..., target: _Optional[str] = ..., files: _Optional[_Union[Counters, _Mapping]] = ..., bytes_done: _Optional[int] = ..., bytes_total: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., message: _Optional[str] = ..., priority: _Optional[int] = ..., rate: _Optional[int] = ..., label: _Optional[str] = ..., bytes_per_second: _Optional[int] = ..., files_per_second: _Optional[float] = ..., time_left: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., purpose: _Optional[_Union[Purpose, str]] = ..., executor: _Optional[str] = ...) -> None: ...

class Counters(_message.Message):
    __slots__ = ("queued", "running", "waiting", "done", "failed", "cancelled", "total")
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    queued: int
    running: int
    waiting: int
    done: int
    failed: int
    cancelled: int
    total: int
    def __init__(self, queued: _Optional[int] = ..., running: _Optional[int] = ..., waiting: _Optional[int] = ..., done: _Optional[int] = ..., failed: _Optional[int] = ..., cancelled: _Optional[int] = ..., total: _Optional[int] = ...) -> None: ...

class Transfer(_message.Message):
    __slots__ = ("id", "job_id", "state", "direction", "source", "target", "size", "bytes_done", "attempts", "message", "retry_time", "joined", "wanted", "failure", "keep_time")
    ID_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    BYTES_DONE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RETRY_TIME_FIELD_NUMBER: _ClassVar[int]
    JOINED_FIELD_NUMBER: _ClassVar[int]
    WANTED_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    KEEP_TIME_FIELD_NUMBER: _ClassVar[int]
    id: int
    job_id: int
    state: TransferState
    direction: Direction
    source: str
    target: str
    size: int
    bytes_done: int
    attempts: int
    message: str
    retry_time: _timestamp_pb2.Timestamp
    joined: int
    wanted: int
    failure: TransferFailure
    keep_time: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[int] = ..., job_id: _Optional[int] = ..., state: _Optional[_Union[TransferState, str]] = ..., direction: _Optional[_Union[Direction, str]] = ..., source: _Optional[str] = ..., target: _Optional[str] = ..., size: _Optional[int] = ..., bytes_done: _Optional[int] = ..., attempts: _Optional[int] = ..., message: _Optional[str] = ..., retry_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., joined: _Optional[int] = ..., wanted: _Optional[int] = ..., failure: _Optional[_Union[TransferFailure, _Mapping]] = ..., keep_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetJobRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class GetJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class CancelJobRequest(_message.Message):
    __slots__ = ("request_id", "id")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    id: int
    def __init__(self, request_id: _Optional[str] = ..., id: _Optional[int] = ...) -> None: ...

class CancelJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class PauseJobRequest(_message.Message):
    __slots__ = ("request_id", "id")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    id: int
    def __init__(self, request_id: _Optional[str] = ..., id: _Optional[int] = ...) -> None: ...

class PauseJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class ResumeJobRequest(_message.Message):
    __slots__ = ("request_id", "id")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    id: int
    def __init__(self, request_id: _Optional[str] = ..., id: _Optional[int] = ...) -> None: ...

class ResumeJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class RetryJobRequest(_message.Message):
    __slots__ = ("request_id", "id")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    id: int
    def __init__(self, request_id: _Optional[str] = ..., id: _Optional[int] = ...) -> None: ...

class RetryJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class ListJobsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "active_only", "states", "label", "min_create_time", "running_only")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_ONLY_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    MIN_CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    RUNNING_ONLY_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    active_only: bool
    states: _containers.RepeatedScalarFieldContainer[JobState]
    label: str
    min_create_time: _timestamp_pb2.Timestamp
    running_only: bool
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., active_only: _Optional[bool] = ..., states: _Optional[_Iterable[_Union[JobState, str]]] = ..., label: _Optional[str] = ..., min_create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., running_only: _Optional[bool] = ...) -> None: ...

class ListJobsResponse(_message.Message):
    __slots__ = ("jobs", "next_page_token")
    JOBS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[Job]
    next_page_token: str
    def __init__(self, jobs: _Optional[_Iterable[_Union[Job, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListTransfersRequest(_message.Message):
    __slots__ = ("job_id", "page_size", "page_token", "states")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    page_size: int
    page_token: str
    states: _containers.RepeatedScalarFieldContainer[TransferState]
    def __init__(self, job_id: _Optional[int] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., states: _Optional[_Iterable[_Union[TransferState, str]]] = ...) -> None: ...

class ListTransfersResponse(_message.Message):
    __slots__ = ("transfers", "next_page_token")
    TRANSFERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    transfers: _containers.RepeatedCompositeFieldContainer[Transfer]
    next_page_token: str
    def __init__(self, transfers: _Optional[_Iterable[_Union[Transfer, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchJobsRequest(_message.Message):
    __slots__ = ("job_id", "resume_token", "since")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    resume_token: str
    since: int
    def __init__(self, job_id: _Optional[int] = ..., resume_token: _Optional[str] = ..., since: _Optional[int] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("number", "time", "job_id", "transfer_id", "type", "reason", "source", "target")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    number: int
    time: _timestamp_pb2.Timestamp
    job_id: int
    transfer_id: int
    type: EventType
    reason: str
    source: str
    target: str
    def __init__(self, number: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., job_id: _Optional[int] = ..., transfer_id: _Optional[int] = ..., type: _Optional[_Union[EventType, str]] = ..., reason: _Optional[str] = ..., source: _Optional[str] = ..., target: _Optional[str] = ...) -> None: ...

class WatchJobsResponse(_message.Message):
    __slots__ = ("jobs", "transfers", "resume_token", "events")
    JOBS_FIELD_NUMBER: _ClassVar[int]
    TRANSFERS_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[Job]
    transfers: _containers.RepeatedCompositeFieldContainer[Transfer]
    resume_token: str
    events: _containers.RepeatedCompositeFieldContainer[Event]
    def __init__(self, jobs: _Optional[_Iterable[_Union[Job, _Mapping]]] = ..., transfers: _Optional[_Iterable[_Union[Transfer, _Mapping]]] = ..., resume_token: _Optional[str] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ...) -> None: ...

class GetLimitsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetLimitsResponse(_message.Message):
    __slots__ = ("limits",)
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    limits: Limits
    def __init__(self, limits: _Optional[_Union[Limits, _Mapping]] = ...) -> None: ...

class SetLimitsRequest(_message.Message):
    __slots__ = ("request_id", "changes")
    class ChangesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    changes: _containers.ScalarMap[str, str]
    def __init__(self, request_id: _Optional[str] = ..., changes: _Optional[_Mapping[str, str]] = ...) -> None: ...

class SetLimitsResponse(_message.Message):
    __slots__ = ("limits",)
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    limits: Limits
    def __init__(self, limits: _Optional[_Union[Limits, _Mapping]] = ...) -> None: ...

class SetJobRateRequest(_message.Message):
    __slots__ = ("request_id", "id", "rate")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    id: int
    rate: int
    def __init__(self, request_id: _Optional[str] = ..., id: _Optional[int] = ..., rate: _Optional[int] = ...) -> None: ...

class SetJobRateResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class SetJobPriorityRequest(_message.Message):
    __slots__ = ("request_id", "id", "priority")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    id: int
    priority: int
    def __init__(self, request_id: _Optional[str] = ..., id: _Optional[int] = ..., priority: _Optional[int] = ...) -> None: ...

class SetJobPriorityResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class CleanJobsRequest(_message.Message):
    __slots__ = ("request_id", "ids")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    ids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, request_id: _Optional[str] = ..., ids: _Optional[_Iterable[int]] = ...) -> None: ...

class CleanJobsResponse(_message.Message):
    __slots__ = ("removed",)
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    removed: int
    def __init__(self, removed: _Optional[int] = ...) -> None: ...

class ListWaitReasonsRequest(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    def __init__(self, job_id: _Optional[int] = ...) -> None: ...

class ListWaitReasonsResponse(_message.Message):
    __slots__ = ("reasons",)
    REASONS_FIELD_NUMBER: _ClassVar[int]
    reasons: _containers.RepeatedCompositeFieldContainer[WaitReason]
    def __init__(self, reasons: _Optional[_Iterable[_Union[WaitReason, _Mapping]]] = ...) -> None: ...

class WaitReason(_message.Message):
    __slots__ = ("job_id", "kind", "text", "retry_time", "files", "first_source")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    RETRY_TIME_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    FIRST_SOURCE_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    kind: WaitKind
    text: str
    retry_time: _timestamp_pb2.Timestamp
    files: int
    first_source: str
    def __init__(self, job_id: _Optional[int] = ..., kind: _Optional[_Union[WaitKind, str]] = ..., text: _Optional[str] = ..., retry_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., files: _Optional[int] = ..., first_source: _Optional[str] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("files", "running", "rates", "elements")
    class FilesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class RunningEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class RatesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Bandwidth
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Bandwidth, _Mapping]] = ...) -> None: ...
    FILES_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    RATES_FIELD_NUMBER: _ClassVar[int]
    ELEMENTS_FIELD_NUMBER: _ClassVar[int]
    files: _containers.ScalarMap[str, int]
    running: _containers.ScalarMap[str, int]
    rates: _containers.MessageMap[str, Bandwidth]
    elements: _containers.RepeatedCompositeFieldContainer[ElementStatus]
    def __init__(self, files: _Optional[_Mapping[str, int]] = ..., running: _Optional[_Mapping[str, int]] = ..., rates: _Optional[_Mapping[str, Bandwidth]] = ..., elements: _Optional[_Iterable[_Union[ElementStatus, _Mapping]]] = ...) -> None: ...

class Bandwidth(_message.Message):
    __slots__ = ("schedule", "bytes_per_second")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    BYTES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    schedule: str
    bytes_per_second: int
    def __init__(self, schedule: _Optional[str] = ..., bytes_per_second: _Optional[int] = ...) -> None: ...

class ElementStatus(_message.Message):
    __slots__ = ("se", "state", "copies", "limit", "max_limit", "retry_time", "reason", "bytes_per_second")
    SE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    COPIES_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    MAX_LIMIT_FIELD_NUMBER: _ClassVar[int]
    RETRY_TIME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    BYTES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    se: str
    state: ElementState
    copies: int
    limit: int
    max_limit: int
    retry_time: _timestamp_pb2.Timestamp
    reason: str
    bytes_per_second: int
    def __init__(self, se: _Optional[str] = ..., state: _Optional[_Union[ElementState, str]] = ..., copies: _Optional[int] = ..., limit: _Optional[int] = ..., max_limit: _Optional[int] = ..., retry_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason: _Optional[str] = ..., bytes_per_second: _Optional[int] = ...) -> None: ...

class TransferFailure(_message.Message):
    __slots__ = ("failure_class", "stage", "se", "message", "error_number", "reason")
    FAILURE_CLASS_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    SE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ERROR_NUMBER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    failure_class: FailureClass
    stage: AttemptStage
    se: str
    message: str
    error_number: int
    reason: _errors_pb2.ErrorReason
    def __init__(self, failure_class: _Optional[_Union[FailureClass, str]] = ..., stage: _Optional[_Union[AttemptStage, str]] = ..., se: _Optional[str] = ..., message: _Optional[str] = ..., error_number: _Optional[int] = ..., reason: _Optional[_Union[_errors_pb2.ErrorReason, str]] = ...) -> None: ...

class WaitJobRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class WaitJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class ListAttemptsRequest(_message.Message):
    __slots__ = ("transfer_ids",)
    TRANSFER_IDS_FIELD_NUMBER: _ClassVar[int]
    transfer_ids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, transfer_ids: _Optional[_Iterable[int]] = ...) -> None: ...

class Attempt(_message.Message):
    __slots__ = ("transfer_id", "number", "se", "stage", "failure", "bytes", "start_time", "duration")
    TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SE_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    transfer_id: int
    number: int
    se: str
    stage: AttemptStage
    failure: TransferFailure
    bytes: int
    start_time: _timestamp_pb2.Timestamp
    duration: _duration_pb2.Duration
    def __init__(self, transfer_id: _Optional[int] = ..., number: _Optional[int] = ..., se: _Optional[str] = ..., stage: _Optional[_Union[AttemptStage, str]] = ..., failure: _Optional[_Union[TransferFailure, _Mapping]] = ..., bytes: _Optional[int] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ListAttemptsResponse(_message.Message):
    __slots__ = ("attempts",)
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    attempts: _containers.RepeatedCompositeFieldContainer[Attempt]
    def __init__(self, attempts: _Optional[_Iterable[_Union[Attempt, _Mapping]]] = ...) -> None: ...

class ListDeletionsRequest(_message.Message):
    __slots__ = ("job_id", "page_token")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    page_token: str
    def __init__(self, job_id: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class Deletion(_message.Message):
    __slots__ = ("name", "state", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: DeletionState
    reason: str
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[DeletionState, str]] = ..., reason: _Optional[str] = ...) -> None: ...

class ListDeletionsResponse(_message.Message):
    __slots__ = ("deletions", "next_page_token")
    DELETIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    deletions: _containers.RepeatedCompositeFieldContainer[Deletion]
    next_page_token: str
    def __init__(self, deletions: _Optional[_Iterable[_Union[Deletion, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class PlanJobRequest(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: SubmitJobRequest
    def __init__(self, job: _Optional[_Union[SubmitJobRequest, _Mapping]] = ...) -> None: ...

class PlannedFile(_message.Message):
    __slots__ = ("source", "target", "size", "action", "reason")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    source: str
    target: str
    size: int
    action: PlannedAction
    reason: str
    def __init__(self, source: _Optional[str] = ..., target: _Optional[str] = ..., size: _Optional[int] = ..., action: _Optional[_Union[PlannedAction, str]] = ..., reason: _Optional[str] = ...) -> None: ...

class PlanJobResponse(_message.Message):
    __slots__ = ("files", "message")
    FILES_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[PlannedFile]
    message: str
    def __init__(self, files: _Optional[_Iterable[_Union[PlannedFile, _Mapping]]] = ..., message: _Optional[str] = ...) -> None: ...
