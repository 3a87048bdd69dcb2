"""Decodes by hand the messages that only some commands need: progress, questions, hand-offs, the daemon's answers.

Each function decodes the bytes of one message and raises MessageError if they are invalid. Unknown fields are skipped.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from alienctl.wire_messages import fields, number

Item = TypeVar("Item")


@dataclass(frozen=True)
class FileProgress:
    """One file that is being copied; sizes in bytes."""

    id: int
    name: str
    bytes_done: int
    bytes_total: int


@dataclass(frozen=True)
class RunProgress:
    """Progress of a job; sizes in bytes, `bytes_total` is 0 while not all files are known."""

    bytes_done: int
    bytes_total: int
    files_done: int
    files_failed: int
    files_total: int
    files: list[FileProgress]
    bytes_per_second: int = 0
    seconds_left: int = 0


@dataclass(frozen=True)
class Question:
    """A question that is asked at the user's terminal."""

    prompt: str
    echo: bool


@dataclass(frozen=True)
class Handoff:
    """A program for the user, see `Handoff` of the contract."""

    argv: list[bytes]
    stdin: bytes
    takes_output: bool
    may_be_missing: bool
    text: bytes
    text_lfn: bytes


@dataclass(frozen=True)
class RunExit:
    """`leaves`: the command was `exit`. User and current directory of the session; empty if unknown."""

    leaves: bool
    user: str
    directory: str


@dataclass(frozen=True)
class WatchedJob:
    """A transfer job; `state` is the number of a `JobState` of the contract."""

    id: int
    state: int
    target: str
    done: int
    failed: int


@dataclass(frozen=True)
class Hello:
    """The daemon's version, the number of its contract, its process id and its capabilities."""

    version: str
    contract: int
    pid: int
    capabilities: list[str]


@dataclass(frozen=True)
class CentralStatus:
    """One central service under one identity, see `CentralStatus` of the contract."""

    endpoint: str
    connections: int
    user: str
    subject: str
    certificate_ends_ms: int
    logins: int
    commands: int
    problem: str
    state: int
    since_ms: int
    points: int
    waiting: int
    next_attempt_ms: int


@dataclass(frozen=True)
class DaemonStatus:
    """The state of the daemon, see `StatusResponse` of the contract."""

    version: str
    pid: int
    started_ms: int
    profile: str
    socket: str
    state_directory: str
    log_file: str
    central: list[CentralStatus]
    active_jobs: int
    running_transfers: int
    warnings: list[str]


def _all_bytes(data: bytes, field: int) -> list[bytes]:
    return [value for key, value in fields(data) if key == field and isinstance(value, bytes)]


def _bytes(data: bytes, field: int) -> bytes:
    return (_all_bytes(data, field) or [b""])[-1]


def _texts(data: bytes, field: int) -> list[str]:
    return [text.decode("utf-8", "replace") for text in _all_bytes(data, field)]


def _text(data: bytes, field: int) -> str:
    return _bytes(data, field).decode("utf-8", "replace")


def _signed(data: bytes, field: int) -> int:
    value = number(data, field)
    return value - 2**64 if value >> 63 else value


def _time_ms(data: bytes, field: int) -> int:
    """Return a Timestamp as POSIX milliseconds; 0 if it is unset. Contract 1 sends milliseconds."""
    if milliseconds := number(data, field):
        return milliseconds
    time = _bytes(data, field)
    return _signed(time, 1) * 1000 + number(time, 2) // 1_000_000


def _each(data: bytes, field: int, read: Callable[[bytes], Item]) -> list[Item]:
    return [read(content) for content in _all_bytes(data, field)]


def run_progress(data: bytes) -> RunProgress:
    """Read a RunProgress."""
    done, total, *counts = (number(data, field) for field in range(1, 6))
    files = _each(data, 6, file_progress)
    return RunProgress(done, total, counts[0], counts[1], counts[2], files, number(data, 7), number(data, 8))


