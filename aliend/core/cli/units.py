"""Sizes and moments as people write them. Pure: the present is an argument.

Rates in bytes per second as people write them: `20M`, `1.5G`, `500K`, `20MiB/s`, `20MB/s`, `unlimited`. Pure.

K, M, G, T (also KiB, MiB, ...) are powers of 1024, as with xrdcp and rclone; kB, MB, ... those of 1000.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from fractions import Fraction

from aliend.errors import UsageError

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?)(i?b)?", re.IGNORECASE | re.ASCII)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w|y)", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31557600}
_SECOND_DIGITS, _MILLISECOND_DIGITS = 10, 13


def parse_size(text: str, what: str = "a size") -> int:
    """Bytes: `1500`, `10k` and `10KiB` (of 1024), `10kB` (of 1000), `1.5G`. Raises UsageError, which names `what`."""
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise UsageError(f"{what} is bytes, or a number with a unit as in 10k, 1.5M or 2GiB, not {text!r}")
    number, unit, suffix = match.groups()
    base = 1000 if (suffix or "").lower() == "b" else 1024
    factor = int(base ** _POWERS[unit.lower()])
    return round(float(number) * factor) if "." in number else int(number) * factor


def parse_time(text: str, now_ms: int, what: str = "a time") -> int:
    """POSIX milliseconds of a moment. Raises UsageError, which names `what`.

    Seconds since 1970 (10 digits), milliseconds (13 digits), an ISO 8601 date or date and time (local time, unless it
    tells its zone), or an age before `now_ms`: `90s`, `30m`, `12h`, `3d`, `2w`, `1y`.
    """
    word = text.strip()
    if word.isascii() and word.isdigit():
        if len(word) == _SECOND_DIGITS:
            return int(word) * 1000
        if len(word) == _MILLISECOND_DIGITS:
            return int(word)
    if age := _AGE.fullmatch(word):
        return now_ms - round(float(age[1]) * _SECONDS[age[2]] * 1000)
    try:
        if not re.match(r"\d{4}-\d", word, re.ASCII):
            raise ValueError
        return round(datetime.fromisoformat(word).astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{what} is seconds (10 digits) or milliseconds (13) since 1970, a date as in 2024-05-31 or "
            f"2024-05-31T12:00, or an age as in 12h or 3d, not {text!r}"
        ) from None


MIN_RATE = 1024
"""Bytes per second; less cannot be told from a copy that hangs."""
MAX_RATE = 1 << 40

_RATE = re.compile(r"(\d{1,13}(?:\.\d{1,6})?)\s*(?:([KMGT])(iB|B)?|B)?(?:/s|ps)?", re.ASCII | re.IGNORECASE)
_UNLIMITED = frozenset({"unlimited", "none", "off", "0"})


def parse_rate(text: str) -> int:
    """Bytes per second; 0: no limit. Raises UsageError."""
    word = text.strip()
    if word.lower() in _UNLIMITED:
        return 0
    match = _RATE.fullmatch(word)
    if match is None:
        raise UsageError(f"{text!r} is no rate: write 20M, 1.5G or 500K (bytes per second), or `unlimited`")
    number, prefix, kind = match.groups()
    base = 1000 if (kind or "").upper() == "B" else 1024
    power = " KMGT".index((prefix or " ").upper())
    rate = int(Fraction(number) * base**power)
    if not MIN_RATE <= rate <= MAX_RATE:
        raise UsageError(f"{text!r} is no rate from 1K to 1T (bytes per second); `unlimited` takes the limit away")
    return rate


def format_rate(rate: int) -> str:
    """A rate in the shortest words that `parse_rate` takes for it; 0: `unlimited`."""
    if not rate:
        return "unlimited"
    for power, unit in ((4, "T"), (3, "G"), (2, "M"), (1, "K")):
        if rate % 1024**power == 0:
            return f"{rate // 1024**power}{unit}"
        if rate % 1000**power == 0:
            return f"{rate // 1000**power}{'k' if unit == 'K' else unit}B"
    return f"{rate}B"
