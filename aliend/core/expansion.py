"""Which target belongs to which source. Pure: what exists is told by the caller.

    source                   target                     becomes
    file                     file name                  that name
    file                     T/ or existing directory   T/name
    directory SRC/           T                          T/<below SRC>
    directory SRC            T                          T/name of SRC/<below SRC>
    several sources          file name                  refused

A target that ends in `/` is a directory. The same rules hold for LFNs and local paths; both are absolute here.
"""

from __future__ import annotations

from aliend.errors import CopyError


def name_of(source: str) -> str:
    """The last component of an absolute name; empty for `/`."""
    return source.rstrip("/").rpartition("/")[2]


def is_contents(source: str) -> bool:
    """Whether the user wrote the source with a trailing slash: what is in it, not the directory itself."""
    return source.endswith("/")


def check_target(sources: int, target: str, *, is_directory: bool) -> None:
    """Raises CopyError (permanent) if several sources are to become one file."""
    if sources > 1 and not is_directory:
        raise CopyError(
            f"{target} is not a directory, and several sources need one: end it with / to have it made",
            kind="permanent",
        )


def relative_of_file(source: str, *, into_directory: bool) -> str:
    """What a single file is called below the target; empty if the target is its name."""
    return name_of(source) if into_directory else ""


def relative_in_directory(source: str, below: str) -> str:
    """What a file of a directory source is called below the target. `below` is its name below the source."""
    if is_contents(source) or not name_of(source):
        return below
    return f"{name_of(source)}/{below}"


def joined(target: str, relative: str) -> str:
    """The absolute name of `relative` below the target; the target itself if `relative` is empty."""
    if not relative:
        return target.rstrip("/") or "/"
    return f"{target.rstrip('/')}/{relative}"
