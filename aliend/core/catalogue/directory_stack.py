"""The directory stack of a session, as in `pushd`, `popd` and `dirs` of bash. Pure.

The first entry is the working directory; the others are stored with the session.
"""

from __future__ import annotations

import re

from aliend.core.catalogue.paths import is_below, without_slash
from aliend.errors import UsageError

Stack = tuple[str, ...]

_POSITION = re.compile(r"[+-]\d{1,9}")


def is_position(word: str) -> bool:
    """Return whether `word` is `+N` (from the first entry) or `-N` (from the last one), both from zero."""
    return _POSITION.fullmatch(word) is not None


def position_of(word: str, stack: Stack) -> int:
    """Return the index of the entry `+N` or `-N`. Raises UsageError if it does not exist."""
    number = int(word[1:])
    if number >= len(stack):
        raise UsageError(f"{word}: the stack has only {len(stack)} entries")
    return number if word[0] == "+" else len(stack) - 1 - number


def rotate(stack: Stack, at: int) -> Stack:
    """Return the stack rotated, with the entry `at` first."""
    return stack[at:] + stack[:at]


def swap(stack: Stack) -> Stack:
    """Return the stack with the first two entries exchanged. Raises UsageError if it has one only."""
    if len(stack) < 2:
        raise UsageError("pushd: no other directory on the stack")
    return (stack[1], stack[0], *stack[2:])


def drop(stack: Stack, at: int) -> Stack:
    """Return the stack without the entry `at`. Raises UsageError if it would be empty."""
    if len(stack) < 2:
        raise UsageError("popd: the stack is empty")
    return stack[:at] + stack[at + 1 :]


def display_name(directory: str, home: str) -> str:
    """Return an entry for display: without its final slash, and with `~` for the home."""
    bare = without_slash(directory)
    if home and bare == without_slash(home):
        return "~"
    return f"~/{bare[len(without_slash(home)) + 1 :]}" if home and is_below(bare, home) else bare
