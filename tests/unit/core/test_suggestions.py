"""F094: near names for an unknown command."""

from __future__ import annotations

from aliend.core.cli.options import suggestions

NAMES = ("find", "ls", "mkdir", "rmdir", "listSEs", "whoami", "stat")


def test_f094_a_mistyped_command_is_recognised() -> None:
    assert suggestions("fnd", NAMES)[0] == "find"
    assert suggestions("listses", NAMES)[0] == "listSEs"


def test_f094_at_most_three_and_none_for_something_else() -> None:
    assert len(suggestions("mkdri", ("mkdir", "mkdirs", "mkdird", "mkdire"))) == 3
    assert suggestions("zzzz", NAMES) == []
