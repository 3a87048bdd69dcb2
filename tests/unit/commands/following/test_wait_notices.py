"""What a command says about files that wait."""

from __future__ import annotations

from aliend.commands.following.wait_notices import COUNT_PAUSE, TIME_PAUSE, WaitNotices, clock_time
from aliend.core.transfers.wait_reason import Reason
from aliend.engine.views import WaitGroup


def waits(files: int, text: str = "ALICE::X::SE is backing off", until: float = 0.0) -> WaitGroup:
    return WaitGroup(7, Reason("retry", text, until), files, "/a/f")


def test_a_cause_has_one_line_with_the_count_and_the_time_of_the_next_try() -> None:
    lines = WaitNotices().lines([waits(50_000, until=1060.0)], 1000.0)
    assert lines == [
        f"job 7: 50000 files wait: ALICE::X::SE is backing off; next try at {clock_time(1060.0)}",
    ]


def test_a_single_file_is_named() -> None:
    assert WaitNotices().lines([waits(1)], 0.0) == ["job 7: /a/f waits: ALICE::X::SE is backing off"]


def test_an_unchanged_cause_is_not_repeated() -> None:
    notices = WaitNotices()
    notices.lines([waits(100)], 0.0)
    assert notices.lines([waits(110)], 1000.0) == []


def test_a_cause_is_repeated_when_it_holds_many_more_files_but_not_at_once() -> None:
    notices = WaitNotices()
    notices.lines([waits(1)], 0.0)
    assert notices.lines([waits(2)], COUNT_PAUSE - 1) == []
    assert notices.lines([waits(100)], COUNT_PAUSE) != []


def test_a_failed_try_is_said_with_the_time_of_the_next_one() -> None:
    notices = WaitNotices()
    notices.lines([waits(4, until=40.0)], 0.0)
    (line,) = notices.lines([waits(4, until=400.0)], TIME_PAUSE)
    assert clock_time(400.0) in line


def test_a_cause_that_returns_is_new() -> None:
    notices = WaitNotices()
    assert notices.lines([waits(4)], 0.0)
    assert notices.lines([], 1.0) == []
    assert notices.lines([waits(4)], 2.0)


def test_50_000_files_that_fail_again_and_again_give_few_lines() -> None:
    notices, said = WaitNotices(), 0
    for second in range(600):
        said += len(notices.lines([waits(min(50_000, 1 + 100 * second), until=second + 60.0)], float(second)))
    assert said <= 30


def test_files_that_start_at_once_are_not_worth_a_line() -> None:
    group = WaitGroup(7, Reason("next", "it starts at once", 1.0), 3, "/a/f")
    assert WaitNotices().lines([group], 0.0) == []
