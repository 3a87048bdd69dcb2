"""Finds another daemon that listens on a socket: several homes of one user can share the path of the socket.

grpcio binds over a live socket without an error, so a daemon looks before it binds.
"""

from __future__ import annotations

import os
import shlex
import socket
import struct
from collections.abc import Callable
from pathlib import Path

_CREDENTIALS = struct.Struct("iII")
"""`struct ucred` (unix(7), SO_PEERCRED): process, user and group."""
_CONNECT_TIMEOUT = 1.0


def other_holder(path: str, state_directory_of: Callable[[str], str]) -> str:
    """Return a message about another process that listens on the socket `path`; empty: none does. Blocks.

    `state_directory_of` asks the daemon on a socket for its state directory (empty: it does not answer): other
    processes cannot see the files that a daemon has opened.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_CONNECT_TIMEOUT)
        try:
            probe.connect(path)
        except (BlockingIOError, TimeoutError):  # its queue of connections is full
            return f"another process listens on the socket {path}; set ALIEND_SOCKET to another path"
        except OSError:
            return ""
        pid, _, _ = _CREDENTIALS.unpack(probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return "" if pid == os.getpid() else _sentence(pid, path, state_directory_of(path))


def _sentence(pid: int, path: str, state_directory: str) -> str:
    directory = Path(state_directory)
    if not directory.is_absolute():
        return f"process {pid} listens on the socket {path}; set ALIEND_SOCKET to another path"
    home = directory.parent.parent
    stop = f"XDG_STATE_HOME={shlex.quote(str(home))} alienctl --profile {directory.name} daemon stop"
    if directory.parent.name != "aliend":
        stop = f"kill {pid}"  # no variable selects a directory of this host in /var/tmp
    return (
        f"aliend (pid {pid}) with its state in {directory} listens on the socket {path}\n"
        f"stop it with `{stop}`, or set ALIEND_SOCKET to another path"
    )
