"""Reassembly of requests from pieces, and the defect with long requests."""

from __future__ import annotations

import pytest

from aliend.sandbox.protocol.message_reassembly import MAX_PIECE, MAX_REQUEST, Reassembler, RequestTooLongError, pieces
from aliend.sandbox.server.conversation import frames


def complete(glue: Reassembler, *frames: str, poison: bool = True) -> list[str | None]:
    return [glue.add(piece, is_last=is_last, poison=poison) for piece, is_last in pieces(frames)]


def test_a_short_request_in_one_frame_is_unchanged() -> None:
    glue = Reassembler()
    assert complete(glue, "one") == ["one"]
    assert complete(glue, "two") == ["two"]


def test_a_long_request_works_once_and_breaks_the_next() -> None:
    glue, text = Reassembler(), "x" * (MAX_PIECE + 1)
    assert complete(glue, text) == [None, text]
    assert complete(glue, "next") == [text + "next"]


def test_a_request_of_one_piece_breaks_nothing() -> None:
    glue = Reassembler()
    assert complete(glue, "x" * MAX_PIECE) == ["x" * MAX_PIECE]
    assert complete(glue, "next") == ["next"]


def test_several_frames_break_the_next_request() -> None:
    glue = Reassembler()
    assert complete(glue, "a", "b") == [None, "ab"]
    assert complete(glue, "c") == ["abc"]


def test_without_poison_the_buffer_is_empty() -> None:
    glue = Reassembler()
    assert complete(glue, "a", "b", poison=False) == [None, "ab"]
    assert complete(glue, "c", poison=False) == ["c"]


def test_the_length_counts_utf16_units() -> None:
    assert list(pieces(["\U0001f600" * (MAX_PIECE // 2)])) == [("\U0001f600" * (MAX_PIECE // 2), True)]
    found = [piece for piece, _ in pieces(["a" + "\U0001f600" * (MAX_PIECE // 2)])]
    assert [len(piece) for piece in found] == [MAX_PIECE // 2, 1]


def test_an_oversized_request_fails_at_its_overflow() -> None:
    glue = Reassembler()
    reported = [piece for piece, _ in pieces(["x" * MAX_REQUEST])]
    for piece in reported[:-1]:
        assert glue.add(piece, is_last=False) is None
    with pytest.raises(RequestTooLongError):
        glue.add(reported[-1] + "y", is_last=False)
    assert glue.add("rest", is_last=True) == "rest"


def test_frames_contain_whole_characters_and_at_most_8192_bytes() -> None:
    text = "é€x" * 5000
    found = list(frames([text, text]))
    assert "".join(found) == text * 2
    assert min(len(piece.encode()) for piece in found[:-1]) > 8188
    assert max(len(piece.encode()) for piece in found) <= 8192
