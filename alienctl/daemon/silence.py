"""Probes a daemon that sends nothing while a command runs, and ends the command if the daemon does not respond."""

import signal
from collections.abc import Callable
from typing import Protocol

from alienctl import ClientError
from alienctl.daemon.process import is_stopped
from alienctl.recovery import is_read_only
from alienctl.terminal import print_error
from alienctl.transport import Connection, profile_of, unary, unresponsive

_PROBE_TIMEOUT, _INTERRUPTED_TIMEOUT = 2.2, 1.0
"""Seconds to wait for the reply to `Hello`, without and after Ctrl-C; a busy daemon takes milliseconds."""
_OUTCOME_UNKNOWN = 75


class WaitingCommand(Protocol):
    """The command that waits for the daemon; see `CommandRun`."""

    interrupted: bool
    reported_unresponsive: bool
    jobs: list[int]
    restore_terminal: "Callable[[], None] | None"

    @property
    def args(self) -> list[str]:
        """Return the arguments of the command line."""

    def leave(self, number: int) -> None:
        """End because of a signal."""


def check(run: WaitingCommand, connection: Connection, *, is_late: bool) -> None:
    """Report a daemon that does not respond; end the command after Ctrl-C, or if waiting is useless.

    For a stopped daemon the command ends immediately, for a busy one only if `is_late`. A command with transfer jobs
    continues to wait, because its end would cancel the jobs. Raises ClientError.
    """
    stopped = is_stopped(connection.pid)
    seconds = _INTERRUPTED_TIMEOUT if run.interrupted else _PROBE_TIMEOUT
    if not stopped and _responds(connection.path, seconds):
        return
    if run.interrupted:
        if run.restore_terminal:
            run.restore_terminal()
        run.leave(signal.SIGINT)
        return
    error = unresponsive(connection.pid, profile_of(connection.path))
    if (stopped or is_late) and not run.jobs:
        if is_read_only(run.args):
            raise error
        raise ClientError(f"{error}\nits outcome is unknown; check before running the command again", _OUTCOME_UNKNOWN)
    if not run.reported_unresponsive:
        run.reported_unresponsive = True
        print_error(str(error))


def _responds(path: str, seconds: float) -> bool:
    try:
        unary(path, b"/aliend.v1.DaemonService/Hello", b"", seconds)
    except ClientError:
        return False
    return True
