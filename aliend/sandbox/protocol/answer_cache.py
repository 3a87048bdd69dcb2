"""The service's memory of answers that may be stale (wire specification, section 2.9)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sized
from typing import Generic, TypeVar

_Answer = TypeVar("_Answer", bound=Sized)
_LONG = 500
_LONG_PART = 0.2
_LONGEST = 100_000
"""Longer answers are not remembered: the service may forget earlier, and they are large."""
_MOST = 1_000


class Cache(Generic[_Answer]):
    """Answers by what was asked, kept for `lifetime` seconds: long ones, with `favours_short`, a fifth of that.

    `now()` is POSIX milliseconds.
    """

    def __init__(self, now: Callable[[], int], *, favours_short: bool = False) -> None:
        self.lifetime = 0.0
        self._now = now
        self._favours_short = favours_short
        self._answers: dict[Hashable, tuple[int, _Answer]] = {}

    def get(self, asked: Hashable) -> _Answer | None:
        """The answer that is remembered."""
        known = self._answers.get(asked)
        return known[1] if known is not None and self._now() < known[0] else None

    def put(self, asked: Hashable, answer: _Answer) -> None:
        """Remember an answer."""
        part = _LONG_PART if self._favours_short and len(answer) >= _LONG else 1.0
        if self.lifetime <= 0 or len(answer) > _LONGEST:
            return
        if len(self._answers) >= _MOST:
            self._answers = {old: known for old, known in self._answers.items() if self._now() < known[0]}
        self._answers[asked] = (self._now() + int(self.lifetime * part * 1000), answer)

    def forget(self) -> None:
        """Forget everything."""
        self._answers.clear()
