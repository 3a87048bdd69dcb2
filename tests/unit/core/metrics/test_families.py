"""Counters and durations by labels, and families of several sessions together."""

from __future__ import annotations

from aliend.core.metrics.families import Durations, Family, Tally, gauge, merged, of_endpoint


def test_amounts_are_counted_by_labels() -> None:
    tally = Tally()
    tally.add("download", "done")
    tally.add("download", "done")
    tally.add("upload", "failed", amount=3)
    assert tally.values == {("download", "done"): 2, ("upload", "failed"): 3}


def test_durations_are_counted_and_summed_and_never_negative() -> None:
    durations = Durations()
    durations.add(2.0, "bulk")
    durations.add(-5.0, "bulk")
    assert durations.values == {("bulk",): (2, 2.0)}


def test_families_of_one_service_are_added_up() -> None:
    waits = Family("wait", "summary", "", (), {(): (1, 0.5)})
    both = [
        *of_endpoint("a", [gauge("n", "", 1), waits]),
        *of_endpoint("a", [gauge("n", "", 2), waits]),
    ]
    other = of_endpoint("b", [gauge("n", "", 5)])
    found = {family.name: family.values for family in merged([*both, *other])}
    assert found == {"n": {("a",): 3, ("b",): 5}, "wait": {("a",): (2, 1.0)}}
