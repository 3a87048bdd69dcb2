"""Builds the local path for a name of the catalogue; the only place that decides this, so that no file is written
outside the target.

Anybody can choose names in the catalogue. A relative name is refused as a whole if a component could leave the root, or
looks like another name on a terminal; names are never changed silently.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from aliend.core.catalogue.paths import MISREAD, is_misread
from aliend.errors import CopyError

MAX_COMPONENT = 255
"""The longest component in bytes on Linux file systems."""

_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def local_path(root: str, relative: str, is_link: Callable[[str], bool]) -> str:
    """Return the absolute local path of `relative` (components joined by `/`) below the absolute directory `root`.

    `is_link` returns whether a path is a symbolic link; it is called for each directory below the root, but not for the
    final name (which is only replaced by a rename, which does not follow links). Links in `root` itself are the user's
    choice. Raises CopyError (permanent) with the reason.
    """
    components = relative.split("/")
    for component in components:
        reason = why_refused(component)
        if reason:
            raise CopyError(
                f"cannot write the name {relative!r}: {reason}; copy the file under another name", kind="permanent"
            )
    path = root.rstrip("/")
    for component in components[:-1]:
        path += "/" + component
        if is_link(path):
            raise CopyError(
                f"{path!r} is a symbolic link; files are not written through links below the target", kind="permanent"
            )
    return f"{path}/{components[-1]}"


def why_not_uploaded(relative: str) -> str:
    """Return why a file with this path below its source is not uploaded; empty: it is."""
    reasons = map(why_refused, relative.split("/") if relative else ())
    reason = next(filter(None, reasons), MISREAD if is_misread(relative) else "")
    return f"its name is refused: {reason}" if reason else ""


def why_refused(component: str) -> str:
    """Return why a component cannot be a local name; empty if it can."""
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
    """Return the part of `lfn` below `directory` (trailing slash or not). Raises CopyError if it is not below."""
    prefix = directory.rstrip("/") + "/"
    if not lfn.startswith(prefix):
        raise CopyError(f"the catalogue listed {lfn!r}, which is not below {prefix!r}", kind="permanent")
    return lfn[len(prefix) :]
