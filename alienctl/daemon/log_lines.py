"""Selects records of the daemon's log by job, time and level, in both of its formats.

A record is `TIME LEVEL LOGGER [job=7 ...]: MESSAGE` with an indented traceback, or one JSON object.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from alienctl import ClientError

_EINVAL = 22
LEVELS = ("debug", "info", "warning", "error", "critical")
_TEXT = re.compile(rb"(\d{4}-\d\d-\d\dT\S+) ([A-Z]+) \S+(?: \[([^\]]*)\])?:? ")
_AGE = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Selection:
    """What to print: records of a job (0: all), not before `since`, at least of a level. The default selects all."""

    job: int = 0
    since: datetime | None = None
    level: str = "debug"

    @property
    def is_all(self) -> bool:
        """Return whether every line is selected."""
        return self == Selection()

    def selects(self, line: bytes) -> bool | None:
        """Return whether a line that begins a record is selected; None for another line."""
        facts = _of_json(line) if line.startswith(b"{") else _of_text(line)
        if facts is None:
            return None
        moment, level, job = facts
        is_recent = self.since is None or moment >= self.since
        return is_recent and _rank(level) >= _rank(self.level) and self.job in (0, job)


class Selector:
    """Selects lines; one that begins no record belongs to the record before it."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._is_selected = selection.is_all

    def chosen(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the selected lines."""
        for line in lines:
            if not self._selection.is_all:
                begins = self._selection.selects(line)
                self._is_selected = self._is_selected if begins is None else begins
            if self._is_selected:
                yield line


def moment(text: str, now: datetime) -> datetime:
    """Return the time that `30s`, `10m`, `2h`, `3d` or an ISO 8601 time means. Raises ClientError (22)."""
    if found := _AGE.fullmatch(text):
        try:
            return now - timedelta(**{_UNITS[found[2]]: int(found[1])})
        except OverflowError:
            raise ClientError(f"--since {text} is too long ago", _EINVAL) from None
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        wanted = "30s, 10m, 2h, 3d or a time such as 2026-01-31T12:00"
        raise ClientError(f"--since takes {wanted}, not {text!r}", _EINVAL) from None


def _of_text(line: bytes) -> tuple[datetime, str, int] | None:
    found = _TEXT.match(line)
    if not found:
        return None
    facts = dict(word.split(b"=", 1) for word in (found[3] or b"").split() if b"=" in word)
    return _facts(found[1].decode("ascii", "replace"), found[2].decode("ascii"), facts.get(b"job", b"0"))


def _of_json(line: bytes) -> tuple[datetime, str, int] | None:
    try:
        document = json.loads(line)
        return _facts(document["time"], document["level"], document.get("job", 0))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _facts(time: str, level: str, job: bytes | int) -> tuple[datetime, str, int] | None:
    try:
        return datetime.fromisoformat(time).astimezone(), level.lower(), int(job)
    except ValueError:
        return None


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)
