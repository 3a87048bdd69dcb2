"""Finds another daemon that listens on a socket: several homes of one user can share the path of the socket.

grpcio binds over a live socket without an error, so a daemon looks before it binds.
"""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path

_CREDENTIALS = struct.Struct("iII")
"""`struct ucred` (unix(7), SO_PEERCRED): process, user and group."""
_PATIENCE = 1.0


def other_holder(path: str) -> str:
    """Return a message about another process that listens on the socket `path`; empty: none does. Blocks."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PATIENCE)
        try:
            probe.connect(path)
        except (BlockingIOError, TimeoutError):  # its queue of connections is full
            return f"another process listens on the socket {path}; set ALIEND_SOCKET to another path"
        except OSError:
            return ""
        pid, _, _ = _CREDENTIALS.unpack(probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return "" if pid == os.getpid() else _sentence(pid, path)


def _sentence(pid: int, path: str) -> str:
    directory = _state_directory(pid)
    if directory is None:
        return f"process {pid} listens on the socket {path}; set ALIEND_SOCKET to another path"
    stop = f"XDG_STATE_HOME={directory.parent.parent} alienctl --profile {directory.name} daemon stop"
    return (
        f"aliend (pid {pid}) with its state in {directory} listens on the socket {path}\n"
        f"stop it with `{stop}`, or set ALIEND_SOCKET to another path"
    )


def _state_directory(pid: int) -> Path | None:
    """Return the directory of the lock that a daemon holds; None if that is unknown."""
    try:
        opened = [descriptor.readlink() for descriptor in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return None
    return next((file.parent for file in opened if file.name == "lock"), None)
