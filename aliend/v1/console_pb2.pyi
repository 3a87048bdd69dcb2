from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CompleteRequest(_message.Message):
    __slots__ = ("words", "cwd", "session", "environment")
    class EnvironmentEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    WORDS_FIELD_NUMBER: _ClassVar[int]
    CWD_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    words: _containers.RepeatedScalarFieldContainer[bytes]
    cwd: bytes
    session: str
    environment: _containers.ScalarMap[str, str]
    def __init__(self, words: _Optional[_Iterable[bytes]] = ..., cwd: _Optional[bytes] = ..., session: _Optional[str] = ..., environment: _Optional[_Mapping[str, str]] = ...) -> None: ...

class CompleteResponse(_message.Message):
    __slots__ = ("candidates", "descriptions", "is_ordered")
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTIONS_FIELD_NUMBER: _ClassVar[int]
    IS_ORDERED_FIELD_NUMBER: _ClassVar[int]
    candidates: _containers.RepeatedScalarFieldContainer[bytes]
    descriptions: _containers.RepeatedScalarFieldContainer[str]
    is_ordered: bool
    def __init__(self, candidates: _Optional[_Iterable[bytes]] = ..., descriptions: _Optional[_Iterable[str]] = ..., is_ordered: _Optional[bool] = ...) -> None: ...

class RunRequest(_message.Message):
    __slots__ = ("start", "stdin", "eof", "signal", "resize", "answer", "handoff_result")
    START_FIELD_NUMBER: _ClassVar[int]
    STDIN_FIELD_NUMBER: _ClassVar[int]
    EOF_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    RESIZE_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    HANDOFF_RESULT_FIELD_NUMBER: _ClassVar[int]
    start: RunStart
    stdin: bytes
    eof: EndOfInput
    signal: Signal
    resize: Resize
    answer: Answer
    handoff_result: HandoffResult
    def __init__(self, start: _Optional[_Union[RunStart, _Mapping]] = ..., stdin: _Optional[bytes] = ..., eof: _Optional[_Union[EndOfInput, _Mapping]] = ..., signal: _Optional[_Union[Signal, _Mapping]] = ..., resize: _Optional[_Union[Resize, _Mapping]] = ..., answer: _Optional[_Union[Answer, _Mapping]] = ..., handoff_result: _Optional[_Union[HandoffResult, _Mapping]] = ...) -> None: ...

class RunStart(_message.Message):
    __slots__ = ("contract", "client_version", "argv", "cwd", "umask", "session", "terminal", "environment", "commands_on_stdin", "stop_on_error", "raw", "interactive", "debug", "request_id")
    class EnvironmentEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    CLIENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    ARGV_FIELD_NUMBER: _ClassVar[int]
    CWD_FIELD_NUMBER: _ClassVar[int]
    UMASK_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    COMMANDS_ON_STDIN_FIELD_NUMBER: _ClassVar[int]
    STOP_ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    INTERACTIVE_FIELD_NUMBER: _ClassVar[int]
    DEBUG_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    contract: int
    client_version: str
    argv: _containers.RepeatedScalarFieldContainer[bytes]
    cwd: bytes
    umask: int
    session: str
    terminal: Terminal
    environment: _containers.ScalarMap[str, str]
    commands_on_stdin: bool
    stop_on_error: bool
    raw: bool
    interactive: bool
    debug: bool
    request_id: str
    def __init__(self, contract: _Optional[int] = ..., client_version: _Optional[str] = ..., argv: _Optional[_Iterable[bytes]] = ..., cwd: _Optional[bytes] = ..., umask: _Optional[int] = ..., session: _Optional[str] = ..., terminal: _Optional[_Union[Terminal, _Mapping]] = ..., environment: _Optional[_Mapping[str, str]] = ..., commands_on_stdin: _Optional[bool] = ..., stop_on_error: _Optional[bool] = ..., raw: _Optional[bool] = ..., interactive: _Optional[bool] = ..., debug: _Optional[bool] = ..., request_id: _Optional[str] = ...) -> None: ...

class Terminal(_message.Message):
    __slots__ = ("stdin_is_terminal", "stdout_is_terminal", "stderr_is_terminal", "columns", "rows")
    STDIN_IS_TERMINAL_FIELD_NUMBER: _ClassVar[int]
    STDOUT_IS_TERMINAL_FIELD_NUMBER: _ClassVar[int]
    STDERR_IS_TERMINAL_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    stdin_is_terminal: bool
    stdout_is_terminal: bool
    stderr_is_terminal: bool
    columns: int
    rows: int
    def __init__(self, stdin_is_terminal: _Optional[bool] = ..., stdout_is_terminal: _Optional[bool] = ..., stderr_is_terminal: _Optional[bool] = ..., columns: _Optional[int] = ..., rows: _Optional[int] = ...) -> None: ...

