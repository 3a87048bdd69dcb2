"""The service's memory of answers that may be stale (wire specification, section 2.9)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sized
from typing import Generic, TypeVar

_Answer = TypeVar("_Answer", bound=Sized)
_LONG_ANSWER = 500
_LONG_ANSWER_FACTOR = 0.2
_MAX_ANSWER_LENGTH = 100_000
"""Longer answers are not remembered: the service may forget earlier, and they are large."""
_MAX_ANSWERS = 1_000


class AnswerCache(Generic[_Answer]):
    """Answers by what was asked, kept for `lifetime` seconds: long ones, with `favours_short`, a fifth of that.

    `now()` is POSIX milliseconds.
    """

    def __init__(self, now: Callable[[], int], *, favours_short: bool = False) -> None:
        self.lifetime = 0.0
        self._now = now
        self._favours_short = favours_short
        self._answers: dict[Hashable, tuple[int, _Answer]] = {}

    def get(self, key: Hashable) -> _Answer | None:
        """Return the answer that is remembered."""
        entry = self._answers.get(key)
        return entry[1] if entry is not None and self._now() < entry[0] else None

    def put(self, key: Hashable, answer: _Answer) -> None:
        """Remember an answer."""
        part = _LONG_ANSWER_FACTOR if self._favours_short and len(answer) >= _LONG_ANSWER else 1.0
        if self.lifetime <= 0 or len(answer) > _MAX_ANSWER_LENGTH:
            return
        if len(self._answers) >= _MAX_ANSWERS:
            self._answers = {old: known for old, known in self._answers.items() if self._now() < known[0]}
        self._answers[key] = (self._now() + int(self.lifetime * part * 1000), answer)

    def clear(self) -> None:
        """Forget everything."""
        self._answers.clear()
