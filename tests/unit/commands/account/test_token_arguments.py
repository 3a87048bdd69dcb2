"""The arguments of token-init: options of the service's `token`, and operands."""

from __future__ import annotations

import pytest

from aliend.commands.account.tokens import operands_of


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
