"""Checks commands that create or move names before the central service sees them.

The service looks only at the last component: below a file it creates a directory of the same name, whose content cannot
be listed, and a directory that moves into itself becomes a chain of nested ones.
"""

from __future__ import annotations

from collections.abc import Sequence

from aliend.central.catalogue import Catalogue
from aliend.core.catalogue import paths
from aliend.core.protocol.requests import Request
from aliend.errors import NotADirectory, UsageError

_WITH_OUTPUT = frozenset({"find", "toXml"})
"""Commands that store their result as the LFN behind `-x`."""


async def check_names(catalogue: Catalogue, request: Request) -> None:
    """Check a request whose LFNs are absolute. Raises NotADirectory, or UsageError for a move into itself."""
    names = [word for word in request.options if not word.startswith("-")]
    match request.command:
        case "mkdir" if any(word.startswith("-") and "p" in word for word in request.options):
            await require_directories(catalogue, [paths.join(name, "x") for name in names])
        case "touch":
            await require_directories(catalogue, names)
        case "mv" if len(names) > 1:
            *sources, target = names
            _refuse_move_into_itself(sources, target)
            below = target.endswith("/") or len(sources) > 1
            await require_directories(catalogue, [paths.join(target, "x") if below else target])


def output_of(request: Request) -> str:
    """Return the name behind `-x` of a command that stores its result in the catalogue; empty without one."""
    options = request.options
    if request.command not in _WITH_OUTPUT or "-x" not in options[:-1]:
        return ""
    return options[options.index("-x") + 1]


async def require_directories(catalogue: Catalogue, lfns: Sequence[str]) -> None:
    """Raise NotADirectory if a file stands where one of the absolute `lfns` needs a directory above it."""
    above = dict.fromkeys(name for lfn in lfns for name in paths.ancestors(lfn))
    entries, _ = await catalogue.stat(list(above)) if above else ([], [])
    for entry in entries:
        if not entry.is_directory:
            raise NotADirectory(entry.lfn)


def _refuse_move_into_itself(sources: Sequence[str], target: str) -> None:
    for source in sources:
        if paths.without_slash(source) == paths.without_slash(target) or paths.is_below(target, source):
            raise UsageError(f"cannot move {source} into itself ({target}); nothing was moved")
