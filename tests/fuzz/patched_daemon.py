"""The daemon with a seeded defect: `python -P patched_daemon.py DEFECT [ARGUMENTS of aliend]`; DEFECT may be empty."""

from __future__ import annotations

import sys
from collections.abc import Callable
from unittest import mock

from aliend import __main__
from aliend.services.messages import submit


def _first_of_range(message: object, least: str, most: str) -> tuple[int, int]:
    low, high = getattr(message, least), getattr(message, most)
    return range(low, max(high, 1 << 40))[0], high


DEFECTS: dict[str, Callable[[], object]] = {
    "": lambda: None,
    "bounds are not compared": lambda: mock.patch.object(submit, "_bounds", _first_of_range).start(),
}


if __name__ == "__main__":
    DEFECTS[sys.argv[1]]()
    sys.exit(__main__.main(sys.argv[2:]))
