"""The points where the fault tests kill the daemon exist in the product."""

from __future__ import annotations

import re

import pytest

from tests.faults import crashing_daemon
from tests.faults.crash_points import points
from tests.harness import ROOT

_POINT = re.compile(r'"((?:aliend|alienctl)(?:\.\w+)+:[A-Za-z_][\w.]*)"')


def _quoted() -> set[str]:
    """Return the points that other tests quote."""
    return {point for path in (ROOT / "tests").rglob("*.py") for point in _POINT.findall(path.read_text())}


@pytest.mark.parametrize("where", sorted({point.where for point in points()} | _quoted()))
def test_a_crash_point_exists(where: str) -> None:
    assert callable(crashing_daemon.found(where)[2])
