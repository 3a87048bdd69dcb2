"""Which jobs the words of `transfers VERB` select."""

from __future__ import annotations

import pytest

from aliend.commands.copying.job_selection import JobRange, filter_of, parse_ranges, parse_states
from aliend.commands.copying.transfers import OPTIONS
from aliend.core.cli.options import parse_options
from aliend.core.transfers.job import JobFilter, JobState
from aliend.errors import UsageError


def test_numbers_ranges_and_lists_can_be_mixed() -> None:
    assert parse_ranges("cancel", ("2", "3,4", "5-9")) == [
        JobRange(2, 2),
        JobRange(3, 3),
        JobRange(4, 4),
        JobRange(5, 9),
    ]


@pytest.mark.parametrize("word", ["x", "9-5", "1-", "-3", "1-2-3", "\u0661", ""])
def test_other_words_are_refused(word: str) -> None:
    with pytest.raises(UsageError):
        parse_ranges("cancel", (word,))


def test_an_option_selects_only_jobs_that_the_verb_applies_to() -> None:
    options = parse_options("transfers retry", ["--all"], OPTIONS["retry"])
    assert filter_of("retry", options).states == (JobState.PARTIAL, JobState.FAILED, JobState.CANCELLED)


def test_a_state_and_a_label_are_combined() -> None:
    options = parse_options("transfers retry", ["--state", "failed,partial", "--label=night"], OPTIONS["retry"])
    assert filter_of("retry", options) == JobFilter((JobState.FAILED, JobState.PARTIAL), "night")


def test_an_unknown_state_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="use one of: expanding, active"):
        parse_states(("broken",))
