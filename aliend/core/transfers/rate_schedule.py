"""Rates by time of day: `22:00-07:00 unlimited, 12:00-13:00 5M, else 20M`, or a single rate. Pure.

The first span that contains the current minute applies; a span that ends before it begins spans midnight.
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
    """A rate (bytes per second, 0: unlimited) from minute `begin` of the day until before minute `end`."""

    begin: int
    end: int
    rate: int

    def contains(self, minute: int) -> bool:
        """Return whether the span contains a minute of the day."""
        if self.begin < self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end


@dataclass(frozen=True, slots=True)
class RateSchedule:
    """Spans, and the rate at all other times (bytes per second, 0: unlimited)."""

    otherwise: int = 0
    spans: tuple[Span, ...] = ()

    def at(self, minute: int) -> int:
        """Return the rate at a minute of the day."""
        return next((span.rate for span in self.spans if span.contains(minute)), self.otherwise)

    def until(self, minute: int) -> int:
        """Return the minutes until the rate changes; 0: it never does."""
        edges = {edge % DAY for span in self.spans for edge in (span.begin, span.end)}
        waits = sorted((edge - minute) % DAY or DAY for edge in edges)
        return next((wait for wait in waits if self.at((minute + wait) % DAY) != self.at(minute)), 0)


def parse_schedule(text: str) -> RateSchedule:
    """Parse a rate schedule. Raises UsageError."""
    *spans, last = [part.strip() for part in text.split(",")]
    if not spans and not _SPAN.fullmatch(last):
        return RateSchedule(parse_rate(last))
    word, _, rate = last.partition(" ")
    if word != "else" or not rate:
        raise UsageError(
            f"{text!r}: a schedule must end with `else RATE`, for example `22:00-07:00 unlimited, else 20M`"
        )
    return RateSchedule(parse_rate(rate), tuple(_span(part) for part in spans))


def schedule_text(table: RateSchedule) -> str:
    """Return the text that `parse_schedule` parses to this schedule."""
    spans = [f"{_clock(span.begin)}-{_clock(span.end)} {format_rate(span.rate)}" for span in table.spans]
    otherwise = format_rate(table.otherwise)
    return ", ".join([*spans, f"else {otherwise}"]) if spans else otherwise


def _span(text: str) -> Span:
    match = _SPAN.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r}: invalid schedule; example: `22:00-07:00 unlimited, else 20M`")
    begin, end = _minute(text, match[1], match[2]), _minute(text, match[3], match[4])
    if begin == end:
        raise UsageError(f"{text!r}: the span begins and ends at the same minute")
    return Span(begin, end, parse_rate(match[5]))


def _minute(text: str, hours: str, minutes: str) -> int:
    minute = int(hours) * 60 + int(minutes)
    if int(minutes) >= 60 or minute > DAY:
        raise UsageError(f"{text!r}: {hours}:{minutes} is not a time of day")
    return minute


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
