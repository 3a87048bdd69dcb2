"""Replies that would not fit in memory."""

from __future__ import annotations

import pytest

from aliend.core.protocol.reply_stream import VALUE_LIMIT, ReplyReader
from aliend.core.protocol.requests import Request
from aliend.core.transfers.error_mapping import error_kind
from aliend.errors import InvalidValue

PIECE = "x" * (1 << 20)


def feed(reader: ReplyReader, characters: int) -> None:
    """Feed a text of this length in pieces."""
    for _ in range(characters // len(PIECE)):
        reader.feed(PIECE)


@pytest.mark.parametrize(
    "start", ['{"results": [{"lfn": "', '{"metadata": {"error": "', '{"', '{"results": [{"a": "b"}, ["']
)
def test_a_value_without_an_end_is_refused_while_it_arrives(start: str) -> None:
    reader = ReplyReader(Request("find"))
    reader.feed(start)
    with pytest.raises(InvalidValue, match="find: the central service sent a value of more than 16 MiB") as caught:
        feed(reader, VALUE_LIMIT + 2 * len(PIECE))
    assert error_kind(caught.value) == "permanent"
    assert len(reader._text) == 0


def test_many_values_that_are_longer_together_are_accepted() -> None:
    reader = ReplyReader(Request("find"))
    reader.feed('{"results": [{"lfn": ""}')
    count = 2 * VALUE_LIMIT // len(PIECE)
    got = sum(len(reader.feed(f', {{"lfn": "{PIECE}"}}')) for _ in range(count))
    got += len(reader.feed('], "metadata": {"exitcode": "0"}}'))
    rest, reply = reader.finish()
    assert got + len(rest) == count
    assert reply.exit_code == 0
