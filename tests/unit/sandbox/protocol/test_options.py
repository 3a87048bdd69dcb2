"""The option parser behaves like the library that the service uses."""

from __future__ import annotations

import pytest

from aliend.sandbox.errors import BadOptionsError
from aliend.sandbox.protocol.options import option_set, parse

LS = option_set("l a F b c H bulk")
FIND = option_set("s d a w h f c r y z", "l o j S x", "e")


def test_clustered_options_mix_with_operands() -> None:
    parsed = parse(["/a", "-la", "/b"], LS)
    assert parsed.has("l")
    assert parsed.has("a")
    assert not parsed.has("F")
    assert parsed.operands == ["/a", "/b"]


@pytest.mark.parametrize("words", [["-l5"], ["-l=5"], ["-l", "5"], ["--l", "5"], ["-sl5"]])
def test_a_value_is_written_in_several_ways(words: list[str]) -> None:
    assert parse(words, FIND).integer("l") == 5


def test_a_value_may_begin_with_a_dash() -> None:
    assert parse(["-l", "-5"], FIND).integer("l") == -5


@pytest.mark.parametrize("word", ["-bulk", "--bulk", "-bul"])
def test_long_names_allow_one_dash_and_abbreviations(word: str) -> None:
    assert parse([word], LS).has("bulk")


def test_two_dashes_end_options() -> None:
    assert parse(["--", "-l"], LS).operands == ["-l"]


@pytest.mark.parametrize("word", ["-", ""])
def test_a_lone_dash_and_nothing_are_operands(word: str) -> None:
    assert parse([word], LS).operands == [word]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["-z"], "z is not a recognized option"),
        (["-lz"], "z is not a recognized option"),
        (["--nosuch"], "nosuch is not a recognized option"),
    ],
)
def test_unknown_options_are_reported(words: list[str], text: str) -> None:
    with pytest.raises(BadOptionsError, match=f"^{text}$"):
        parse(words, LS)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["-l"], "Option l requires an argument"),
        (["-l", "1", "-l", "2"], "Found multiple arguments for option l, but you asked for only one"),
    ],
)
def test_missing_and_repeated_values_are_reported(words: list[str], text: str) -> None:
    with pytest.raises(BadOptionsError, match=f"^{text}$"):
        parse(words, FIND)


def test_some_options_may_be_repeated() -> None:
    assert parse(["-e", "a", "-e", "b"], FIND).values["e"] == ["a", "b"]


def test_an_invalid_number_is_reported() -> None:
    with pytest.raises(BadOptionsError, match=r"^Cannot parse argument 'abc' of option l$"):
        parse(["-l", "abc"], FIND).integer("l")
