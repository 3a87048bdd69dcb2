"""Sizes, rates and times as users write them. Pure: the current time is an argument.

K, M, G, T, P (also KiB, MiB, ...) are powers of 1024, as in xrdcp and rclone; kB, MB, ... are powers of 1000. A rate is
a size per second: `20M`, `1.5G`, `20MiB/s`, `20MB/s`, `unlimited`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from aliend.core.cli.numbers import LARGEST
from aliend.errors import UsageError

_BYTES = re.compile(r"(\d{1,30}(?:\.\d{1,30})?)\s*([kmgtp]?)(i?b)?", re.IGNORECASE | re.ASCII)
_POWERS = " kmgtp"
_PER_SECOND = re.compile(r"(?:/s|ps)$", re.IGNORECASE)
_UNLIMITED = frozenset({"unlimited", "none", "off", "0"})
MIN_RATE = 1024
"""Bytes per second; a lower rate looks like a stalled copy."""
MAX_RATE = 1 << 40
"""Bytes per second."""
_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w|y)", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31557600}
_SECOND_DIGITS, _MILLISECOND_DIGITS = 10, 13


def _parse_bytes(text: str) -> int | None:
    match = _BYTES.fullmatch(text.strip())
    if match is None:
        return None
    from fractions import Fraction  # loads the module `decimal`, which the daemon does not need to start

    number, unit, suffix = match.groups()
    base = 1000 if (suffix or "").lower() == "b" else 1024
    factor: int = base ** _POWERS.index(unit.lower() or " ")
    return round(Fraction(number) * factor)


def parse_size(text: str, what: str = "a size") -> int:
    """Return the bytes of `1500`, `10k`, `10KiB` (of 1024), `10kB` (of 1000) or `1.5G`. Raises UsageError."""
    size = _parse_bytes(text)
    if size is None or size > LARGEST:
        raise UsageError(f"{what} is bytes, or a number with a unit as in 10k, 1.5M or 2GiB, not {text!r}")
    return size


def parse_rate(text: str) -> int:
    """Return a rate in bytes per second; 0: no limit. Raises UsageError."""
    if text.strip().lower() in _UNLIMITED:
        return 0
    rate = _parse_bytes(_PER_SECOND.sub("", text.strip()))
    if rate is None:
        raise UsageError(f"{text!r} is not a rate; write 20M, 1.5G or 500K (bytes per second), or `unlimited`")
    if not MIN_RATE <= rate <= MAX_RATE:
        raise UsageError(f"{text!r} is out of range: a rate is 1K to 1T (bytes per second), or `unlimited`")
    return rate


def format_rate(rate: int) -> str:
    """Return the shortest text that `parse_rate` accepts for a rate; 0: `unlimited`."""
    if not rate:
        return "unlimited"
    for power, unit in ((4, "T"), (3, "G"), (2, "M"), (1, "K")):
        if rate % 1024**power == 0:
            return f"{rate // 1024**power}{unit}"
        if rate % 1000**power == 0:
            return f"{rate // 1000**power}{'k' if unit == 'K' else unit}B"
    return f"{rate}B"


def format_size(size: int, digits: int = 1) -> str:
    """Return a size for people, as in `1.5 KiB`; `digits` are those behind the decimal point."""
    value, unit = float(size), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" and digits == 1 else f"{value:.{digits}f} {unit}"


def format_duration(seconds: float) -> str:
    """Return a duration for people: `0:45`, `12:05`, `3:12:05`, `2d 03h`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours:02}h"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def format_time(seconds: float) -> str:
    """Return a POSIX time as local date and time, as in `2024-05-31 12:00:00`."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def parse_time(text: str, now_ms: int, what: str = "a time") -> int:
    """Return a time in POSIX milliseconds. Raises UsageError about `what`.

    Accepts seconds (10 digits) or milliseconds (13 digits) since 1970, an ISO 8601 date or date and time (local time
    unless it has a time zone), or an age before `now_ms`: `90s`, `30m`, `12h`, `3d`, `2w`, `1y`.
    """
    word = text.strip()
    if word.isascii() and word.isdigit():
        if len(word) == _SECOND_DIGITS:
            return int(word) * 1000
        if len(word) == _MILLISECOND_DIGITS:
            return int(word)
    try:
        if age := _AGE.fullmatch(word):
            return max(0, now_ms - round(float(age[1]) * _SECONDS[age[2]] * 1000))
        if not re.match(r"\d{4}-\d", word, re.ASCII):
            raise ValueError
        return round(datetime.fromisoformat(word).astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{what} is a time or an age, not {text!r}\n"
            "use a date (2024-05-31, 2024-05-31T12:00), an age (12h, 3d), or 10 or 13 digits (s, ms since 1970)"
        ) from None