def file_progress(data: bytes) -> FileProgress:
    """Read a FileProgress."""
    return FileProgress(number(data, 1), _text(data, 2), number(data, 3), number(data, 4))


def question(data: bytes) -> Question:
    """Read a Question."""
    return Question(_text(data, 1), bool(number(data, 2)))


def handoff(data: bytes) -> Handoff:
    """Read a Handoff."""
    flags = bool(number(data, 3)), bool(number(data, 4))
    return Handoff(_all_bytes(data, 1), _bytes(data, 2), *flags, _bytes(data, 5), _bytes(data, 6))


def hello(data: bytes) -> Hello:
    """Read a HelloResponse."""
    return Hello(_text(data, 1), number(data, 2) & 0xFFFFFFFF, number(data, 4), _texts(data, 3))


def central_status(data: bytes) -> CentralStatus:
    """Read a CentralStatus."""
    return CentralStatus(
        endpoint=_text(data, 1),
        connections=number(data, 2) & 0xFFFFFFFF,
        user=_text(data, 3),
        subject=_text(data, 4),
        certificate_ends_ms=_time_ms(data, 5),
        logins=number(data, 6),
        commands=number(data, 7),
        problem=_text(data, 8),
        state=number(data, 9),
        since_ms=_time_ms(data, 10),
        points=number(data, 11) & 0xFFFFFFFF,
        waiting=number(data, 12) & 0xFFFFFFFF,
        next_attempt_ms=_time_ms(data, 13),
    )


def daemon_status(data: bytes) -> DaemonStatus:
    """Read a StatusResponse."""
    return DaemonStatus(
        version=_text(data, 1),
        pid=number(data, 2),
        started_ms=_time_ms(data, 3),
        profile=_text(data, 4),
        socket=_text(data, 5),
        state_directory=_text(data, 6),
        log_file=_text(data, 7),
        central=_each(data, 8, central_status),
        active_jobs=number(data, 9),
        running_transfers=number(data, 10),
        warnings=_texts(data, 11),
    )


def run_exit(data: bytes) -> RunExit:
    """Read a RunExit."""
    return RunExit(bool(number(data, 2)), _text(data, 3), _text(data, 4))


def watch_response(data: bytes) -> tuple[list[WatchedJob], str]:
    """Read the jobs of a WatchJobsResponse and its resume token."""
    return _each(data, 1, _watched_job), _text(data, 3)


def _watched_job(data: bytes) -> WatchedJob:
    files = _bytes(data, 6)
    return WatchedJob(number(data, 1), number(data, 2), _text(data, 5), number(files, 4), number(files, 5))


@dataclass(frozen=True)
class StopResponse:
    """The answer to `Stop`: the daemon's process id, and the work that keeps it `needed`."""

    pid: int
    needed: bool
    running_calls: int
    running_transfers: int


def stop_response(data: bytes) -> StopResponse:
    """Read a StopResponse."""
    return StopResponse(number(data, 1), bool(number(data, 2)), number(data, 3), number(data, 4))


def reload_response(data: bytes) -> tuple[list[str], list[str]]:
    """Read a ReloadResponse: descriptions of the settings that apply now, and of those that apply after a restart."""
    return _texts(data, 1), _texts(data, 2)


@dataclass(frozen=True)
class Element:
    """A storage element in use; `state` is the number of an `ElementState` of the contract."""

    name: str
    state: int
    until_ms: int
    why: str


def storage_elements(data: bytes) -> list[Element]:
    """Read the storage elements of a GetLimitsResponse."""
    return _each(
        _bytes(data, 1), 4, lambda one: Element(_text(one, 1), number(one, 2), _time_ms(one, 6), _text(one, 7))
    )


def metrics_response(data: bytes) -> str:
    """Read a MetricsResponse: a document in the OpenMetrics text format."""
    return _text(data, 1)
