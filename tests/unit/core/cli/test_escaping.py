"""Control characters are escaped, however the bytes are split."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aliend.core.cli.escaping import VisibleStream, escape_attributes, escape_names, escape_newlines, visible


def test_control_characters_are_escaped() -> None:
    assert visible("a\x1b[2Jb\x07\x7f\x9b1m") == "a\\x1b[2Jb\\x07\\x7f\\x9b1m"
    assert visible("invoice\u202egpj.exe") == "invoice\\u202egpj.exe"


def test_text_is_unchanged() -> None:
    assert visible("name\tüß \u4e2d\U0001f600\r\n") == "name\tüß \u4e2d\U0001f600\r\n"


def test_a_carriage_return_alone_cannot_overwrite_a_line() -> None:
    assert visible("evil\rgood\n") == "evil\\x0dgood\n"


def test_bytes_that_are_not_utf8_are_escaped() -> None:
    assert VisibleStream().feed(b"a\xffb", final=True) == b"a\\xffb"


def test_a_newline_in_a_name_does_not_end_its_line() -> None:
    assert escape_newlines("new\nline\tß") == "new\\x0aline\tß"


@given(st.lists(st.binary(max_size=6), max_size=8))
def test_pieces_are_escaped_like_the_whole_text(pieces: list[bytes]) -> None:
    stream = VisibleStream()
    cut = b"".join(stream.feed(piece) for piece in pieces) + stream.feed(b"", final=True)
    assert cut == VisibleStream().feed(b"".join(pieces), final=True)


def test_names_in_a_text_become_one_line_and_its_own_newlines_stay() -> None:
    text = "File: /d/a\nb/c\nType: f\na\nb: missing\n"
    assert escape_names(text, ["/d/a\nb/c", "plain", "\n"]) == "File: /d/a\\x0ab/c\nType: f\na\\x0ab: missing\n"


def test_names_are_found_without_the_scheme_and_the_dashes_of_their_word() -> None:
    assert escape_names("no /home/a\nb\nhelp", ["file:a\nb"]) == "no /home/a\\x0ab\nhelp"
    assert escape_names("a\nb is no option\nhelp", ["--a\nb"]) == "a\\x0ab is no option\nhelp"


def test_newlines_in_attributes_become_references() -> None:
    assert escape_attributes('<a>\n<file lfn="a\nb" />\n</a>') == '<a>\n<file lfn="a&#10;b" />\n</a>'
