"""Parsing of command lines: rows F080-F087 and F097 of alien.py's features, and defects that are not repeated."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aliend.core.cli import command_line
from aliend.core.cli.command_line import Command, Shell, complete_length, parse, parse_args
from aliend.errors import UsageError


def test_f080_one_string_and_separate_arguments_are_equal() -> None:
    assert parse_args(("ls", "dir")) == parse_args(("ls dir",)) == (Command(("ls", "dir")),)


def test_f080_separate_arguments_are_never_split_again() -> None:
    assert parse_args(("ls", "a;b | c", "d e")) == (Command(("ls", "a;b | c", "d e")),)
    assert parse_args(("ls", "|", "cat")) == (Command(("ls", "|", "cat")),)


def test_f081_semicolons_and_newlines_separate_commands() -> None:
    assert parse("pwd; ls -l\n\n ; whoami ;") == (Command(("pwd",)), Command(("ls", "-l")), Command(("whoami",)))


def test_f082_quotes_are_respected() -> None:
    assert parse("ls 'a;b'") == (Command(("ls", "a;b")),)
    assert parse('ls "a b"') == (Command(("ls", "a b")),)
    assert parse("ls a\\;b 'x\ny' \"p | q\"") == (Command(("ls", "a;b", "x\ny", "p | q")),)


def test_f082_only_find_splits_its_single_operand() -> None:
    assert parse("find '/dir *.root'") == (Command(("find", "/dir", "*.root")),)
    assert parse_args(("find", "/dir *.root")) == (Command(("find", "/dir", "*.root")),)
    assert parse_args(("ls", "a b")) == (Command(("ls", "a b")),)


@pytest.mark.parametrize("text", ["ls 'a", 'ls "a; pwd', "ls a\\"])
def test_an_unclosed_quote_is_refused_before_anything_runs(text: str) -> None:
    with pytest.raises(UsageError, match="unclosed quote"):
        parse(f"pwd; {text}")


def test_the_error_for_an_unclosed_quote_names_the_line() -> None:
    with pytest.raises(UsageError, match=r"line 2: unclosed quote: ls 'it"):
        parse("pwd\nls 'it\nwhoami")


def test_f084_an_exclamation_mark_is_for_the_shell() -> None:
    assert parse("!exit 3; pwd") == (Shell("exit 3"), Command(("pwd",)))
    assert parse("!echo 'a;b' | cat") == (Shell("echo 'a;b' | cat"),)
    assert parse_args(("!echo", "a b", "$x")) == (Shell("echo 'a b' '$x'"),)


def test_f085_a_bar_between_blanks_begins_a_pipeline_of_the_shell() -> None:
    assert parse("ls -l | sort | awk '{print $1; print $2}'; pwd") == (
        Command(("ls", "-l"), "sort | awk '{print $1; print $2}'"),
        Command(("pwd",)),
    )
    assert parse("ls a|b") == (Command(("ls", "a|b")),)


def test_comments_are_lines_that_begin_with_a_number_sign() -> None:
    assert parse("# don't\npwd\n  # another; ls\nls a#b #c") == (Command(("pwd",)), Command(("ls", "a#b", "#c")))


def test_a_backslash_at_the_end_joins_lines() -> None:
    assert parse("ls -l \\\n  dir") == (Command(("ls", "-l", "dir")),)


def test_a_request_in_json_is_one_argument() -> None:
    text = '{"command": "ls", "options": ["a; b"]}'
    assert parse(f"{text}; pwd") == (Command((text,)), Command(("pwd",)))


def test_f097_an_alias_is_expanded_only_as_the_name_of_a_command() -> None:
    known = command_line.parse_aliases('# mine\nq=pwd;whoami\nll = "ls -la"\n=x\nno alias=1\n')
    assert known == {"q": "pwd;whoami", "ll": "ls -la"}
    assert parse("q", known) == (Command(("pwd",)), Command(("whoami",)))
    assert parse("squash q; ls q", known) == (Command(("squash", "q")), Command(("ls", "q")))
    assert parse_args(("ll", "a b"), known) == (Command(("ls", "-la", "a b")),)
    assert parse("ll x | wc -l", known) == (Command(("ls", "-la", "x"), "wc -l"),)


def test_an_alias_is_not_expanded_within_itself() -> None:
    assert parse("ls d", {"ls": "ls -l"}) == (Command(("ls", "-l", "d")),)
    assert parse("a", {"a": "b", "b": "a"}) == (Command(("a",)),)


def test_complete_lines_of_a_partial_text_are_ready() -> None:
    assert complete_length("pwd") == 0
    assert complete_length("pwd\nls") == 4
    assert complete_length("pwd\nls 'a\nb") == 4
    assert complete_length("pwd\nls 'a\nb'\n") == 13
    assert complete_length("# don't\n") == 8
    assert complete_length("ls \\\n") == 0


@given(st.lists(st.lists(st.text(min_size=1), min_size=2, max_size=4), min_size=1, max_size=4))
def test_quoted_arguments_are_unchanged(commands: list[list[str]]) -> None:
    quoted = [("ls", *words) for words in commands]
    assert parse(" ; ".join(map(shlex.join, quoted))) == tuple(map(Command, quoted))


@given(st.text(alphabet="ab'\"\\;|#!\n "))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    assert 0 <= complete_length(text) <= len(text)
    try:
        assert all(isinstance(step, Command | Shell) for step in parse(text))
    except UsageError:
        assert any(character in text for character in "'\"\\")


@pytest.mark.parametrize("text", ["'ls x'", '"ls x"', " 'ls x' "])
def test_f080_one_pair_of_quotes_around_a_command_line_is_removed(text: str) -> None:
    assert parse_args((text,)) == (Command(("ls", "x")),)


@pytest.mark.parametrize("text", ["'ls' 'x'", "ls 'x'", "'ls x\""])
def test_f080_other_quotes_stay(text: str) -> None:
    if text.endswith('"'):
        with pytest.raises(UsageError, match="unclosed quote"):
            parse_args((text,))
    else:
        assert parse_args((text,)) == (Command(("ls", "x")),)
