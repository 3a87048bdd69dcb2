"""The user's aliases: lines `name=value` of `~/.alienpy_aliases`; `#` begins a comment, double quotes are optional."""

from __future__ import annotations


def read(text: str) -> dict[str, str]:
    """The aliases of a file's text; lines without a name are skipped, of two with one name the last holds."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        name = name.strip()
        if equals and name and not name.startswith("#") and not name.split()[1:]:
            found[name] = _unquoted(value.strip())
    return found


def _unquoted(value: str) -> str:
    return value.removeprefix('"').removesuffix('"')
