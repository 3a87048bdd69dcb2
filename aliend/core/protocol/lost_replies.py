"""Infers the outcome of a request whose reply was lost from the catalogue: which names to check, and what they show.

Only for commands whose effect is visible in the catalogue and whose names are plain. The lookup is left to
`aliend.central.lost_replies`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from aliend.core.catalogue import paths
from aliend.core.catalogue.entries import Entry
from aliend.core.protocol.requests import Request

Outcome = Literal["done", "not seen", "unclear"]
"""The command was executed; no effect is visible (yet); it cannot be determined."""

CLOCKS_MAY_DIFFER_MS = 5000
"""Tolerated difference between the service's clock and ours in milliseconds."""

_PLAIN_OPTIONS = {
    "mkdir": frozenset({"-p", "-s"}),
    "rmdir": frozenset({"-s", "-v"}),
    "rm": frozenset({"-f", "-r", "-R", "-i", "-v", "-rf", "-fr"}),
    "mv": frozenset[str](),
    "touch": frozenset[str](),
    "chmod": frozenset[str](),
}
_OUTPUT_OPTIONS = frozenset({"-nomsg", "-nokeys"})


def names_to_check(request: Request, directory: str = "") -> tuple[str, ...]:
    """Return the absolute names that show the outcome of `request`, run in `directory`; empty: none can."""
    allowed = _PLAIN_OPTIONS.get(request.command)
    if allowed is None:
        return ()
    options = [arg for arg in request.options if arg.startswith("-")]
    operands = [arg for arg in request.options if not arg.startswith("-")]
    if any(option not in allowed and option not in _OUTPUT_OPTIONS for option in options):
        return ()
    if request.command == "chmod":
        operands = operands[1:]
    if request.command == "mv" and (len(operands) != 2 or operands[1].endswith("/")):
        return ()
    if any(_is_unresolvable(arg, directory) for arg in operands):
        return ()
    return tuple(paths.without_slash(paths.resolve(arg, directory or "/", "/")) for arg in operands)


def _is_unresolvable(arg: str, directory: str) -> bool:
    relative = not arg.startswith("/")
    return paths.has_wildcard(arg) or "%" in arg or (relative and (not directory or arg.startswith("~")))


def infer_outcome(request: Request, names: Sequence[str], present: Mapping[str, Entry], sent_ms: int) -> Outcome:
    """Return the outcome of `request`, sent at `sent_ms` (POSIX milliseconds), from the state of `names`.

    `present` are the entries of those names that exist.
    """
    missing = [name for name in names if name not in present]
    match request.command:
        case "mkdir":
            done = not missing and all(entry.is_directory for entry in present.values())
        case "rm" | "rmdir":
            done = not present
        case "mv":
            source, target = names
            if source in present and target in present:
                return "unclear"  # moved into the target, or not moved at all
            done = source in missing and target in present
        case "touch":
            latest = min((entry.changed_ms for entry in present.values()), default=0)
            done = not missing and latest >= sent_ms - CLOCKS_MAY_DIFFER_MS
        case "chmod":
            mode = next((arg for arg in request.options if not arg.startswith("-")), "")
            done = not missing and all(entry.permissions == mode for entry in present.values())
        case _:
            return "unclear"
    return "done" if done else "not seen"
