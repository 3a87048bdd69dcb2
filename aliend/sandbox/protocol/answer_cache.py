"""The service's cache of answers, which may be stale (wire specification, section 2.9)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sized
from typing import Generic, TypeVar

_Answer = TypeVar("_Answer", bound=Sized)
_LONG_ANSWER = 500
_LONG_ANSWER_FACTOR = 0.2
_MAX_ANSWER_LENGTH = 100_000
"""Longer answers are not cached: the service may drop them too, and they are large."""
_MAX_ANSWERS = 1_000


class AnswerCache(Generic[_Answer]):
    """Answers by key, kept for `lifetime` seconds; with `favours_short` long answers are kept a fifth of that.

    `now()` is POSIX milliseconds.
    """

    def __init__(self, now: Callable[[], int], *, favours_short: bool = False) -> None:
        self.lifetime = 0.0
        self._now = now
        self._favours_short = favours_short
        self._answers: dict[Hashable, tuple[int, _Answer]] = {}

    def get(self, key: Hashable) -> _Answer | None:
        """Return the cached answer, or None."""
        entry = self._answers.get(key)
        return entry[1] if entry is not None and self._now() < entry[0] else None

    def put(self, key: Hashable, answer: _Answer) -> None:
        """Cache an answer."""
        factor = _LONG_ANSWER_FACTOR if self._favours_short and len(answer) >= _LONG_ANSWER else 1.0
        if self.lifetime <= 0 or len(answer) > _MAX_ANSWER_LENGTH:
            return
        if len(self._answers) >= _MAX_ANSWERS:
            self._answers = {old: entry for old, entry in self._answers.items() if self._now() < entry[0]}
        self._answers[key] = (self._now() + int(self.lifetime * factor * 1000), answer)

    def clear(self) -> None:
        """Remove all answers."""
        self._answers.clear()
