"""The arguments of token-init: options of the service's `token`, and operands."""

from __future__ import annotations

import pytest

from aliend.central.tokens import check_options
from aliend.commands.account.tokens import operands_of
from aliend.errors import UsageError


@pytest.mark.parametrize(
    ("words", "operands"),
    [
        ("", []),
        ("nonsense", ["nonsense"]),
        ("-v 5 -u alice", []),
        ("--v 5 -fu alice -f", []),
        ("-v5 -v=5", []),
        ("-t job -jobid 12 -hostname a.b.c", []),
        ("-v 5 nonsense -u alice more", ["nonsense", "more"]),
        ("-f nonsense", ["nonsense"]),
        ("-u", []),
    ],
)
def test_operands_are_what_no_option_takes(words: str, operands: list[str]) -> None:
    assert operands_of(words.split()) == operands


@pytest.mark.parametrize(
    "options", [("-v", "0"), ("-v", "-5"), ("-v=0",), ("-v0",), ("-v", "x"), ("-v",), ("--v", "1.5")]
)
def test_a_validity_that_is_no_positive_number_of_days_is_refused(options: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        check_options(options)


@pytest.mark.parametrize("options", ["", "-v 1", "-v=30", "-v5", "-u alice -v 2", "-t user"])
def test_other_options_are_left_to_the_service(options: str) -> None:
    check_options(options.split())
