"""Path arithmetic of the central service, with its quirks (wire specification, section 2.6), and wildcards."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from aliend.sandbox.errors import CommandCrashError

NO_DIRECTORY = "[none]"
"""The current directory of a session without one."""


def resolve(path: str, cwd: str | None, home: str) -> str:
    """Return the absolute path of `path` for a user in `cwd` with home `home` (both end in `/`).

    The result has no final `/`, unless it is `/`, was `.` there, or had `/` twice. Raises
    CommandCrashError above `/`.
    """
    for prefix in ("alien://", "alien:"):
        if path.startswith(prefix):
            path = path[len(prefix) :]
            break
    if path.startswith("~"):
        path = home + path[1:]
    if not path.startswith("/"):
        path = (cwd if cwd is not None else f"{NO_DIRECTORY}/") + path
    path = path.replace("///", "/").replace("//", "/")
    if path.endswith("/") and path != "/":
        path = path[:-1]
    while "/./" in path:
        path = path.replace("/./", "/")
    path = _without_parents(path)
    return path[:-1] if path.endswith("/.") else path


def _without_parents(path: str) -> str:
    while (position := path.find("/..")) >= 0:
        if position == 0:
            raise CommandCrashError(f"java.lang.StringIndexOutOfBoundsException: begin 0, end -1, length {len(path)}")
        path = path[: path.rfind("/", 0, position)] + path[position + 3 :]
    return path or "/"


def collapse(path: str) -> str:
    """Normalise a path as a look-up in the catalogue does: resolve `//`, `/./` and `/../`."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if parts:
                parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    ending = "/" if parts and path.endswith("/") else ""
    return "/" + "/".join(parts) + ending


def parent(path: str) -> str:
    """Return the parent directory of `path`, with a final `/`; `/` is its own parent."""
    bare = path.rstrip("/")
    return bare[: bare.rfind("/") + 1] or "/"


def name(path: str) -> str:
    """Return the last component, without a `/` at the end."""
    return path.rstrip("/").rpartition("/")[2]


def has_wildcard(path: str) -> bool:
    """Return whether `path` contains `*` or `?`."""
    return "*" in path or "?" in path


def expand(path: str, children: Callable[[str], Iterable[tuple[str, bool]]]) -> list[str]:
    """Return the existing paths that match an absolute `path` with wildcards.

    `children(directory)` yields names in order, each with whether it is a directory. Each component becomes a regular
    expression in which only `*` and `?` are translated; all but the last match directories only.
    """
    parts = path.strip("/").split("/")
    matches = ["/"]
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if not has_wildcard(part):
            matches = [f"{base}{part}" if last else f"{base}{part}/" for base in matches]
            continue
        pattern = _component_pattern(part)
        matches = [
            f"{base}{child}" if last else f"{base}{child}/"
            for base in matches
            for child, is_directory in children(base)
            if pattern.fullmatch(child) and (last or is_directory)
        ]
    return matches


def _component_pattern(part: str) -> re.Pattern[str]:
    try:
        return re.compile(part.replace("*", ".*").replace("?", "."))
    except re.error as error:
        raise CommandCrashError(f"java.util.regex.PatternSyntaxException: {error}") from error


_WEIGHTS = {code: 2 * ord(chr(code).lower()) + chr(code).islower() for code in range(ord("A"), ord("z") + 1)}


def collation_key(text: str) -> str:
    """Return a sort key with the catalogue's collation: both cases of a letter adjacent, upper case first."""
    return text.translate(_WEIGHTS)
