"""Rates in bytes per second as people write them: `20M`, `1.5G`, `500K`, `20MiB/s`, `20MB/s`, `unlimited`. Pure.

K, M, G, T (also KiB, MiB, ...) are powers of 1024, as with xrdcp and rclone; kB, MB, ... those of 1000.
"""

from __future__ import annotations

import re
from fractions import Fraction

from aliend.errors import UsageError

LOWEST = 1024
"""Bytes per second; less cannot be told from a copy that hangs."""
HIGHEST = 1 << 40

_RATE = re.compile(r"(\d{1,13}(?:\.\d{1,6})?)\s*(?:([KMGT])(iB|B)?|B)?(?:/s|ps)?", re.ASCII | re.IGNORECASE)
_UNLIMITED = frozenset({"unlimited", "none", "off", "0"})


def parse_rate(text: str) -> int:
    """Bytes per second; 0: no limit. Raises UsageError."""
    word = text.strip()
    if word.lower() in _UNLIMITED:
        return 0
    found = _RATE.fullmatch(word)
    if found is None:
        raise UsageError(f"{text!r} is no rate: write 20M, 1.5G or 500K (bytes per second), or `unlimited`")
    number, prefix, kind = found.groups()
    base = 1000 if (kind or "").upper() == "B" else 1024
    power = " KMGT".index((prefix or " ").upper())
    rate = int(Fraction(number) * base**power)
    if not LOWEST <= rate <= HIGHEST:
        raise UsageError(f"{text!r} is no rate from 1K to 1T (bytes per second); `unlimited` takes the limit away")
    return rate


def rate_text(rate: int) -> str:
    """A rate in the shortest words that `parse_rate` takes for it; 0: `unlimited`."""
    if not rate:
        return "unlimited"
    for power, unit in ((4, "T"), (3, "G"), (2, "M"), (1, "K")):
        if rate % 1024**power == 0:
            return f"{rate // 1024**power}{unit}"
        if rate % 1000**power == 0:
            return f"{rate // 1000**power}{'k' if unit == 'K' else unit}B"
    return f"{rate}B"
