"""How long to wait before the next attempt: exponential, with full jitter. Chance is an argument.

Full jitter (a uniform choice between nothing and the ceiling) spreads the attempts of many clients best; the ceilings
double from `BASE` up to a cap, so that ten attempts take a quarter of an hour on average.
"""

from __future__ import annotations

BASE = 2.0
CAP = 600.0
SHORT_CAP = 60.0


def delay(failures: int, chance: float, at_least: float = 0.0, cap: float = CAP) -> float:
    """Seconds to wait after the `failures`-th failure (counted from 1); `chance` is uniform in [0, 1).

    Never less than `at_least` seconds (what the other side asked for), otherwise never more than `cap`.
    """
    exponent = min(max(failures, 1) - 1, 30)
    return max(at_least, chance * min(cap, BASE * 2.0**exponent))
