"""Determines the target path of each source. Pure: the caller says what exists.

    source                   target                     becomes
    file                     file name                  that name
    file                     T/ or existing directory   T/name
    directory SRC/           T                          T/<below SRC>
    directory SRC            T                          T/<name of SRC>/<below SRC>
    several sources          file name                  refused

A target that ends in `/` is a directory. The same rules hold for LFNs and local paths; both are absolute here.
"""

from __future__ import annotations

from dataclasses import dataclass

from aliend.errors import CopyError

NO_HTTP = "no storage element supports HTTP, so it was read over XRootD"
"""The message of a file whose job requested HTTP."""
MISSING = "does not exist in the catalogue"
"""End of the message about a source that does not exist."""


@dataclass(frozen=True, slots=True)
class TargetRule:
    """Where the files of a source go: the target, and which parent directories of the source are kept below it.

    `parents`: the number of directories above the source that are kept below the target. `strip_components`: the
    number of components that are removed from the beginning of the source's absolute path, the rest being kept;
    0: not used; otherwise `parents` is ignored. A number beyond the length of the path counts as that length.
    """

    target: str
    is_directory: bool
    parents: int = 0
    strip_components: int = 0

    def for_file(self, source: str) -> str:
        """Return the path of a single file below the target; empty if the target is its name."""
        if not self.is_directory:
            return ""
        return self._kept_parents(source.strip("/").split("/")[:-1], self.parents) + name_of(source)

    def for_child(self, source: str, below: str) -> str:
        """Return the path of a file of a directory source below the target. `below` is its name below the source."""
        own = 0 if is_contents(source) else 1
        return self._kept_parents(list(filter(None, source.split("/"))), self.parents + own) + below

    def _kept_parents(self, components: list[str], parents: int) -> str:
        kept = (
            components[self.strip_components :]
            if self.strip_components
            else components[max(len(components) - parents, 0) :]
        )
        return "".join(f"{component}/" for component in kept)


def name_of(source: str) -> str:
    """Return the last component of an absolute path; empty for `/`."""
    return source.rstrip("/").rpartition("/")[2]


def is_contents(source: str) -> bool:
    """Return whether the source has a trailing slash: its contents are meant, not the directory itself."""
    return source.endswith("/")


def check_target(sources: int, target: str, *, is_directory: bool) -> None:
    """Raise CopyError (permanent) if several sources would become one file."""
    if sources > 1 and not is_directory:
        raise CopyError(
            f"several sources need a directory as target; write {target}/ to create it",
            kind="permanent",
        )


def join(target: str, relative: str) -> str:
    """Return the absolute path of `relative` below the target; the target itself if `relative` is empty."""
    if not relative:
        return target.rstrip("/") or "/"
    return f"{target.rstrip('/')}/{relative}"


def target_root(target: str, roots: tuple[str, ...]) -> str:
    """Return which of a job's targets a file belongs to: the longest that is its name or a parent of it."""
    fitting = [root for root in roots if target == root or target.startswith(root.rstrip("/") + "/")]
    return max(fitting, key=len, default=target)


def without_common_parents(sources: tuple[str, ...]) -> list[str]:
    """Return the sources without their common parent directories; a single one is its last component."""
    parts = [list(filter(None, source.split("/"))) for source in sources]
    shared = 0
    shortest = min(len(components) for components in parts) - 1
    while shared < shortest and len({components[shared] for components in parts}) == 1:
        shared += 1
    return [
        "/".join(components[shared:]) + ("/" if is_contents(source) else "")
        for components, source in zip(parts, sources, strict=True)
    ]
