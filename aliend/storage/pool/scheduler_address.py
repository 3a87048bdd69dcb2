"""Finds the scheduler of a Dask cluster, and refuses one that would receive tickets without TLS."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from urllib.parse import urlsplit

from aliend.core.cli.executor import check_address
from aliend.errors import ConfigurationError

_LOOK_LIMIT = 2.0
"""Seconds within which a scheduler must accept a connection."""


def scheduler_address(scheduler: str) -> str:
    """Return the address of a scheduler, given by address or file.

    Raises ConfigurationError if it is unknown or not private.
    """
    address = scheduler if "://" in scheduler else _address_in_file(Path(scheduler))
    check_address(address)
    return address


def is_reachable(scheduler: str) -> bool:
    """Return whether a scheduler accepts connections. Blocking, for a thread."""
    try:
        parts = urlsplit(scheduler_address(scheduler))
        with socket.create_connection((parts.hostname, parts.port), _LOOK_LIMIT):
            return True
    except (OSError, ConfigurationError):
        return False


def _address_in_file(path: Path) -> str:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", "") or "it has no JSON"
        raise ConfigurationError(
            f"cannot read the scheduler file {path}: {reason}; is the scheduler running?"
        ) from error
    return str(content.get("address", "")) if isinstance(content, dict) else ""
