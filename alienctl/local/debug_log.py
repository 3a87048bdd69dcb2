"""The log that `-debug` and ALIENPY_DEBUG enable: command lines, requests to the central service and exit codes.

All commands share one file. A command truncates it unless ALIENPY_DEBUG_APPEND is set or another command still writes
to it; each command holds a shared lock while it runs. Each line carries the process id.
"""

import fcntl
import os
import time
from contextlib import suppress

from alienctl.invocation import Invocation
from alienctl.terminal import print_error, printable

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
"""O_NONBLOCK: a FIFO without a reader fails instead of waiting for one."""
_EPERM = 1
_DEVICE, _LINK, _TYPE = 0o020000, 0o120000, 0o170000
_OFF = (b"", b"0", b"no", b"off", b"false")


class DebugLog:
    """The open file. If no candidate can be opened, prints an error and writes nothing."""

    def __init__(self, invocation: Invocation) -> None:
        self._descriptor = -1
        for path in _candidate_paths(invocation):
            try:
                self._descriptor = _open(path)
                break
            except OSError as error:
                print_error(f"cannot write the log {path}: {error.strerror}")
        if self._descriptor >= 0:
            self._lock_and_truncate(keeps=invocation.environment.get(b"ALIENPY_DEBUG_APPEND", b"").lower() not in _OFF)
            self.write(f"alienctl {' '.join(invocation.args)}")

    def write(self, text: str) -> None:
        """Append one line, with everything escaped that is not printable: names in it may hold newlines."""
        if self._descriptor < 0:
            return
        shown = printable(text).replace("\n", "\\x0a")
        line = f"DEBUG:alienctl[{os.getpid()}]:{time.strftime('%Y%m%d%H%M%S')} {shown}\n"
        try:
            os.write(self._descriptor, line.encode("utf-8", "backslashreplace"))
        except OSError:
            return

    def _lock_and_truncate(self, *, keeps: bool) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not keeps:
                os.ftruncate(self._descriptor, 0)
        except OSError:
            pass  # another command writes
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return  # the file system has no locks, or another command is just truncating the file


def _open(path: str) -> int:
    """Open the log. Others may create names in its directory: neither their links nor their files are used."""
    flags = _FLAGS | os.O_NOFOLLOW
    with suppress(FileNotFoundError):
        facts = os.lstat(path)
        _require_ours(facts)
        if facts.st_mode & _TYPE == _LINK:
            flags = _FLAGS
    descriptor = os.open(path, flags, 0o600)
    try:
        _require_ours(os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _require_ours(facts: os.stat_result) -> None:
    """Refuse what belongs to another user than us and root, except a device such as a terminal. Raises OSError."""
    if facts.st_uid not in (os.geteuid(), 0) and facts.st_mode & _TYPE != _DEVICE:
        raise OSError(_EPERM, f"it belongs to another user (uid {facts.st_uid})")


def _named(invocation: Invocation) -> str:
    return invocation.debug_file or os.fsdecode(invocation.environment.get(b"ALIENPY_DEBUG_FILE", b""))


def _candidate_paths(invocation: Invocation) -> list[str]:
    """Return the candidates for the log file: the given file, or one in the home and the temporary directory."""
    environment = invocation.environment
    if named := _named(invocation):
        return [named]
    temporary = next((environment[name] for name in (b"TMPDIR", b"TEMP", b"TMP") if environment.get(name)), b"/tmp")
    directories = [os.fsdecode(environment.get(b"HOME", b"")), os.fsdecode(temporary)]
    return [f"{directory}/alien_py.log" for directory in directories if directory]
