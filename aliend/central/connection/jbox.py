"""Finds a JBox that runs on this machine as this user, by the file that it writes. Which service is tried first is
decided by `aliend.core.connection.discovery`."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from aliend.core.connection.context import Context, Endpoint
from aliend.core.connection.discovery import Target, login_targets, parse_jbox_file, real_uid

_LARGEST = 65536


def find_services(context: Context, processes: Path = Path("/proc")) -> list[Target]:
    """The services of `context`, in the order of trying. Blocks: reads files."""
    file = context.finding.jbox_file
    return login_targets(context, _running_jbox(Path(file), processes) if file else None)


def _running_jbox(file: Path, processes: Path) -> Endpoint | None:
    """Where the JBox of `file` listens, if the file is ours and its process lives and is ours."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as opened:  # noqa: PTH123 (a descriptor has no path)
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid():
                return None
            said = parse_jbox_file(opened.read(_LARGEST).decode("utf-8", "replace"))
        if said is None:
            return None
        owner = real_uid((processes / str(said.pid) / "status").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    return said.endpoint if owner == os.getuid() else None
