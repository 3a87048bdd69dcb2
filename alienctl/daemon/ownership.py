"""Compares the daemon that answers with that of our state directory: several homes of one user can share a socket."""

import os
import shlex

from alienctl import ClientError
from alienctl.daemon import record
from alienctl.invocation import Invocation
from alienctl.local import wire_replies

_EINVAL = 22


def is_recorded(invocation: Invocation, pid: int) -> bool:
    """Return whether the running daemon of our state directory has the process id `pid`."""
    directory = record.state_directory(invocation.profile, invocation.environment)
    found = record.read(directory)
    return found is not None and found.pid == pid and record.is_held(directory)


def is_ours(invocation: Invocation, daemon: wire_replies.DaemonStatus) -> bool:
    """Return whether the daemon that answered uses our state directory."""
    if not daemon.state_directory or is_recorded(invocation, daemon.pid):
        return True
    directory = record.state_directory(invocation.profile, invocation.environment)
    return os.path.realpath(daemon.state_directory) == os.path.realpath(directory)


def describe(invocation: Invocation, daemon: wire_replies.DaemonStatus) -> str:
    """Return a sentence about the daemon of another state directory that listens on our socket."""
    return f"aliend (pid {daemon.pid}) with its state in {daemon.state_directory} listens on {invocation.socket}"


def require_ours(invocation: Invocation, daemon: wire_replies.DaemonStatus) -> None:
    """Raise ClientError (22) if the daemon that answered uses another state directory."""
    if is_ours(invocation, daemon):
        return
    root, _, profile = daemon.state_directory.rpartition("/")
    home, _, name = root.rpartition("/")
    if name == "aliend":
        stop = f"XDG_STATE_HOME={shlex.quote(home)} alienctl --profile {profile} daemon stop"
    else:  # no variable selects a directory of this host in /var/tmp
        stop = f"kill {daemon.pid}"
    own = record.state_directory(invocation.profile, invocation.environment)
    raise ClientError(
        f"{describe(invocation, daemon)}; the state of this environment is in {own}\n"
        f"stop it with `{stop}`, or set ALIEND_SOCKET to another path",
        _EINVAL,
    )
