"""The log that `-debug` and ALIENPY_DEBUG ask for: what was typed, what the service was asked, and how it ended.

One file for all commands. It begins anew unless ALIENPY_DEBUG_APPEND is set, or another command that writes to it still
runs: a lock that each holds while it runs tells. Each line carries the number of its process.
"""

import fcntl
import os
import time

from alienctl.invocation import Invocation
from alienctl.terminal import print_error

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
"""O_NONBLOCK: a FIFO without a reader fails instead of waiting for one."""
_OFF = (b"", b"0", b"no", b"off", b"false")


class DebugLog:
    """The open file; nothing is written where it cannot be opened, which is told."""

    def __init__(self, invocation: Invocation) -> None:
        self._descriptor = -1
        for place in _places(invocation):
            try:
                self._descriptor = os.open(place, _FLAGS, 0o600)
                break
            except OSError as error:
                print_error(f"the log {place} cannot be written: {error.strerror}")
        if self._descriptor >= 0:
            self._share(keeps=invocation.environment.get(b"ALIENPY_DEBUG_APPEND", b"").lower() not in _OFF)
            self.write(f"alienctl {' '.join(invocation.args)}")

    def write(self, text: str) -> None:
        """Append one line."""
        if self._descriptor < 0:
            return
        line = f"DEBUG:alienctl[{os.getpid()}]:{time.strftime('%Y%m%d%H%M%S')} {text}\n"
        try:
            os.write(self._descriptor, line.encode("utf-8", "backslashreplace"))
        except OSError:
            return

    def _share(self, *, keeps: bool) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not keeps:
                os.ftruncate(self._descriptor, 0)
        except OSError:
            pass  # somebody else writes
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return  # no locks here, or somebody is just beginning


def _places(invocation: Invocation) -> list[str]:
    """Return the candidates for the log file: the given file, the home, the temporary directory."""
    environment = invocation.environment
    named = invocation.debug_file or os.fsdecode(environment.get(b"ALIENPY_DEBUG_FILE", b""))
    if named:
        return [named]
    temporary = next((environment[name] for name in (b"TMPDIR", b"TEMP", b"TMP") if environment.get(name)), b"/tmp")
    homes = [os.fsdecode(environment.get(b"HOME", b"")), os.fsdecode(temporary)]
    return [f"{place}/alien_py.log" for place in homes if place]
