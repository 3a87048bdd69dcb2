"""From a name of the catalogue to a local path: the one function that decides, so that nothing is written elsewhere.

Names in the catalogue are chosen by anybody. A relative name is refused as a whole as soon as one component of it could
leave the root, or could not be told apart from a harmless one on a terminal; nothing is repaired silently.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from aliend.errors import CopyError

MAX_COMPONENT = 255
"""Bytes of one component that Linux file systems take."""

_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def local_path(root: str, relative: str, is_link: Callable[[str], bool]) -> str:
    """The absolute local path of `relative` (components joined by `/`) below the absolute directory `root`.

    `is_link` tells whether a path is a symbolic link; it is asked for each existing step below the root, the last one
    excepted (the final name is only ever replaced by a rename, which does not follow links). Links in `root` itself are
    the user's own choice. Raises CopyError (permanent) with the reason.
    """
    components = relative.split("/")
    for component in components:
        reason = why_refused(component)
        if reason:
            raise CopyError(
                f"The name {relative!r} is refused: {reason}; copy it to a name of your own", kind="permanent"
            )
    path = root.rstrip("/")
    for component in components[:-1]:
        path += "/" + component
        if is_link(path):
            raise CopyError(f"{path!r} is a link; nothing is written through links below the target", kind="permanent")
    return f"{path}/{components[-1]}"


def why_refused(component: str) -> str:
    """Why one component cannot be a local name; empty if it can."""
    if not component:
        return "it is absolute or has an empty component"
    if component in {".", ".."}:
        return f"it contains {component!r}"
    if any(unicodedata.category(character) in _UNPRINTABLE for character in component):
        return "it contains a control character"
    if len(component.encode("utf-8", "surrogateescape")) > MAX_COMPONENT:
        return f"a component is longer than {MAX_COMPONENT} bytes"
    return ""


def relative_to(directory: str, lfn: str) -> str:
    """The part of `lfn` below `directory` (trailing slash or not). Raises CopyError if it is not below it."""
    prefix = directory.rstrip("/") + "/"
    if not lfn.startswith(prefix):
        raise CopyError(f"The catalogue listed {lfn!r}, which is not below {prefix!r}", kind="permanent")
    return lfn[len(prefix) :]
