"""Signals the daemon's process through a pidfd, so that a signal never reaches another process with its number."""

import os
import select
import signal
import socket

from alienctl import ClientError
from alienctl.daemon.record import Record, lock_holder
from alienctl.transport import peer_of

_ENOTCONN = 107
_START_TIME_FIELD = 19
"""Index of `starttime` among the fields of /proc/PID/stat behind the program's name (proc_pid_stat(5), field 22)."""


class DaemonProcess:
    """A running daemon. Use it in a `with` statement."""

    def __init__(self, pid: int, descriptor: int) -> None:
        self.pid = pid
        self._descriptor = descriptor

    def __enter__(self) -> "DaemonProcess":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def send(self, number: signal.Signals) -> None:
        """Send a signal; do nothing if the process has ended. Raises ClientError."""
        try:
            signal.pidfd_send_signal(self._descriptor, number)
        except ProcessLookupError:
            return
        except PermissionError as error:
            raise ClientError(f"cannot send a signal to aliend (pid {self.pid}): {error.strerror}", 1) from None

    def has_ended(self, seconds: float) -> bool:
        """Wait for the end of the process, at most this many seconds."""
        return bool(select.select([self._descriptor], [], [], seconds)[0])


def open_process(record: Record) -> "DaemonProcess | None":
    """Return the process that a record describes; None if it has ended.

    Raises ClientError if the number may belong to another process.
    """
    if not shares_numbers(record):
        raise ClientError(
            f"aliend (pid {record.pid} on {record.host}) runs in another PID namespace, perhaps in a container\n"
            f"its socket {record.socket or '(none)'} cannot be reached from here; stop it there",
            _ENOTCONN,
        )
    try:
        descriptor = os.pidfd_open(record.pid)
    except ProcessLookupError:
        return None
    except OSError as error:
        raise ClientError(f"cannot identify aliend (pid {record.pid}): {error.strerror}", _ENOTCONN) from None
    if record.started and _stat(os.getpid()):
        is_same = (_started(record.pid), _boot()) == (record.started, record.boot)
    elif _listens(record):
        is_same = True
    else:
        os.close(descriptor)
        raise ClientError(
            f"no signal was sent to aliend (pid {record.pid}): without /proc its identity cannot be verified\n"
            f"if `ps` shows that it is aliend, end it with `kill {record.pid}`",
            _ENOTCONN,
        )
    if is_same:
        return DaemonProcess(record.pid, descriptor)
    os.close(descriptor)
    return None


def open_lock_holder(directory: str) -> "DaemonProcess | None":
    """Return the daemon that holds the lock of a state directory; None if it cannot be identified.

    A daemon before 0.2 writes no record.
    """
    pid = lock_holder(directory)
    if not pid or not _is_aliend(pid):
        return None
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return None
    if lock_holder(directory) == pid:
        return DaemonProcess(pid, descriptor)
    os.close(descriptor)
    return None


def _is_aliend(pid: int) -> bool:
    """Return whether a process was started as `aliend`, as `python -m aliend` or by `interpreter.command`."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            arguments = file.read().split(b"\0")[:4]
    except OSError:
        return False
    return any(one.rpartition(b"/")[2] == b"aliend" or b"run_module('aliend'" in one for one in arguments)


def is_stopped(pid: int) -> bool:
    """Return whether a process is stopped by a signal or a debugger, so that it cannot answer."""
    return _stat(pid)[:1] in (["T"], ["t"])


def shares_numbers(record: Record) -> bool:
    """Return whether daemon and client are in the same PID namespace, as far as /proc shows."""
    try:
        return record.pid_namespace in ("", os.readlink("/proc/self/ns/pid"))
    except OSError:
        return True


def _listens(record: Record) -> bool:
    """Return whether the recorded process listens on its socket, so that its number still belongs to it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(record.socket)
            is_ours = peer_of(connection) == (record.pid, os.getuid())
            return is_ours and connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False


def _stat(pid: int) -> list[str]:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []


def _started(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[_START_TIME_FIELD]) if fields else 0


def _boot() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""
