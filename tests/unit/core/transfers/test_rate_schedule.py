"""Rates by time of day."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aliend.core.transfers.rate_schedule import DAY, RateSchedule, Span, parse_schedule, schedule_text
from aliend.errors import UsageError

NIGHT = parse_schedule("22:00-07:00 unlimited, else 20M")
SPANS = st.builds(Span, st.integers(0, DAY - 1), st.integers(1, DAY), st.sampled_from([0, 1 << 20, 20 << 20])).filter(
    lambda span: span.begin != span.end
)
TABLES = st.builds(RateSchedule, st.sampled_from([0, 5 << 20]), st.lists(SPANS, max_size=4).map(tuple))


def test_a_span_may_span_midnight() -> None:
    assert [NIGHT.at(minute) for minute in (0, 7 * 60 - 1, 7 * 60, 22 * 60 - 1, 22 * 60)] == [
        0,
        0,
        20 << 20,
        20 << 20,
        0,
    ]


def test_the_first_matching_span_applies() -> None:
    table = parse_schedule("12:00-13:00 1M, 08:00-18:00 5M, else unlimited")
    assert [table.at(60 * hour) for hour in (7, 9, 12, 13, 18)] == [0, 5 << 20, 1 << 20, 5 << 20, 0]


def test_it_returns_when_the_rate_changes() -> None:
    assert NIGHT.until(21 * 60) == 60
    assert NIGHT.until(22 * 60) == 9 * 60
    assert RateSchedule(5).until(0) == 0


def test_a_single_rate_is_a_schedule() -> None:
    assert parse_schedule("20M") == RateSchedule(20 << 20)
    assert schedule_text(RateSchedule()) == "unlimited"


@pytest.mark.parametrize(
    "text",
    [
        "22:00-07:00 5M",
        "22:00-07:00 5M, 20M",
        "22:00 5M, else 1M",
        "25:00-26:00 5M, else 1M",
        "07:00-07:00 5M, else 1M",
        "07:60-08:00 5M, else 1M",
        "07:00-08:00 5M, else",
        "07:00-08:00 fast, else 1M",
        "else",
        "",
    ],
)
def test_invalid_input_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_schedule(text)


@given(TABLES)
def test_the_text_of_a_schedule_parses_to_it(table: RateSchedule) -> None:
    assert parse_schedule(schedule_text(table)) == table


@given(TABLES, st.integers(0, DAY - 1))
def test_the_rate_changes_exactly_at_the_returned_minute(table: RateSchedule, minute: int) -> None:
    wait = table.until(minute)
    now = table.at(minute)
    if not wait:
        assert all(table.at(other) == now for other in range(DAY))
        return
    assert all(table.at((minute + step) % DAY) == now for step in range(wait))
    assert table.at((minute + wait) % DAY) != now
