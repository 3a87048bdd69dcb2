"""What a terminal would obey is written out."""

from __future__ import annotations

from aliend.core.printable import printable


def test_text_stays_as_it_is() -> None:
    assert printable("a\tline of größe →\n") == "a\tline of größe →\n"


def test_what_a_terminal_would_obey_is_written_out() -> None:
    assert printable("\x1b]0;title\x07\r\x9b31m\x7f") == r"\x1b]0;title\x07\r\x9b31m\x7f"
    assert printable("txt.\u202eexe") == r"txt.\u202eexe"
    assert printable(b"a\x9b".decode("utf-8", "surrogateescape")) == r"a\udc9b"
