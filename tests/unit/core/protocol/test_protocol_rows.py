"""Rows of alien.py's protocol that need no network."""

from __future__ import annotations

import json

import pytest

from aliend.core.protocol.replies import parse
from aliend.core.protocol.requests import Request, encode, from_json, with_modifiers
from aliend.errors import BadReply, UsageError

REQUEST = Request("ls", ("-l", "/alice"))


def test_f060_a_request_is_a_command_and_its_options() -> None:
    assert json.loads(encode(REQUEST)) == {"command": "ls", "options": ["-l", "/alice"]}


def test_f061_keys_are_omitted_if_only_messages_are_shown() -> None:
    assert with_modifiers(("-F", "/alice"), whole=False) == ("-nokeys", "-F", "/alice")


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (("-nomsg", "x"), ("-nokeys", "-nomsg", "x")),
        (("x", "-nokeys"), ("-nokeys", "x")),
        (("x", "-showkeys"), ("x",)),
        (("x", "-allkeys"), ("x",)),
        (("-nomsg", "-showmsg", "x"), ("-nokeys", "x")),
        (("nokeys", "nomsg"), ("-nokeys", "nokeys", "nomsg")),
    ],
)
def test_f062_each_modifier_changes_the_request(words: tuple[str, ...], sent: tuple[str, ...]) -> None:
    assert with_modifiers(words, whole=False) == sent


def test_f063_json_omits_nothing() -> None:
    assert with_modifiers(("-nomsg", "-nokeys", "x"), whole=True) == ("x",)


def test_f064_a_request_may_be_written_as_json() -> None:
    assert from_json('{"command": "ls", "options": ["a b", 5]}') == Request("ls", ("a b", "5"))
    for nonsense in ("{", "{}", '{"command": 5}', '{"command": "ls", "options": "x"}'):
        with pytest.raises(UsageError):
            from_json(nonsense)


@pytest.mark.parametrize(
    ("text", "code"), [("", 70), ("garbage", 22), ("{}", 42), ('{"metadata": {}}', 42), ("[]", 42)]
)
def test_f068_each_kind_of_malformed_reply_has_its_code(text: str, code: int) -> None:
    with pytest.raises(BadReply) as failure:
        parse(text, REQUEST)
    assert failure.value.exit_code == code
