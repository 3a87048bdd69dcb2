"""Operations on LFNs, so that every request can contain absolute names.

Handles names only: does not check whether they exist, and does not build local paths.
"""

from __future__ import annotations

MISREAD = "the central service takes names that begin with `..` for the parent directory"
_SCHEMES = ("alien://", "alien:")
_HOME_WORD = "%ALIEN"
_WILDCARDS = "*?"


def resolve(text: str, directory: str, home: str) -> str:
    """Return the absolute LFN for a name that a user wrote.

    Removes a leading `alien:` or `alien://`; `~` and `%ALIEN` stand for `home`; a relative name starts at `directory`
    (both absolute); `.`, `..` and repeated slashes are resolved, never above `/`. Keeps a trailing slash (and adds one
    after a final `.` or `..`), which marks a directory. `~bob` is an ordinary name, as in the central service.
    """
    name = _without_scheme(text)
    base, rest = _start(name, directory, home)
    parts: list[str] = []
    for part in f"{base}/{rest}".split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    path = "/" + "/".join(parts)
    wants_slash = name.endswith("/") or name.rsplit("/", 1)[-1] in (".", "..")
    return path + "/" if wants_slash and parts else path


def _without_scheme(text: str) -> str:
    for scheme in _SCHEMES:
        if text.startswith(scheme):
            return text[len(scheme) :]
    return text


def _start(name: str, directory: str, home: str) -> tuple[str, str]:
    """Return the absolute directory that `name` starts from, and the rest of `name`."""
    bare = name.lstrip("/")
    for word, candidate in (("~", name), (_HOME_WORD, bare)):
        if candidate == word or candidate.startswith(f"{word}/"):
            return home, candidate[len(word) :]
    return ("", name) if name.startswith("/") else (directory, name)


def without_slash(lfn: str) -> str:
    """Return the name without its trailing slash; `/` stays."""
    return lfn.rstrip("/") or "/"


def parent(lfn: str) -> str:
    """Return the directory of `lfn`, with a trailing slash; `/` is its own parent."""
    return without_slash(lfn).rpartition("/")[0] + "/"


def ancestors(lfn: str) -> list[str]:
    """Return the directories above `lfn`, without slashes at their ends, from the top; not `/`."""
    parts = without_slash(lfn).strip("/").split("/")
    return ["/" + "/".join(parts[:count]) for count in range(1, len(parts))]


def name(lfn: str) -> str:
    """Return the last component of `lfn` without slashes; empty for `/`."""
    return without_slash(lfn).rpartition("/")[2]


def join(directory: str, relative: str) -> str:
    """Return the LFN of `relative` (one or more components, no leading slash) below `directory`."""
    return f"{directory.rstrip('/')}/{relative.lstrip('/')}"


def is_below(lfn: str, directory: str) -> bool:
    """Return whether `lfn` is below `directory` at any depth; a directory is not below itself."""
    prefix = directory.rstrip("/") + "/"
    return lfn.startswith(prefix) and len(lfn) > len(prefix)


def is_misread(name: str) -> bool:
    """Return whether the central service takes `name` for another one.

    It reads a component that only begins with `..` as `..` (wire specification 2.6): `rm /a/b/..x` removes `/ax`.
    """
    return any(part.startswith("..") and part != ".." for part in name.split("/"))


def has_wildcard(lfn: str) -> bool:
    """Return whether the central service would expand `lfn` (`*`, `?`) in commands that expand names."""
    return any(sign in lfn for sign in _WILDCARDS)
