"""The output of commands that the central service executes."""

from __future__ import annotations

from aliend.commands.grid.passthrough import without_internal
from aliend.core.protocol.replies import Reply


def test_f020_commands_for_the_services_own_tools_are_not_listed() -> None:
    results = (
        {"commandlist": "ls", "message": "ls\nlist_csd\npwd"},
        {"commandlist": "list_csd"},
        {"commandlist": "pwd"},
    )
    reply = without_internal(Reply(0, "", "alice", "/", results))
    assert [result["commandlist"] for result in reply.results] == ["ls", "pwd"]
    assert reply.text() == "ls\npwd"
