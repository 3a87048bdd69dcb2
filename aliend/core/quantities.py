"""Sizes and moments as people write them. Pure: the present is an argument."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from aliend.errors import UsageError

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?)(i?b)?", re.IGNORECASE | re.ASCII)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w|y)", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31557600}
_SECOND_DIGITS, _MILLISECOND_DIGITS = 10, 13


def size_of(text: str, what: str = "a size") -> int:
    """Bytes: `1500`, `10k` and `10KiB` (of 1024), `10kB` (of 1000), `1.5G`. Raises UsageError, which names `what`."""
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise UsageError(f"{what} is bytes, or a number with a unit as in 10k, 1.5M or 2GiB, not {text!r}")
    number, unit, suffix = found.groups()
    base = 1000 if (suffix or "").lower() == "b" else 1024
    factor = int(base ** _POWERS[unit.lower()])
    return round(float(number) * factor) if "." in number else int(number) * factor


def moment_of(text: str, now_ms: int, what: str = "a time") -> int:
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
