"""The short form of costly tests, for `make check`; `make test` runs them whole."""

from __future__ import annotations

import os

_PART = 4


def examples(number: int) -> int:
    """Return how many examples a test tries: `number`, or a quarter of it in `make check`."""
    return number // _PART if os.environ.get("HYPOTHESIS_PROFILE") == "quick" else number
