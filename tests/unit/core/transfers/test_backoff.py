"""Exponential back-off."""

from __future__ import annotations

from aliend.core.transfers import backoff


def test_ceilings_double_up_to_the_cap() -> None:
    ceilings = [backoff.delay(failures, chance=1.0) for failures in (1, 2, 3, 20, 10_000)]
    assert ceilings == [2, 4, 8, backoff.CAP, backoff.CAP]


def test_chance_spreads_the_pause_over_the_whole_range() -> None:
    assert backoff.delay(5, chance=0.0) == 0
    assert backoff.delay(5, chance=0.25) == 8


def test_the_servers_request_is_the_shortest_pause() -> None:
    assert backoff.delay(1, chance=0.5, at_least=30) == 30
