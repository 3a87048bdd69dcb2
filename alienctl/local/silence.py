"""Finds out whether a daemon that is silent while a command runs still responds."""

import signal

from alienctl import ClientError
from alienctl.daemon.process import is_stopped
from alienctl.main import Run, complain
from alienctl.recovery import is_reading
from alienctl.transport import Connection, profile_of, unary, unresponsive

_PROBE_LIMIT, _INTERRUPTED_LIMIT = 2.2, 1.0
"""Seconds in which a daemon answers when it is asked for its version; a busy one takes milliseconds."""
_OUTCOME_UNKNOWN = 75


def check(run: Run, connection: Connection, *, is_late: bool) -> None:
    """Say that the daemon does not respond, and end the command after a Ctrl-C, or where waiting makes no sense.

    A busy daemon gets more time than one that is stopped, until `is_late`. Transfer jobs are followed for ever: they
    would be cancelled. Raises ClientError.
    """
    stopped = is_stopped(connection.pid)
    limit = _INTERRUPTED_LIMIT if run.interrupted else _PROBE_LIMIT
    if not stopped and _responds(connection.path, limit):
        return
    if run.interrupted:
        if run.before_leaving:
            run.before_leaving()
        run.leave(signal.SIGINT)
        return
    error = unresponsive(connection.pid, profile_of(connection.path))
    if (stopped or is_late) and not run.jobs:
        if is_reading(run.invocation.words):
            raise error
        raise ClientError(f"{error}\nthe outcome of the command is unknown", _OUTCOME_UNKNOWN)
    if not run.said_unresponsive:
        run.said_unresponsive = True
        complain(str(error))


def _responds(path: str, seconds: float) -> bool:
    try:
        unary(path, b"/aliend.v1.Daemon/Hello", b"", seconds)
    except ClientError:
        return False
    return True
