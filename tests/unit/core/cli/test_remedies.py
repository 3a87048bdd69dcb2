"""Facts and advice of an error message."""

from __future__ import annotations

import pytest

from aliend.core.cli.remedies import split_remedy


@pytest.mark.parametrize(
    ("text", "facts", "advice"),
    [
        (
            "no transfer job 7; list all jobs with `alienctl transfers list --all`",
            "no transfer job 7",
            "list all jobs with `alienctl transfers list --all`",
        ),
        ("the key is encrypted\nrun: `alienctl login`", "the key is encrypted", "run: `alienctl login`"),
        ("/a is a file; nothing was created", "/a is a file; nothing was created", ""),
        ("use `alienctl login`", "use `alienctl login`", ""),
        ("expected a number, or `default`", "expected a number, or `default`", ""),
    ],
)
def test_advice_for_a_terminal_is_separated_from_the_facts(text: str, facts: str, advice: str) -> None:
    assert split_remedy(text) == (facts, advice)
