"""Limits set while the daemon runs."""

from __future__ import annotations

import pytest

from aliend.core.transfers.bandwidth import Rates
from aliend.core.transfers.limits import applied, merged, next_change, parse, rates_at
from aliend.core.transfers.scheduler import Limits
from aliend.errors import UsageError


def test_each_kind_of_limit_is_parsed_and_applied() -> None:
    kept = merged({}, parse(["files=16", "down=8", "up=4", "se=3", "alice::x::se=2"]))
    limits = applied(Limits(), kept)
    assert limits == Limits(16, 3, 8, 4, (("ALICE::X::SE", 2),), is_fixed=True)
    assert (
        limits.initial_for_se("ALICE::X::SE"),
        limits.initial_for_se("alice::x::se"),
        limits.initial_for_se("ALICE::Y::SE"),
    ) == (2, 2, 3)
    assert (limits.for_direction("download"), limits.for_direction("upload")) == (8, 4)


def test_without_a_limit_a_direction_has_that_of_all_files() -> None:
    assert Limits(files=5).for_direction("upload") == 5


def test_default_restores_the_configured_limit() -> None:
    kept = merged({"files": 16, "A::B::C": 1}, parse(["files=default", "A::B::C=default"]))
    assert applied(Limits(files=5), kept) == Limits(files=5)


def test_each_kind_of_rate_is_parsed_and_applied() -> None:
    words = ["rate=50M", "down.rate=20M", "up.rate=10M", "se.rate=8M", "alice::x::se.rate=5M", "files=3"]
    kept = merged({}, parse(words))
    assert rates_at(kept, 0) == Rates(50 << 20, 20 << 20, 10 << 20, 8 << 20, {"ALICE::X::SE": 5 << 20})
    assert applied(Limits(), kept) == Limits(files=3)
    assert rates_at(merged(kept, parse(["rate=default", "se.rate=unlimited"])), 0).all == 0


def test_a_rate_may_follow_the_clock() -> None:
    kept = merged({}, parse(["rate=22:00-07:00 unlimited, else 20M"]))
    assert (rates_at(kept, 12 * 60).all, rates_at(kept, 23 * 60).all) == (20 << 20, 0)
    assert next_change(kept, 21 * 60 + 59) == 1
    assert next_change({"rate": "20M"}, 0) == 0


@pytest.mark.parametrize(
    "word",
    ["rate=fast", "rate=", "se.rate", "files.rate=1M", "rate=10", "files=1M", "x.rate=1M", "rate=22:00-07:00 1M"],
)
def test_an_invalid_rate_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="transfers limit"):
        parse([word])


@pytest.mark.parametrize(
    "word", ["files", "files=", "files=0", "files=-1", "files=x", "all=3", "A::B=3", "se=1001", "=1"]
)
def test_invalid_input_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="transfers limit"):
        parse([word])
