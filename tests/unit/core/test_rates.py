"""Rates as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aliend.core.cli.units import HIGHEST, LOWEST, parse_rate, rate_text
from aliend.errors import UsageError


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
def test_a_rate_is_understood(text: str, rate: int) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "fast", "-1M", "1X", "M", "10", "2T", "1e6", "1..5M", "\u0661M", "nan", "20M/h"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="rate"):
        parse_rate(text)


@given(st.one_of(st.just(0), st.integers(LOWEST, HIGHEST)))
def test_a_rate_is_told_in_words_that_mean_it(rate: int) -> None:
    assert parse_rate(rate_text(rate)) == rate
