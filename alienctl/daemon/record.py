"""Reads the record that the user's daemon writes into the lock file of its state directory.

The rules for the state directory are those of the daemon (`aliend.config`); a test compares the two. Only the lock
proves that the daemon runs: the record of a killed daemon stays in the file.
"""

import fcntl
import json
import os

from alienctl.transport import own_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_LOCAL_FILE_SYSTEMS = (
    *("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "bcachefs", "f2fs", "jfs", "nilfs2", "reiserfs"),
    *("overlay", "aufs", "tmpfs", "rootfs", "vfat", "exfat", "ntfs3", "hfsplus", "udf"),
)
"""File systems of a single host; on any other, the state is in a local directory of this host."""
_READING = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a FIFO does not block
_LARGEST = 4096
_READS = 5


class Record:
    """The holder of a lock, as the daemon writes it. No dataclass: importing those would delay the first command.

    Raises KeyError for a document that lacks a field.
    """

    def __init__(self, document: "dict[str, Any]") -> None:
        self.pid: int = document["pid"]
        self.started: int = document["started"]
        self.boot: str = document["boot"]
        self.pid_namespace: str = document["pid_namespace"]
        self.host: str = document["host"]
        self.socket: str = document["socket"]
        self.version: str = document["version"]
        self.contract: int = document["contract"]


def state_directory(profile: str, environment: "Mapping[bytes, bytes]") -> str:
    """Return the state directory of a profile's daemon on this host."""
    usual, local = state_roots(environment)
    kind = _file_system(f"{usual}/{profile}")
    return f"{usual if not kind or kind in _LOCAL_FILE_SYSTEMS else local}/{profile}"


def state_roots(environment: "Mapping[bytes, bytes]") -> tuple[str, str]:
    """Return the root of the state directories, and the root used when that is not on a local file system."""
    home = os.fsdecode(environment.get(b"HOME", b"")) or os.path.expanduser("~")
    named = os.fsdecode(environment.get(b"XDG_STATE_HOME", b""))
    state = named if named.startswith("/") else f"{home}/.local/state"
    return f"{state}/aliend", own_directory(f"/var/tmp/aliend-{os.getuid()}")


def read(directory: str) -> "Record | None":
    """Return the record of a state directory; None if it has no valid record."""
    before = b""
    for _ in range(_READS):
        content = _content(f"{directory}/lock")
        if content == before:  # the daemon may have been writing at the first time
            break
        before = content
    try:
        return Record(json.loads(before))
    except (ValueError, KeyError, TypeError):
        return None


def is_held(directory: str) -> bool:
    """Return whether a daemon holds the lock of a state directory."""
    try:
        descriptor = os.open(f"{directory}/lock", _READING)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def lock_holder(directory: str) -> int:
    """Return the process that holds the lock of a state directory, from /proc/locks; 0 if that does not show it."""
    try:
        facts = os.stat(f"{directory}/lock")
        with open("/proc/locks", encoding="ascii", errors="replace") as locks:
            lines = [line.split() for line in locks]
    except OSError:
        return 0
    file = f"{os.major(facts.st_dev):02x}:{os.minor(facts.st_dev):02x}:{facts.st_ino}"
    holders = [int(line[4]) for line in lines if line[1] == "FLOCK" and line[3] == "WRITE" and line[5] == file]
    return max(holders, default=0)


def _content(path: str) -> bytes:
    """Return the content of the lock file; empty if it is missing or belongs to another user."""
    try:
        descriptor = os.open(path, _READING)
    except OSError:
        return b""
    try:
        return os.read(descriptor, _LARGEST) if os.fstat(descriptor).st_uid == os.getuid() else b""
    except OSError:  # a directory
        return b""
    finally:
        os.close(descriptor)


def _file_system(path: str) -> str:
    """Return the file system type of `path` or its nearest existing parent; empty without /proc."""
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="replace") as mounts:
            lines = mounts.read().splitlines()
    except OSError:
        return ""
    real = os.path.realpath(path)
    best, kind = "", ""
    for line in lines:
        fields = line.split()
        point = fields[1].replace("\\040", " ") if len(fields) > 2 else ""
        if point and len(point) >= len(best) and f"{real}/".startswith(f"{point.rstrip('/')}/"):
            best, kind = point, fields[2]
    return kind
