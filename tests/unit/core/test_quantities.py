"""Sizes and moments as people write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from aliend.core.cli.units import moment_of, size_of
from aliend.errors import UsageError

NOW_MS = 1_700_000_000_000


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1500", 1500),
        ("10k", 10240),
        ("10K", 10240),
        ("10KiB", 10240),
        ("10kB", 10000),
        ("1.5M", 1572864),
        ("2 GiB", 2147483648),
        ("7b", 7),
    ],
)
def test_a_size(text: str, size: int) -> None:
    assert size_of(text) == size


@pytest.mark.parametrize("text", ["", "k", "-1", "1x", "1e3", "\u0661"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="minsize"):
        size_of(text, "-minsize")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1600000000", 1_600_000_000_000),
        ("1600000000123", 1_600_000_000_123),
        ("2024-05-31T12:00:00+02:00", 1_717_149_600_000),
        ("2024-05-31 10:00:00Z", 1_717_149_600_000),
        ("90s", NOW_MS - 90_000),
        ("3d", NOW_MS - 3 * 86_400_000),
        ("1.5h", NOW_MS - 5_400_000),
    ],
)
def test_a_moment(text: str, moment: int) -> None:
    assert moment_of(text, NOW_MS) == moment


def test_a_date_without_a_zone_is_local() -> None:
    assert moment_of("2024-05-31", NOW_MS) == int(datetime(2024, 5, 31).astimezone(UTC).timestamp() * 1000)


@pytest.mark.parametrize("text", ["", "12", "yesterday", "3x", "2024", "2024-13-01", "99999999999"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="min-ctime"):
        moment_of(text, NOW_MS, "-min-ctime")
