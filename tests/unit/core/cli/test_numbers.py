"""Whole numbers from outside."""

from __future__ import annotations

import pytest

from aliend.core.cli.numbers import LARGEST, parse_whole


@pytest.mark.parametrize(
    "text", ["", "-", "1.5", "1e3", "Infinity", "NaN", "٣", "1_0", " 1", "9" * 5000, str(LARGEST + 1)]
)
def test_other_texts_and_numbers_out_of_range_are_refused(text: str) -> None:
    assert parse_whole(text) is None


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("-0", 0), ("+7", 7), (str(LARGEST), LARGEST)])
def test_whole_numbers_in_range_are_accepted(text: str, number: int) -> None:
    assert parse_whole(text) == number


def test_the_range_can_be_smaller() -> None:
    assert parse_whole("-3", -3, 3) == -3
    assert parse_whole("4", -3, 3) is None
