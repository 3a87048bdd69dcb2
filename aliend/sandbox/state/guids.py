"""GUIDs (version 1 UUIDs), and the path of a file on a storage element (wire specification, section 4.4)."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime

_EPOCH_OFFSET = 0x01B21DD213814000
_HARDWARE_ADDRESS = 0x025A4E444258
_GUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")

_GROUPS = re.compile(r"[0-9a-fA-F]{1,16}(-[0-9a-fA-F]{1,16}){4}")
_GROUP_BITS = (32, 16, 16, 16, 48)
_UUID_LENGTH = 36


class GuidMaker:
    """Creates unique GUIDs: each one advances the clock sequence."""

    def __init__(self, sequence: int = 0) -> None:
        self._sequence = sequence

    def make(self, milliseconds: int) -> str:
        """Return a new GUID with the creation time `milliseconds` (POSIX)."""
        self._sequence = (self._sequence + 1) & 0x3FFF
        ticks = milliseconds * 10000 + _EPOCH_OFFSET + self._sequence % 10000
        fields = (
            ticks & 0xFFFFFFFF,
            ticks >> 32 & 0xFFFF,
            ticks >> 48 & 0x0FFF | 0x1000,
            self._sequence >> 8 | 0x80,
            self._sequence & 0xFF,
            _HARDWARE_ADDRESS,
        )
        return str(uuid.UUID(fields=fields))


def is_guid(text: str) -> bool:
    """Return whether `text` has the form of a GUID."""
    return _GUID.fullmatch(text) is not None


def parse(text: str) -> uuid.UUID | None:
    """Return the UUID that a text is for the service, which accepts short and cuts long groups of digits, or None."""
    if len(text) > _UUID_LENGTH or _GROUPS.fullmatch(text) is None:
        return None
    groups = [int(group, 16) & (1 << bits) - 1 for group, bits in zip(text.split("-"), _GROUP_BITS, strict=True)]
    value = 0
    for group, bits in zip(groups, _GROUP_BITS, strict=True):
        value = value << bits | group
    return uuid.UUID(int=value)


def version(parsed: uuid.UUID) -> int:
    """Return the version of a UUID, whatever its variant."""
    return parsed.int >> 76 & 15


def creation_time(guid: str) -> int:
    """Return the creation time of a GUID (POSIX milliseconds)."""
    return (uuid.UUID(guid).time - _EPOCH_OFFSET) // 10000


def hardware_address(guid: str) -> str:
    """Return the hardware address of the machine that created a GUID, as `02:fc:00:00:00:01`."""
    digits = f"{uuid.UUID(guid).node:012x}"
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def index_time(guid: str) -> str:
    """Return the catalogue's `guidtime`: the high and middle part of the time, in hexadecimal."""
    fields = uuid.UUID(guid)
    return f"{fields.time_hi_version << 16 | fields.time_mid:08X}"


def creation_text(guid: str) -> str:
    """Return the creation time and hardware address of a GUID in the service's words."""
    moment = creation_time(guid)
    date = datetime.fromtimestamp(moment / 1000, UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
    return f"{date} ({moment}) by {hardware_address(guid)}"


def storage_path(guid: str) -> str:
    """Return the path of a replica below the storage element's path: `/NN/NNNNN/<guid>`."""
    digits = [int(digit, 16) for digit in guid.replace("-", "")]
    first = second = 0
    for digit in digits:
        first += digit
        second += first
    first, second = first & 255, second & 255
    value = (second - first) % 255 * 256 + second % 255
    return f"/{sum(digits) % 16:02d}/{value:05d}/{guid}"


def replica_url(daemon: str, path: str, guid: str) -> str:
    """Return the PFN of a GUID on the storage element with this IO daemon (`root://host:port`) and storage path."""
    base = "" if path == "/" else path
    separator = "" if daemon.endswith("/") and base.startswith("/") else "/"
    return f"{daemon}{separator}{base}{storage_path(guid)}"
