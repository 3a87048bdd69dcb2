"""Counters and sums of durations by labels, and the families of samples that a scrape reads from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Labels = tuple[str, ...]
Sample = float | tuple[int, float]
Kind = Literal["counter", "gauge", "summary"]


@dataclass(frozen=True, slots=True)
class Family:
    """Samples with one name, without `aliend_` and `_total`. `values` maps the values of `labels` to a sample.

    A sample of a summary is (count, sum); of the others a number. A unit is the end of the name, or empty.
    """

    name: str
    kind: Kind
    help: str
    labels: Labels
    values: Mapping[Labels, Sample]
    unit: str = ""


class Tally:
    """Counts amounts by labels."""

    def __init__(self) -> None:
        self._amounts: defaultdict[Labels, float] = defaultdict(float)

    def add(self, *labels: str, amount: float = 1.0) -> None:
        """Count an amount."""
        self._amounts[labels] += amount

    @property
    def values(self) -> dict[Labels, float]:
        """Return the amounts so far."""
        return dict(self._amounts)


class Durations:
    """Counts and sums durations (seconds) by labels."""

    def __init__(self) -> None:
        self._sums: defaultdict[Labels, tuple[int, float]] = defaultdict(lambda: (0, 0.0))

    def add(self, seconds: float, *labels: str) -> None:
        """Count a duration; a negative one, of a clock that was set back, counts as 0."""
        count, total = self._sums[labels]
        self._sums[labels] = count + 1, total + max(0.0, seconds)

    @property
    def values(self) -> dict[Labels, tuple[int, float]]:
        """Return (count, seconds) so far."""
        return dict(self._sums)


def gauge(name: str, help: str, value: float, unit: str = "") -> Family:
    """Return a family with one sample and no labels."""
    return Family(name, "gauge", help, (), {(): value}, unit)


def of_endpoint(endpoint: str, families: Sequence[Family]) -> list[Family]:
    """Return the families with the label `endpoint` in front of the others."""
    return [
        replace(
            one,
            labels=("endpoint", *one.labels),
            values={(endpoint, *labels): sample for labels, sample in one.values.items()},
        )
        for one in families
    ]


def merged(families: Sequence[Family]) -> list[Family]:
    """Return the families with the samples of those that share a name together; equal labels are added up."""
    found: dict[str, Family] = {}
    for one in families:
        before = found.get(one.name)
        values = dict(before.values) if before else {}
        for labels, sample in one.values.items():
            values[labels] = _sum(values[labels], sample) if labels in values else sample
        found[one.name] = replace(one, values=values)
    return list(found.values())


def _sum(first: Sample, second: Sample) -> Sample:
    if isinstance(first, tuple) or isinstance(second, tuple):
        pairs = [one if isinstance(one, tuple) else (0, one) for one in (first, second)]
        return sum(count for count, _ in pairs), sum(total for _, total in pairs)
    return first + second
