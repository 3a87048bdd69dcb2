"""The help: each command that the daemon leaves the help of to the client has a page there."""

from __future__ import annotations

from alienctl.help import pages
from aliend.commands import command_names


def test_f095_what_the_client_explains_has_a_page() -> None:
    explained = (
        command_names.HELP_BY_THE_CLIENT
        | set(command_names.OF_THE_LINE.values())
        | command_names.OF_THE_CLIENT - {"?", "terminal", "console"}
    )
    assert explained - set(pages.PAGES) == set()
