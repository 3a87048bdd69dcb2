"""Escapes control characters for terminals, so that a file name cannot move the cursor or hide text.

Newlines and tabs stay; a carriage return stays only before a newline. Other characters that a terminal interprets, and
characters that change the direction of writing, become `\\xNN` or `\\uNNNN`; bytes that are not UTF-8 become `\\xNN`.
Newlines in names become `\\x0a` in every output, see `escape_newlines`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable

_OBEYED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]|\r(?!\n)"
)

_QUOTED = re.compile('"[^"<>]*"')
_BYTES = re.compile("[\ud800-\udfff]")


def visible(text: str) -> str:
    """Return `text` with the characters escaped that a terminal would interpret."""
    return _OBEYED.sub(_escape, text)


def escape_newlines(text: str) -> str:
    """Return `text` without newlines, so that a name with a newline does not look like two names, even in a pipe."""
    return text.replace("\n", "\\x0a")


def escape_names(text: str, names: Iterable[str]) -> str:
    """Return `text` with the newlines escaped in words that it quotes, whole or in part; its own newlines stay.

    The parts of a word are those of a path or a URL (`file:NAME`), and an option without its `-`.
    """
    broken = [name for name in names if "\n" in name]
    parts = {part for name in broken for part in re.split("[/:]|^-+", name) if "\n" in part and part.strip()}
    for part in sorted(parts.union(broken), key=len, reverse=True):
        if part.strip():
            text = text.replace(part, escape_newlines(part))
    return text


def escape_attributes(xml: str) -> str:
    """Return XML with references for the newlines in its attributes, which a parser would read as blanks."""
    return _QUOTED.sub(lambda match: match[0].replace("\n", "&#10;"), xml)


def printable_line(text: str) -> str:
    """Return `text` as one line, for a log: everything that is not printable is escaped, newlines too."""
    return text if text.isprintable() else "".join(sign if sign.isprintable() else _escaped(sign) for sign in text)


def is_text(name: str) -> bool:
    """Return whether a name is UTF-8; local names are bytes and need not be (see `surrogateescape`)."""
    return not _BYTES.search(name)


def readable(text: str) -> str:
    """Return `text` as valid Unicode: bytes that are not UTF-8 become `\\xNN`."""
    return _BYTES.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return _escaped(match[0])


def _escaped(sign: str) -> str:
    code = ord(sign)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"  # a byte that is not UTF-8, see `surrogateescape`
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class VisibleStream:
    """Escapes bytes that arrive in pieces, which may be split anywhere."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._held = ""

    def feed(self, data: bytes, *, final: bool = False) -> bytes:
        """Return the bytes that can be shown now; with `final` all of them."""
        text = self._held + self._decoder.decode(data, final)
        self._held = "\r" if text.endswith("\r") and not final else ""
        return visible(text.removesuffix(self._held) if self._held else text).encode()
