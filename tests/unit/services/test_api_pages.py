"""Every command has a typed call, and the pages about the calls are current."""

from __future__ import annotations

import re

from aliend.commands import command_names, dispatch
from aliend.commands.copying import transfers
from aliend.services import server
from tests import api_pages
from tests.harness import ROOT
from tests.integration.client.typed_cases import CASES
from tests.typed_calls import CALLS, LOCAL


def commands() -> set[str]:
    own = set(dispatch.COMMANDS) | set(command_names.BUILTIN_COMMANDS) | command_names.CLIENT_COMMANDS
    verbs = {f"transfers {verb}" for verb in transfers.VERBS}
    return (own | command_names.shipped_commands() | verbs | {"la", "ll", "lla"}) - {"transfers"}


def test_every_command_has_a_typed_call_or_is_for_people_only() -> None:
    assert commands() - set(CALLS) == set()
    assert set(CALLS) - commands() == set()


def test_every_named_call_exists() -> None:
    named = {call for text in CALLS.values() if not text.startswith(LOCAL) for call in text.split(", ")}
    assert named - set(api_pages.calls()) == set()


def test_every_test_in_the_table_exists() -> None:
    code = (ROOT / api_pages.TESTS).read_text(encoding="utf-8")
    named = re.findall(r"`(test_\w+)(?:\[([\w.]+)\])?`", api_pages.command_table())
    assert {name for name, _ in named if f"\ndef {name}(" not in code} == set()
    assert {call for _, call in named if call} <= set(CASES) == set(api_pages.calls())


def test_every_service_of_the_contract_is_served_and_has_an_example() -> None:
    served = {name for module in server.MODULES for name in module.DESCRIPTOR.services_by_name}
    assert served == {call.partition(".")[0] for call in api_pages.calls()} == set(api_pages.EXAMPLES)


def test_the_pages_are_current() -> None:
    assert api_pages.main(["--check"]) == 0, "docs/api*.md are out of date; run: make api"
