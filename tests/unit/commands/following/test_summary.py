"""The summary lines of a copy, which scripts read."""

from __future__ import annotations

from collections import Counter

import pytest

from aliend.commands.following.follower import Tally


@pytest.mark.parametrize(
    ("tally", "lines"),
    [
        (Tally(), ()),
        (Tally(total=2, arrived=2, kept=2), ()),
        (Tally(total=3, arrived=3, tries=Counter({1: 3})), ("Successful jobs (1st try): 3/3",)),
        (Tally(total=3, arrived=2, kept=1, tries=Counter({1: 1})), ("Successful jobs (1st try): 1/2",)),
        (Tally(total=2), ("Successful jobs (1st try): 0/2",)),
        (
            Tally(total=5, arrived=4, tries=Counter({1: 1, 2: 2, 3: 1})),
            (
                "Successful jobs (1st try): 1/5",
                "Successful jobs (2nd try): 2/4",
                "Successful jobs (total): 4/5",
            ),
        ),
    ],
)
def test_f213_the_summary_counts_all_attempts(tally: Tally, lines: tuple[str, ...]) -> None:
    assert tally.summary() == lines
