"""Sizes, rates and times as users write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aliend.core.cli.units import MAX_RATE, MIN_RATE, format_rate, format_size, parse_rate, parse_size, parse_time
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
def test_a_size_is_parsed(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "k", "-1", "1x", "1e3", "\u0661"])
def test_text_that_is_not_a_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="minsize"):
        parse_size(text, "-minsize")


@pytest.mark.parametrize(
    ("text", "time_ms"),
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
def test_a_time_is_parsed(text: str, time_ms: int) -> None:
    assert parse_time(text, NOW_MS) == time_ms


def test_a_date_without_a_time_zone_is_local() -> None:
    assert parse_time("2024-05-31", NOW_MS) == int(datetime(2024, 5, 31).astimezone(UTC).timestamp() * 1000)


@pytest.mark.parametrize("text", ["", "12", "yesterday", "3x", "2024", "2024-13-01", "99999999999"])
def test_text_that_is_not_a_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="min-ctime"):
        parse_time(text, NOW_MS, "-min-ctime")


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("20M", 20 << 20),
        ("20m", 20 << 20),
        ("20MiB", 20 << 20),
        ("20 MiB/s", 20 << 20),
        ("20MB/s", 20_000_000),
        ("500kB", 500_000),
        ("1.5G", 3 << 29),
        ("4096", 4096),
        ("4096B/s", 4096),
        ("1T", 1 << 40),
        ("unlimited", 0),
        ("0", 0),
        ("none", 0),
    ],
)
def test_a_rate_is_parsed(text: str, rate: int) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "fast", "-1M", "1X", "M", "10", "2T", "1e6", "1..5M", "\u0661M", "nan", "20M/h"])
def test_text_that_is_not_a_rate_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="rate"):
        parse_rate(text)


@given(st.one_of(st.just(0), st.integers(MIN_RATE, MAX_RATE)))
def test_a_formatted_rate_is_parsed_to_the_same_rate(rate: int) -> None:
    assert parse_rate(format_rate(rate)) == rate


@pytest.mark.parametrize(
    ("size", "digits", "text"), [(0, 1, "0 B"), (1023, 1, "1023 B"), (1536, 1, "1.5 KiB"), (1 << 50, 2, "1024.00 TiB")]
)
def test_a_size_is_formatted_with_its_unit(size: int, digits: int, text: str) -> None:
    assert format_size(size, digits) == text
