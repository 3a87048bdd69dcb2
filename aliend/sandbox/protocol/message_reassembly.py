"""Reassembly of requests from pieces, including the defect that long requests break their connection (section 1.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

MAX_PIECE = 8192
"""The maximum size of a piece, in UTF-16 units."""
MAX_REQUEST = 133120
_BEYOND_ONE_UNIT = 0xFFFF


class RequestTooLongError(Exception):
    """The request is longer than `MAX_REQUEST` UTF-16 units."""


class Reassembler:
    """Collects the pieces of one connection's requests. With `poison` a request in several pieces stays buffered."""

    def __init__(self) -> None:
        self._pending = ""

    def add(self, piece: str, *, is_last: bool, poison: bool = True) -> str | None:
        """Return the complete request, or None if pieces are missing. Raises RequestTooLongError and drops it."""
        if not self._pending:
            if is_last:
                return piece
            self._pending = piece
            return None
        if units(self._pending) + units(piece) > MAX_REQUEST:
            self._pending = ""
            raise RequestTooLongError
        self._pending += piece
        if not is_last:
            return None
        complete = self._pending
        if not poison:
            self._pending = ""
        return complete


def units(text: str) -> int:
    """Return the length of a text in UTF-16 units."""
    return len(text) if text.isascii() else len(text) + sum(ord(letter) > _BEYOND_ONE_UNIT for letter in text)


def pieces(frames: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yield a message's frames in pieces of at most `MAX_PIECE` units, each with whether it is the last one."""
    parts = [piece for frame in frames for piece in _split_frame(frame)]
    for index, piece in enumerate(parts):
        yield piece, index == len(parts) - 1


def _split_frame(frame: str) -> Iterator[str]:
    if units(frame) <= MAX_PIECE:
        yield frame
        return
    start = length = 0
    for index, letter in enumerate(frame):
        width = 2 if ord(letter) > _BEYOND_ONE_UNIT else 1
        if length + width > MAX_PIECE:
            yield frame[start:index]
            start, length = index, 0
        length += width
    yield frame[start:]
