"""What fsspec calls `info` of an entry of the catalogue, and the error of a name without one."""

from __future__ import annotations

import errno
from typing import Any

from alienctl.api.errors import ErrorFacts, NotFoundError
from alienctl.api.results import entry_of
from aliend.v1 import catalogue_pb2 as pb

Facts = dict[str, Any]
"""What fsspec calls `info`: name, size (bytes), type, and the facts of the catalogue; times are aware datetimes."""


def facts_of(message: pb.Entry) -> Facts:
    """Return the facts of an entry."""
    entry = entry_of(message)
    return {
        "name": f"/{entry.lfn.strip('/')}",
        "size": entry.size,
        "type": entry.type if entry.type in ("file", "directory") else "other",
        "mtime": entry.change_time,
        "md5": entry.md5,
        "guid": entry.guid,
        "owner": entry.owner,
        "group": entry.group,
        "permissions": entry.permissions,
    }


def missing(name: str) -> NotFoundError:
    """Return the error for a name that does not exist."""
    facts = ErrorFacts(errno.ENOENT, name, "NOT_FOUND")
    return NotFoundError(f"{name} does not exist in the catalogue", facts)


def omit_missing(error: OSError) -> None:
    """Ignore a directory that was removed during a walk. Raises every other error."""
    if not isinstance(error, FileNotFoundError):
        raise error
