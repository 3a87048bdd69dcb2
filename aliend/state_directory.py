"""The daemon's places on disk: private directories and the lock that makes one daemon per state directory.

The lock is an flock held for life on a file in the state directory. It is taken before the socket is bound, because
grpcio binds over a live socket without a word. A pid file is never used: a lock cannot be stale.
"""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

from aliend.errors import ConfigurationError


def make_private(directory: str) -> None:
    """Make `directory` (and its parents) if missing, and make sure that it is ours, mode 0700 and no link.

    Raises ConfigurationError with the reason; nothing of somebody else's is changed.
    """
    path = Path(directory)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.mkdir(mode=0o700, exist_ok=True)
        facts = path.lstat()
    except OSError as error:
        raise ConfigurationError(f"The directory {directory} cannot be made: {error.strerror}") from error
    if not stat.S_ISDIR(facts.st_mode):
        raise ConfigurationError(f"{directory} is not a directory (a link is not accepted); remove it")
    if facts.st_uid != os.getuid():
        raise ConfigurationError(
            f"{directory} belongs to uid {facts.st_uid}, not to you (uid {os.getuid()}); refusing to use it. "
            "Set XDG_RUNTIME_DIR, XDG_STATE_HOME or ALIEND_SOCKET to a place of your own"
        )
    if facts.st_mode & 0o077:
        path.chmod(0o700)


def take_lock(directory: str) -> int | None:
    """Take the lock of the state directory; the descriptor keeps it, None: another daemon holds it."""
    try:
        descriptor = os.open(Path(directory) / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ConfigurationError(f"The lock in {directory} cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
