"""Rates that depend on the time of day: `22:00-07:00 unlimited, 12:00-13:00 5M, else 20M`, or one rate. Pure.

The first span that holds the present minute is taken; a span that ends before it begins goes over midnight.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from aliend.core.cli.units import format_rate, parse_rate
from aliend.errors import UsageError

DAY = 24 * 60
"""Minutes of a day."""

_SPAN = re.compile(r"(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)\s+(.+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """From minute `begin` of the day to before minute `end` there is this rate (bytes per second, 0: unlimited)."""

    begin: int
    end: int
    rate: int

    def holds(self, minute: int) -> bool:
        """Whether that minute of the day lies in it."""
        if self.begin < self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end


@dataclass(frozen=True, slots=True)
class Timetable:
    """Spans, and the rate at every other time (bytes per second, 0: unlimited)."""

    otherwise: int = 0
    spans: tuple[Span, ...] = ()

    def at(self, minute: int) -> int:
        """The rate at that minute of the day."""
        return next((span.rate for span in self.spans if span.holds(minute)), self.otherwise)

    def until(self, minute: int) -> int:
        """Minutes until the next one with another rate; 0: there is none."""
        edges = {edge % DAY for span in self.spans for edge in (span.begin, span.end)}
        waits = sorted((edge - minute) % DAY or DAY for edge in edges)
        return next((wait for wait in waits if self.at((minute + wait) % DAY) != self.at(minute)), 0)


def parse_timetable(text: str) -> Timetable:
    """What the words say. Raises UsageError."""
    *spans, last = [part.strip() for part in text.split(",")]
    if not spans and not _SPAN.fullmatch(last):
        return Timetable(parse_rate(last))
    word, _, rate = last.partition(" ")
    if word != "else" or not rate:
        raise UsageError(
            f"{text!r}: the last part of a timetable is `else RATE`, as in: 22:00-07:00 unlimited, else 20M"
        )
    return Timetable(parse_rate(rate), tuple(_span(part) for part in spans))


def timetable_text(table: Timetable) -> str:
    """Words that `parse_timetable` takes for it."""
    spans = [f"{_clock(span.begin)}-{_clock(span.end)} {format_rate(span.rate)}" for span in table.spans]
    otherwise = format_rate(table.otherwise)
    return ", ".join([*spans, f"else {otherwise}"]) if spans else otherwise


def _span(text: str) -> Span:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r} is no part of a timetable; write: 22:00-07:00 unlimited, else 20M")
    begin, end = _minute(text, found[1], found[2]), _minute(text, found[3], found[4])
    if begin == end:
        raise UsageError(f"{text!r} begins and ends at the same minute")
    return Span(begin, end, parse_rate(found[5]))


def _minute(text: str, hours: str, minutes: str) -> int:
    minute = int(hours) * 60 + int(minutes)
    if int(minutes) >= 60 or minute > DAY:
        raise UsageError(f"{text!r}: there is no {hours}:{minutes} on a clock")
    return minute


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
