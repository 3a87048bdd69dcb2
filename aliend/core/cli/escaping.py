"""Makes control characters visible, for terminals: a file's name must not be able to move the cursor or hide text.

Newlines and tabs stay; a carriage return stays before a newline only. Everything else that a terminal would obey, and
characters that turn the direction of writing, become `\\xNN` or `\\uNNNN`; bytes that are not UTF-8 become `\\xNN`.
Newlines inside of names are `\\x0a` in every text, see `in_line`.
"""

from __future__ import annotations

import codecs
import re

_OBEYED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]|\r(?!\n)"
)


def visible(text: str) -> str:
    """`text` with what a terminal would obey made visible."""
    return _OBEYED.sub(_escape, text)


def escape_newlines(text: str) -> str:
    """`text` as a part of one line: a name with a line break in it must not look like two names, nor in a pipe."""
    return text.replace("\n", "\\x0a")


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"  # a byte that is no UTF-8, see `surrogateescape`
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


class VisibleStream:
    """The same for bytes that come in pieces, which may be cut anywhere."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._held = ""

    def feed(self, data: bytes, *, final: bool = False) -> bytes:
        """What can be shown by now; with `final` all of it."""
        text = self._held + self._decoder.decode(data, final)
        self._held = "\r" if text.endswith("\r") and not final else ""
        return visible(text.removesuffix(self._held) if self._held else text).encode()
