"""The help: each command that the daemon leaves the help of to the client has a page there."""

from __future__ import annotations

from alienctl.help import pages
from aliend.commands import command_names


def test_f095_what_the_client_explains_has_a_page() -> None:
    explained = (
        command_names.COMMANDS_WITH_HELP_PAGE
        | set(command_names.BUILTIN_COMMANDS.values())
        | command_names.CLIENT_COMMANDS - {"?", "terminal", "console"}
    )
    assert explained - set(pages.PAGES) == set()
