"""The order of versions."""

from __future__ import annotations

import pytest

from alienctl.daemon.upgrade import is_older

ORDERED = ("", "0.1.0", "0.2.0.dev0", "0.2.0", "0.2.1rc1", "0.2.1", "0.10.0", "1.0.0")


@pytest.mark.parametrize("place", range(1, len(ORDERED)))
def test_versions_are_ordered(place: int) -> None:
    assert is_older(ORDERED[place - 1], ORDERED[place])
    assert not is_older(ORDERED[place], ORDERED[place - 1])
    assert not is_older(ORDERED[place], ORDERED[place])
