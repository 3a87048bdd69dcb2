"""Decides which lines a command prints about waiting files: one for each cause, and another when it changes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from aliend.core.cli.escaping import escape_newlines
from aliend.engine.views import WaitGroup

COUNT_PAUSE, TIME_PAUSE = 10.0, 30.0
"""Seconds between two lines about a cause: with at least twice as many files, with another time of the next try."""
_NOT_WORTH_A_LINE = frozenset({"next", "bandwidth"})
"""Reasons of files that start at once, or that are being copied."""


@dataclass(frozen=True, slots=True)
class _Notice:
    """The last line about a cause: when it was printed, the waiting files, and the next try (POSIX seconds)."""

    printed: float
    files: int
    retry: float


class WaitNotices:
    """The lines about one job. A cause that is gone is forgotten, so that its return is reported."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], _Notice] = {}

    def lines(self, groups: Sequence[WaitGroup], now: float) -> list[str]:
        """Return the lines to print at `now` (POSIX seconds) about all waiting files of the job."""
        lines = []
        groups = [group for group in groups if group.reason.kind not in _NOT_WORTH_A_LINE]
        causes = {(group.reason.kind, group.reason.text): group for group in groups}
        self._last = {cause: last for cause, last in self._last.items() if cause in causes}
        for cause, group in causes.items():
            if self._is_new(self._last.get(cause), group, now):
                self._last[cause] = _Notice(now, group.files, group.reason.until)
                lines.append(_line(group, now))
        return lines

    @staticmethod
    def _is_new(last: _Notice | None, group: WaitGroup, now: float) -> bool:
        if last is None:
            return True
        if group.files >= 2 * max(last.files, 1):
            return now - last.printed >= COUNT_PAUSE
        return group.reason.until > last.retry + 1 and now - last.printed >= TIME_PAUSE


def _line(group: WaitGroup, now: float) -> str:
    what = f"{group.files} files wait" if group.files > 1 else f"{group.first} waits"
    what = what if group.files else "no file is being copied yet"
    until = f"; next try at {clock_time(group.reason.until)}" if group.reason.until > now else ""
    return escape_newlines(f"job {group.job}: {what}: {group.reason.text}{until}")


def clock_time(seconds: float) -> str:
    """Return a POSIX time as the local time of day."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%H:%M:%S")
