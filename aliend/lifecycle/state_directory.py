"""The lock that allows one daemon per state directory.

The daemon holds an flock on a file in the state directory until it ends. It takes the lock before it binds the socket,
because grpcio silently replaces a socket in use. The file's content describes the holder, so that clients find its
socket from every environment; only the lock proves that the holder runs, because a lock cannot be stale.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from aliend import CONTRACT, VERSION
from aliend.errors import ConfigurationError
from aliend.private_directories import opened
from aliend.small_files import read_small

_LOCK = "lock"
_RECORD_BYTES = 1024
"""Size of the lock file; a socket's path has at most 107 bytes, a host name 64."""
_START_TIME_FIELD = 19
"""Index of `starttime` among the fields of /proc/PID/stat behind the program's name (proc_pid_stat(5), field 22)."""


@dataclass(frozen=True, slots=True)
class Record:
    """The holder of a lock, one JSON object in the lock file.

    `started` is its start time in clock ticks since the boot `boot`, `pid_namespace` the namespace that `pid` counts
    in; they are empty (0, "") if /proc does not show them. `socket` is empty while the daemon starts or stops.
    """

    pid: int
    started: int
    boot: str
    pid_namespace: str
    host: str
    socket: str
    version: str
    contract: int


class Lock:
    """The lock of a state directory, held until `close` or the end of the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.write("")

    def write(self, socket: str) -> None:
        """Describe this process in the file. `socket` is the path on which it listens (empty: none)."""
        content = json.dumps(asdict(_own_record(socket))).encode()
        # always the same size, so that one system call replaces all: a reader sees no rest of a longer record
        with suppress(OSError):  # a full disk: the daemon is found by its usual socket only
            os.pwrite(self._descriptor, content.ljust(_RECORD_BYTES - 1) + b"\n", 0)

    def close(self) -> None:
        """Release the lock."""
        os.close(self._descriptor)


def take_lock(directory: str) -> Lock | None:
    """Take the lock of the state directory; return None if another daemon holds it. Raises ConfigurationError."""
    try:
        with opened(Path(directory)) as place:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(_LOCK, flags, 0o600, dir_fd=place)
    except OSError as error:
        raise ConfigurationError(f"cannot open the lock in {directory}: {error.strerror}") from error
    if (owner := os.fstat(descriptor).st_uid) != os.getuid():
        os.close(descriptor)
        raise ConfigurationError(f"{directory}/{_LOCK} belongs to another user (uid {owner}); remove it")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return Lock(descriptor)


def read_record(directory: str) -> Record | None:
    """Return the record in the lock file; None if it is missing, as in files of old versions."""
    try:
        return Record(**json.loads(read_small(Path(directory) / _LOCK)))
    except (OSError, ValueError, TypeError):
        return None


def _own_record(socket: str) -> Record:
    stat_fields = _of_proc("self/stat").rpartition(")")[2].split()
    return Record(
        pid=os.getpid(),
        started=int(stat_fields[_START_TIME_FIELD]) if stat_fields else 0,
        boot=_of_proc("sys/kernel/random/boot_id").strip(),
        pid_namespace=_own_pid_namespace(),
        host=os.uname().nodename,
        socket=socket,
        version=VERSION,
        contract=CONTRACT,
    )


def _of_proc(name: str) -> str:
    try:
        return Path("/proc", name).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _own_pid_namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
