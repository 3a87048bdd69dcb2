"""The evaluation of bandwidth samples in `make bench`: rates of windows, compliance with a limit, fairness."""

from __future__ import annotations

import pytest

from tests.bench.bandwidth import Seen, followed, jain, windows


def looks(*rates: float) -> list[Seen]:
    """Two copies that come equally fast, looked at ten times a second; a second at each of these rates."""
    seen, came = [Seen(0.0, (0, 0))], 0.0
    for number in range(10 * len(rates)):
        came += rates[number // 10] / 10
        seen.append(Seen((number + 1) / 10, (round(came / 2), round(came / 2))))
    return seen


def test_the_rates_of_windows_are_those_that_were_there() -> None:
    assert windows(looks(1000, 1000, 4000), 2.0)[0] == pytest.approx(1000)
    assert windows(looks(1000, 1000, 4000), 2.0)[-1] == pytest.approx(2500)
    assert windows(looks(1000), 2.0) == []


def test_a_limit_is_followed_when_no_window_after_it_has_another_rate() -> None:
    assert followed(looks(1000, 1000, 1000), 1000) == 0.0
    assert followed(looks(4000, 1000, 1000, 1000), 1000) == pytest.approx(1.0, abs=0.11)
    assert followed(looks(1000, 1000, 4000, 1000, 1000), 1000) == pytest.approx(3.0, abs=0.11)


def test_a_limit_exceeded_at_the_end_counts_as_exceeded() -> None:
    assert followed(looks(1000, 1000, 4000), 1000) is None
    assert followed(looks(1000, 1000, 500), 1000) is None


def test_jains_index_is_one_for_equal_shares_and_one_nth_when_one_has_all() -> None:
    assert jain([7, 7, 7, 7]) == pytest.approx(1.0)
    assert jain([7, 0, 0, 0]) == pytest.approx(0.25)
