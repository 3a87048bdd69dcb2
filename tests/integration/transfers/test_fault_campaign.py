"""A short run of every part of the fault campaign; `make faults` is the whole."""

from __future__ import annotations

import pytest

from tests.faults.__main__ import PARTS, rounds_of, run
from tests.faults.campaign import Order

SEED = 20261125


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", sorted({*PARTS} - {"mutated-replies", "huge-replies", "dask"}))  # these take minutes
def test_a_short_campaign_finds_nothing(part: str) -> None:
    report = run(part, Order(rounds_of(part, short=True), SEED))
    assert report.problems == []
    assert report.faults >= rounds_of(part, short=True)
