"""Sizes, dates and permissions have the service's format."""

from __future__ import annotations

import pytest

from aliend.sandbox.protocol.formats import human, interval, permissions, timestamp


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1024, "1024 B"),
        (1025, "1.001 KB"),
        (1048576, "1024 KB"),
        (5000000000, "4.657 GB"),
        (20000000, "19.07 MB"),
        (1024000000000, "953.7 GB"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    assert human(size) == text


@pytest.mark.parametrize(("seconds", "text"), [(5, "5s"), (90060, "1d 1:01"), (259200, "3d 0:00")])
def test_intervals(seconds: int, text: str) -> None:
    assert interval(seconds) == text


def test_dates_and_permissions() -> None:
    assert timestamp(1795456473000) == "2026-11-23 17:54:33.0"
    assert permissions("d", "755") == "drwxr-xr-x"
    assert permissions("f", "640") == "-rw-r-----"
