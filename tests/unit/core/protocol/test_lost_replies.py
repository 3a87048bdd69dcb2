"""The outcome of a request with a lost reply, inferred from the catalogue."""

from __future__ import annotations

import pytest

from aliend.core.catalogue.entries import Entry
from aliend.core.protocol.lost_replies import infer_outcome, names_to_check
from aliend.core.protocol.requests import Request

SENT = 1_000_000


def entry(lfn: str, *, kind: str = "file", changed_ms: int = SENT, mode: str = "755") -> Entry:
    return Entry(lfn, kind, 0, "a", "a", mode, changed_ms)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("mkdir -p /a/b/ /c", ("/a/b", "/c")),
        ("rm -r f", ("/d/f",)),
        ("mv -nomsg f ../g", ("/d/f", "/g")),
        ("chmod 755 /a", ("/a",)),
        ("chmod -R 755 /a", ()),
        ("rm /a/*", ()),
        ("rm ~/f", ()),
        ("mv a b c", ()),
        ("mv a b/", ()),
        ("submit /a.jdl", ()),
        ("rm --odd /a", ()),
    ],
)
def test_only_plain_names_of_known_commands_are_checked(words: str, names: tuple[str, ...]) -> None:
    command, *options = words.split()
    assert names_to_check(Request(command, tuple(options)), "/d/") == names


@pytest.mark.parametrize(
    ("words", "present", "outcome"),
    [
        ("mkdir /a", [entry("/a", kind="directory")], "done"),
        ("mkdir /a", [entry("/a")], "not seen"),
        ("mkdir /a", [], "not seen"),
        ("rm /a", [], "done"),
        ("rm /a /b", [entry("/b")], "not seen"),
        ("rmdir /a", [], "done"),
        ("mv /a /b", [entry("/b")], "done"),
        ("mv /a /b", [entry("/a")], "not seen"),
        ("mv /a /b", [entry("/a"), entry("/b")], "unclear"),
        ("mv /a /b", [], "not seen"),
        ("touch /a", [entry("/a")], "done"),
        ("touch /a", [entry("/a", changed_ms=SENT - 60_000)], "not seen"),
        ("touch /a", [], "not seen"),
        ("chmod 700 /a", [entry("/a", mode="700")], "done"),
        ("chmod 700 /a", [entry("/a")], "not seen"),
        ("submit /a", [entry("/a")], "unclear"),
    ],
)
def test_the_outcome_is_inferred_from_the_state_of_the_names(words: str, present: list[Entry], outcome: str) -> None:
    command, *options = words.split()
    request = Request(command, tuple(options))
    names = names_to_check(request) or ("/a",)
    assert infer_outcome(request, names, {found.lfn: found for found in present}, SENT) == outcome
