"""Names of sessions. `once:ID:SESSION` lasts as long as one command line and starts as SESSION. Pure."""

from __future__ import annotations

ONCE = "once:"


def is_one_line(name: str) -> bool:
    """Return whether the session of that name ends with its command line."""
    return name.startswith(ONCE) and name.count(":") > 1


def lasting_name(name: str) -> str:
    """Return the name of the session that `name` starts as; `name` itself if it outlives its command line."""
    return name.split(":", 2)[2] if is_one_line(name) else name


def line_of(name: str) -> str:
    """Return the ID in a name of a session that ends with its command line."""
    return name.split(":", 2)[1]
