"""The tests that SECURITY.md names exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_promise_names_tests_that_exist() -> None:
    rows = [line for line in (ROOT / "SECURITY.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    promises = rows[1:]
    assert len(promises) > 10
    for row in promises:
        named = re.findall(r"`(tests/[^`]*)`", row.split("|")[2])
        assert named, row
        assert all((ROOT / name).exists() for name in named), row
