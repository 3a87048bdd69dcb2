import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class HelloRequest(_message.Message):
    __slots__ = ("client_version", "contract")
    CLIENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    client_version: str
    contract: int
    def __init__(self, client_version: _Optional[str] = ..., contract: _Optional[int] = ...) -> None: ...

class HelloResponse(_message.Message):
    __slots__ = ("version", "contract", "capabilities", "pid")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    version: str
    contract: int
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    pid: int
    def __init__(self, version: _Optional[str] = ..., contract: _Optional[int] = ..., capabilities: _Optional[_Iterable[str]] = ..., pid: _Optional[int] = ...) -> None: ...

class StatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StatusResponse(_message.Message):
    __slots__ = ("version", "pid", "start_time", "profile", "socket", "state_directory", "log_file", "central", "active_jobs", "running_transfers", "warnings", "running_calls")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    SOCKET_FIELD_NUMBER: _ClassVar[int]
    STATE_DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    LOG_FILE_FIELD_NUMBER: _ClassVar[int]
    CENTRAL_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_JOBS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_TRANSFERS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_CALLS_FIELD_NUMBER: _ClassVar[int]
    version: str
    pid: int
    start_time: _timestamp_pb2.Timestamp
    profile: str
    socket: str
    state_directory: str
    log_file: str
    central: _containers.RepeatedCompositeFieldContainer[CentralStatus]
    active_jobs: int
    running_transfers: int
    warnings: _containers.RepeatedScalarFieldContainer[str]
    running_calls: int
    def __init__(self, version: _Optional[str] = ..., pid: _Optional[int] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., profile: _Optional[str] = ..., socket: _Optional[str] = ..., state_directory: _Optional[str] = ..., log_file: _Optional[str] = ..., central: _Optional[_Iterable[_Union[CentralStatus, _Mapping]]] = ..., active_jobs: _Optional[int] = ..., running_transfers: _Optional[int] = ..., warnings: _Optional[_Iterable[str]] = ..., running_calls: _Optional[int] = ...) -> None: ...

class CentralStatus(_message.Message):
    __slots__ = ("endpoint", "connections", "user", "subject", "certificate_expire_time", "logins", "commands", "problem", "state", "connect_time", "points", "waiting", "next_attempt_time")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[CentralStatus.State]
        STATE_IDLE: _ClassVar[CentralStatus.State]
        STATE_CONNECTING: _ClassVar[CentralStatus.State]
        STATE_CONNECTED: _ClassVar[CentralStatus.State]
        STATE_FAILING: _ClassVar[CentralStatus.State]
    STATE_UNSPECIFIED: CentralStatus.State
    STATE_IDLE: CentralStatus.State
    STATE_CONNECTING: CentralStatus.State
    STATE_CONNECTED: CentralStatus.State
    STATE_FAILING: CentralStatus.State
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    LOGINS_FIELD_NUMBER: _ClassVar[int]
    COMMANDS_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CONNECT_TIME_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    NEXT_ATTEMPT_TIME_FIELD_NUMBER: _ClassVar[int]
    endpoint: str
    connections: int
    user: str
    subject: str
    certificate_expire_time: _timestamp_pb2.Timestamp
    logins: int
    commands: int
    problem: str
    state: CentralStatus.State
    connect_time: _timestamp_pb2.Timestamp
    points: int
    waiting: int
    next_attempt_time: _timestamp_pb2.Timestamp
    def __init__(self, endpoint: _Optional[str] = ..., connections: _Optional[int] = ..., user: _Optional[str] = ..., subject: _Optional[str] = ..., certificate_expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., logins: _Optional[int] = ..., commands: _Optional[int] = ..., problem: _Optional[str] = ..., state: _Optional[_Union[CentralStatus.State, str]] = ..., connect_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., points: _Optional[int] = ..., waiting: _Optional[int] = ..., next_attempt_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class StopRequest(_message.Message):
    __slots__ = ("only_if_idle",)
    ONLY_IF_IDLE_FIELD_NUMBER: _ClassVar[int]
    only_if_idle: bool
    def __init__(self, only_if_idle: _Optional[bool] = ...) -> None: ...

class StopResponse(_message.Message):
    __slots__ = ("pid", "needed", "running_calls", "running_transfers")
    PID_FIELD_NUMBER: _ClassVar[int]
    NEEDED_FIELD_NUMBER: _ClassVar[int]
    RUNNING_CALLS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_TRANSFERS_FIELD_NUMBER: _ClassVar[int]
    pid: int
    needed: bool
    running_calls: int
    running_transfers: int
    def __init__(self, pid: _Optional[int] = ..., needed: _Optional[bool] = ..., running_calls: _Optional[int] = ..., running_transfers: _Optional[int] = ...) -> None: ...

class ReloadRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReloadResponse(_message.Message):
    __slots__ = ("applied", "after_restart")
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    AFTER_RESTART_FIELD_NUMBER: _ClassVar[int]
    applied: _containers.RepeatedScalarFieldContainer[str]
    after_restart: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, applied: _Optional[_Iterable[str]] = ..., after_restart: _Optional[_Iterable[str]] = ...) -> None: ...

class MetricsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MetricsResponse(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class GetBridgeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetBridgeResponse(_message.Message):
    __slots__ = ("bridge",)
    BRIDGE_FIELD_NUMBER: _ClassVar[int]
    bridge: Bridge
    def __init__(self, bridge: _Optional[_Union[Bridge, _Mapping]] = ...) -> None: ...

class SetBridgeRequest(_message.Message):
    __slots__ = ("running",)
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    running: bool
    def __init__(self, running: _Optional[bool] = ...) -> None: ...

class SetBridgeResponse(_message.Message):
    __slots__ = ("bridge",)
    BRIDGE_FIELD_NUMBER: _ClassVar[int]
    bridge: Bridge
    def __init__(self, bridge: _Optional[_Union[Bridge, _Mapping]] = ...) -> None: ...

class Bridge(_message.Message):
    __slots__ = ("running", "port", "file", "announced", "note", "clients", "requests")
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    ANNOUNCED_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    CLIENTS_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    running: bool
    port: int
    file: str
    announced: bool
    note: str
    clients: int
    requests: int
    def __init__(self, running: _Optional[bool] = ..., port: _Optional[int] = ..., file: _Optional[str] = ..., announced: _Optional[bool] = ..., note: _Optional[str] = ..., clients: _Optional[int] = ..., requests: _Optional[int] = ...) -> None: ...
