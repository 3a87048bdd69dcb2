"""Whole numbers from outside, each with a range. Pure."""

from __future__ import annotations

import re

LARGEST = (1 << 63) - 1
"""The largest number that the database, gRPC and files can hold."""
LATEST_MS = 253_402_300_799_999
"""The end of the year 9999 in POSIX milliseconds, the latest time that can be formatted."""
_DIGITS = re.compile(r"[+-]?\d{1,19}", re.ASCII)


def parse_whole(text: str, least: int = 0, most: int = LARGEST) -> int | None:
    """Return the whole number that `text` contains; None for another text, and for a number out of range."""
    if not _DIGITS.fullmatch(text):
        return None
    number = int(text)
    return number if least <= number <= most else None
