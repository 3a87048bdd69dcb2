"""How the service puts a request together from pieces, and how a long one spoils its connection (section 1.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

MAX_PIECE = 8192
"""The most UTF-16 units of a request that the service sees at a time."""
MAX_REQUEST = 133120
_BEYOND_ONE_UNIT = 0xFFFF


class RequestTooLongError(Exception):
    """A piece made the request longer than `LONGEST_REQUEST`."""


class Reassembler:
    """Collects the pieces of one connection's requests. Without `poison` a complete request is forgotten afterwards."""

    def __init__(self) -> None:
        self._pending = ""

    def add(self, piece: str, *, is_last: bool, poison: bool = True) -> str | None:
        """The complete request, or None while more of it is to come. Raises TooBigError; what is held is gone then."""
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
    """A message's frames as the service sees them: pieces of at most `PIECE` units, and whether each is the last."""
    found = [piece for frame in frames for piece in _split_frame(frame)]
    for index, piece in enumerate(found):
        yield piece, index == len(found) - 1


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
