"""The daemon with a seeded defect: `python -P patched_daemon.py DEFECT [ARGUMENTS of aliend]`; DEFECT may be empty."""

from __future__ import annotations

import sys
from collections.abc import Callable
from unittest import mock

from aliend import __main__
from aliend.services import transfers

DEFECTS: dict[str, Callable[[], object]] = {
    "": lambda: None,
    "page tokens are not checked": lambda: mock.patch.object(transfers, "page_token", int).start(),
}


if __name__ == "__main__":
    DEFECTS[sys.argv[1]]()
    sys.exit(__main__.main(sys.argv[2:]))
