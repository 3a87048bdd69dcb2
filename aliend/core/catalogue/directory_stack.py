"""The stack of directories of a session, as `pushd`, `popd` and `dirs` of bash have it. Pure.

The first entry is always the working directory; what follows is kept with the session.
"""

from __future__ import annotations

import re

from aliend.core.catalogue.paths import is_below, without_slash
from aliend.errors import UsageError

Stack = tuple[str, ...]

_POSITION = re.compile(r"[+-]\d{1,9}")


def is_position(word: str) -> bool:
    """Whether `word` is `+N` (counted from the first entry) or `-N` (from the last one), both from zero."""
    return _POSITION.fullmatch(word) is not None


def position_of(word: str, stack: Stack) -> int:
    """The place of the entry that `+N` or `-N` means. Raises UsageError where there is none."""
    number = int(word[1:])
    if number >= len(stack):
        raise UsageError(f"{word}: the stack has only {len(stack)} entries")
    return number if word[0] == "+" else len(stack) - 1 - number


def rotate(stack: Stack, at: int) -> Stack:
    """The same circle, with the entry `at` first."""
    return stack[at:] + stack[:at]


def swap(stack: Stack) -> Stack:
    """The first two entries have changed places. Raises UsageError where there is one only."""
    if len(stack) < 2:
        raise UsageError("pushd: there is no other directory on the stack")
    return (stack[1], stack[0], *stack[2:])


def drop(stack: Stack, at: int) -> Stack:
    """Without the entry `at`. Raises UsageError where nothing would be left."""
    if len(stack) < 2:
        raise UsageError("popd: the stack is empty")
    return stack[:at] + stack[at + 1 :]


def display_name(directory: str, home: str) -> str:
    """An entry as it is printed: without its last slash, and with `~` for the home."""
    bare = without_slash(directory)
    if home and bare == without_slash(home):
        return "~"
    return f"~/{bare[len(without_slash(home)) + 1 :]}" if home and is_below(bare, home) else bare