class EndOfInput(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Signal(_message.Message):
    __slots__ = ("number",)
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    number: int
    def __init__(self, number: _Optional[int] = ...) -> None: ...

class Resize(_message.Message):
    __slots__ = ("columns", "rows")
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    columns: int
    rows: int
    def __init__(self, columns: _Optional[int] = ..., rows: _Optional[int] = ...) -> None: ...

class Answer(_message.Message):
    __slots__ = ("text", "refused")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    text: str
    refused: bool
    def __init__(self, text: _Optional[str] = ..., refused: _Optional[bool] = ...) -> None: ...

class HandoffResult(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: int
    def __init__(self, status: _Optional[int] = ...) -> None: ...

class RunResponse(_message.Message):
    __slots__ = ("stdout", "stderr", "progress", "question", "handoff", "exit", "job", "output_end", "log", "go_on")
    STDOUT_FIELD_NUMBER: _ClassVar[int]
    STDERR_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    HANDOFF_FIELD_NUMBER: _ClassVar[int]
    EXIT_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_END_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    GO_ON_FIELD_NUMBER: _ClassVar[int]
    stdout: bytes
    stderr: bytes
    progress: RunProgress
    question: Question
    handoff: Handoff
    exit: RunExit
    job: AttachedJob
    output_end: OutputEnd
    log: str
    go_on: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, stdout: _Optional[bytes] = ..., stderr: _Optional[bytes] = ..., progress: _Optional[_Union[RunProgress, _Mapping]] = ..., question: _Optional[_Union[Question, _Mapping]] = ..., handoff: _Optional[_Union[Handoff, _Mapping]] = ..., exit: _Optional[_Union[RunExit, _Mapping]] = ..., job: _Optional[_Union[AttachedJob, _Mapping]] = ..., output_end: _Optional[_Union[OutputEnd, _Mapping]] = ..., log: _Optional[str] = ..., go_on: _Optional[_Iterable[bytes]] = ...) -> None: ...

class RunExit(_message.Message):
    __slots__ = ("code", "leaves", "user", "directory", "version")
    CODE_FIELD_NUMBER: _ClassVar[int]
    LEAVES_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    code: int
    leaves: bool
    user: str
    directory: str
    version: str
    def __init__(self, code: _Optional[int] = ..., leaves: _Optional[bool] = ..., user: _Optional[str] = ..., directory: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class OutputEnd(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AttachedJob(_message.Message):
    __slots__ = ("id", "more")
    ID_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    id: int
    more: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, id: _Optional[int] = ..., more: _Optional[_Iterable[int]] = ...) -> None: ...

class RunProgress(_message.Message):
    __slots__ = ("bytes_done", "bytes_total", "files_done", "files_failed", "files_total", "files", "bytes_per_second", "seconds_left")
    BYTES_DONE_FIELD_NUMBER: _ClassVar[int]
    BYTES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    FILES_DONE_FIELD_NUMBER: _ClassVar[int]
    FILES_FAILED_FIELD_NUMBER: _ClassVar[int]
    FILES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    BYTES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    SECONDS_LEFT_FIELD_NUMBER: _ClassVar[int]
    bytes_done: int
    bytes_total: int
    files_done: int
    files_failed: int
    files_total: int
    files: _containers.RepeatedCompositeFieldContainer[FileProgress]
    bytes_per_second: int
    seconds_left: int
    def __init__(self, bytes_done: _Optional[int] = ..., bytes_total: _Optional[int] = ..., files_done: _Optional[int] = ..., files_failed: _Optional[int] = ..., files_total: _Optional[int] = ..., files: _Optional[_Iterable[_Union[FileProgress, _Mapping]]] = ..., bytes_per_second: _Optional[int] = ..., seconds_left: _Optional[int] = ...) -> None: ...

class FileProgress(_message.Message):
    __slots__ = ("id", "name", "bytes_done", "bytes_total")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    BYTES_DONE_FIELD_NUMBER: _ClassVar[int]
    BYTES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    bytes_done: int
    bytes_total: int
    def __init__(self, id: _Optional[int] = ..., name: _Optional[str] = ..., bytes_done: _Optional[int] = ..., bytes_total: _Optional[int] = ...) -> None: ...

class Question(_message.Message):
    __slots__ = ("prompt", "echo")
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    ECHO_FIELD_NUMBER: _ClassVar[int]
    prompt: str
    echo: bool
    def __init__(self, prompt: _Optional[str] = ..., echo: _Optional[bool] = ...) -> None: ...

class Handoff(_message.Message):
    __slots__ = ("argv", "stdin", "takes_output", "may_be_missing", "text", "text_lfn")
    ARGV_FIELD_NUMBER: _ClassVar[int]
    STDIN_FIELD_NUMBER: _ClassVar[int]
    TAKES_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    MAY_BE_MISSING_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TEXT_LFN_FIELD_NUMBER: _ClassVar[int]
    argv: _containers.RepeatedScalarFieldContainer[bytes]
    stdin: bytes
    takes_output: bool
    may_be_missing: bool
    text: bytes
    text_lfn: bytes
    def __init__(self, argv: _Optional[_Iterable[bytes]] = ..., stdin: _Optional[bytes] = ..., takes_output: _Optional[bool] = ..., may_be_missing: _Optional[bool] = ..., text: _Optional[bytes] = ..., text_lfn: _Optional[bytes] = ...) -> None: ...
