"""Names of sessions. `once:ID:SESSION` is a copy of SESSION that ends with its command line. Pure."""

from __future__ import annotations

ONCE = "once:"


def is_temporary(name: str) -> bool:
    """Return whether the session of that name ends with its command line."""
    return name.startswith(ONCE) and name.count(":") > 1


def permanent_name(name: str) -> str:
    """Return the name of the session that `name` is a copy of; `name` itself if it is permanent."""
    return name.split(":", 2)[2] if is_temporary(name) else name


def line_id(name: str) -> str:
    """Return the ID of the command line in the name of a temporary session."""
    return name.split(":", 2)[1]
