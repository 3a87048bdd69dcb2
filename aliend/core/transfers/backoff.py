"""Exponential back-off with full jitter: how long to wait before the next retry. Pure; chance is an argument.

Full jitter (a uniform choice between zero and the ceiling) spreads the retries of many clients best. The ceiling
doubles from `BASE` up to a cap, so that ten attempts take a quarter of an hour on average.
"""

from __future__ import annotations

BASE = 2.0
"""Seconds: the ceiling after the first failure."""
CAP = 600.0
"""Seconds: the highest ceiling, for failures of one file."""
SHORT_CAP = 60.0
"""Seconds: the highest ceiling where a retry is cheap."""


def ceiling(failures: int, base: float = BASE, cap: float = CAP) -> float:
    """Return the longest wait (seconds) after failure number `failures` (from 1): `base`, doubled up to `cap`."""
    return min(cap, base * 2.0 ** min(max(failures, 1) - 1, 30))


def delay(failures: int, chance: float, at_least: float = 0.0, cap: float = CAP) -> float:
    """Return the seconds to wait after the `failures`-th failure (counted from 1); `chance` is uniform in [0, 1).

    Never less than `at_least` seconds (the server's request), otherwise never more than `cap`.
    """
    return max(at_least, chance * ceiling(failures, cap=cap))
