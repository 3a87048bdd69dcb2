"""Limits as the user sets them while the daemon runs: `files=16 down=8 up=4 se=4 ALICE::X::SE=2`. Pure.

What was set is kept as one table of names and numbers, over the limits of the configuration; what is set to `default`
is taken out of it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from aliend.core.scheduler import Limits
from aliend.errors import UsageError

LARGEST = 1000
_NAMES = ("files", "se", "down", "up")


def parse(words: Sequence[str]) -> dict[str, int | None]:
    """The names that the words set; None for those that go back to their default. Raises UsageError."""
    changes: dict[str, int | None] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not (name in _NAMES or _is_se(name)):
            raise UsageError(
                f"transfers limit: {word!r} is no limit; they are files=N, down=N, up=N, se=N (each storage "
                "element) and VO::SITE::SE=N, with `default` for N to undo one"
            )
        changes[name.upper() if _is_se(name) else name] = None if text == "default" else _number(word, text)
    return changes


def merged(kept: Mapping[str, int], changes: Mapping[str, int | None]) -> dict[str, int]:
    """The table after the changes."""
    after = {**kept, **changes}
    return {name: number for name, number in after.items() if number is not None}


def applied(configured: Limits, kept: Mapping[str, int]) -> Limits:
    """The limits that hold: those of the configuration, and over them what was set."""
    named = {**dict(configured.named), **{name: number for name, number in kept.items() if _is_se(name)}}
    return replace(
        configured,
        files=kept.get("files", configured.files),
        per_se=kept.get("se", configured.per_se),
        down=kept.get("down", configured.down),
        up=kept.get("up", configured.up),
        named=tuple(sorted(named.items())),
    )


def _is_se(name: str) -> bool:
    parts = name.split("::")
    return len(parts) == 3 and all(parts)


def _number(word: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= LARGEST):
        raise UsageError(f"transfers limit: {word!r} needs a number from 1 to {LARGEST}, or `default`")
    return int(text)
