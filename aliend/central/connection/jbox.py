"""Finds a JBox that runs on this machine as this user, by the file that it writes.

The order of services is decided by `aliend.core.connection.discovery`.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from aliend.core.connection.context import Context, Endpoint
from aliend.core.connection.discovery import Target, login_targets, parse_jbox_file, real_uid

_LARGEST = 65536


def find_services(context: Context, processes: Path = Path("/proc")) -> list[Target]:
    """Return the services of `context` in the order to try. Blocks: reads files."""
    file = context.finding.jbox_file
    return login_targets(context, _running_jbox(Path(file), processes) if file else None)


def _running_jbox(file: Path, processes: Path) -> Endpoint | None:
    """Return the endpoint of the JBox of `file`, if the file and the running process belong to this user."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as stream:  # noqa: PTH123 (a descriptor has no path)
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid():
                return None
            announcement = parse_jbox_file(stream.read(_LARGEST).decode("utf-8", "replace"))
        if announcement is None:
            return None
        owner = real_uid((processes / str(announcement.pid) / "status").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    return announcement.endpoint if owner == os.getuid() else None
