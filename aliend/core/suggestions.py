"""Which command somebody may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Collection

_AT_MOST = 3
_ALIKE = 0.6


def suggestions(word: str, names: Collection[str]) -> list[str]:
    """At most three names that are like `word`, the nearest first."""
    lower = {name.lower(): name for name in sorted(names, reverse=True)}
    return [lower[near] for near in difflib.get_close_matches(word.lower(), lower, _AT_MOST, _ALIKE)]
