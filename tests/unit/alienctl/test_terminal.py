"""Text that reaches the terminal from outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from alienctl.daemon import logs
from alienctl.daemon.log_lines import Selection, Selector
from alienctl.terminal import print_error, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü\n\ttext", "plain ü\n\ttext"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\rb\x7f\x9b", "a\\rb\\x7f\\x9b"),
        ("\u202e\udc80\U000e0001", "\\u202e\\udc80\\U000e0001"),
    ],
)
def test_text_that_a_terminal_could_interpret_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_messages_are_escaped(capfd: pytest.CaptureFixture[str]) -> None:
    print_error("no file \x1b]0;owned\x07")
    assert capfd.readouterr().err == "alienctl: no file \\x1b]0;owned\\x07\n"


def test_log_lines_of_libraries_are_escaped(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "aliend.log"
    log.write_bytes(b"first\nsecond \x1b[2J\xff\n")
    end = logs._tail(str(log), 1)
    with log.open("ab") as more:
        more.write(b"third \x9b\r\n")
    assert logs._more(str(log), end, Selector(Selection())) == log.stat().st_size
    assert capfd.readouterr().out == "second \\x1b[2J\\xff\nthird \\x9b\\r\n"
