"""Options and operands in the arguments of a command.

F094: similar names for an unknown command.
"""

from __future__ import annotations

import pytest

from aliend.core.cli.options import Option, parse_options, suggestions
from aliend.errors import UsageError

TABLE = {
    "-f": Option("force"),
    "-force": Option("force"),
    "-T": Option("T", "a number"),
    "-exclude": Option("exclude", "a text"),
    "--priority": Option("priority", "a number"),
}


def test_options_may_be_anywhere_and_repeated() -> None:
    given = parse_options("cp", ("a", "-exclude", "x", "-force", "b", "-exclude", "-y", "--priority=3"), TABLE)
    assert given.operands == ("a", "b")
    assert given.has("force")
    assert given.all("exclude") == ("x", "-y")
    assert given.number("priority", 0) == 3


def test_the_last_of_several_values_counts() -> None:
    assert parse_options("cp", ("-T", "1", "-T", "2"), TABLE).last("T") == "2"


def test_arguments_after_two_dashes_and_a_single_dash_are_operands() -> None:
    assert parse_options("cp", ("-", "--", "-f", "b"), TABLE).operands == ("-", "-f", "b")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("-forse",), "unknown option -forse; did you mean -force"),
        (("--profil", "x"), "unknown option --profil; --profile goes before the command: `alienctl --profile NAME"),
        (("-qqqqq",), "unknown option -qqqqq; see `alienctl help cp`"),
        (("a", "-T"), "-T must be followed by a number"),
        (("-f=1",), "unknown option"),
        (("--priority",), "must be followed by a number"),
    ],
)
def test_invalid_arguments_are_refused(words: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        parse_options("cp", words, TABLE)


@pytest.mark.parametrize("text", ["x", "-1", "", "1.5", "\u0661"])
def test_a_number_is_a_whole_number(text: str) -> None:
    with pytest.raises(UsageError, match="-T needs a whole number of at least 0"):
        parse_options("cp", ("-T", text), TABLE).number("T", 0)


NAMES = ("find", "ls", "mkdir", "rmdir", "listSEs", "whoami", "stat")


def test_f094_a_mistyped_command_is_recognised() -> None:
    assert suggestions("fnd", NAMES)[0] == "find"
    assert suggestions("listses", NAMES)[0] == "listSEs"


def test_f094_at_most_three_similar_names_are_suggested() -> None:
    assert len(suggestions("mkdri", ("mkdir", "mkdirs", "mkdird", "mkdire"))) == 3
    assert suggestions("zzzz", NAMES) == []
