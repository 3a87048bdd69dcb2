"""The directory stack, with three entries."""

from __future__ import annotations

import pytest

from aliend.core.catalogue.directory_stack import display_name, drop, is_position, position_of, rotate, swap
from aliend.errors import UsageError

STACK = ("/a/", "/b/", "/c/")


@pytest.mark.parametrize(("word", "place"), [("+0", 0), ("+2", 2), ("-0", 2), ("-2", 0)])
def test_a_position_counts_from_either_end(word: str, place: int) -> None:
    assert is_position(word)
    assert position_of(word, STACK) == place


@pytest.mark.parametrize("word", ["+3", "-3"])
def test_a_position_beyond_the_stack_is_refused(word: str) -> None:
    with pytest.raises(UsageError):
        position_of(word, STACK)


@pytest.mark.parametrize("word", ["", "+", "-n", "1", "+1x", "/a"])
def test_other_arguments_are_not_positions(word: str) -> None:
    assert not is_position(word)


def test_rotating_keeps_all_entries() -> None:
    assert rotate(STACK, 1) == ("/b/", "/c/", "/a/")


def test_swapping_and_dropping_need_two_entries() -> None:
    assert swap(STACK) == ("/b/", "/a/", "/c/")
    assert drop(STACK, 0) == ("/b/", "/c/")
    for change in (swap, lambda stack: drop(stack, 0)):
        with pytest.raises(UsageError):
            change(("/a/",))


def test_an_entry_is_displayed_relative_to_the_home() -> None:
    assert display_name("/home/u/", "/home/u/") == "~"
    assert display_name("/home/u/x/y/", "/home/u/") == "~/x/y"
    assert display_name("/home/user2/", "/home/u/") == "/home/user2"
    assert display_name("/", "/home/u/") == "/"
