"""Replies read in pieces say the same as replies read whole, garbage included."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from aliend.core.protocol.replies import Reply, parse
from aliend.core.protocol.reply_stream import ReplyReader
from aliend.core.protocol.requests import Request
from aliend.errors import BadReply

FIND = Request("find")
values = st.text(max_size=12) | st.none() | st.integers() | st.booleans() | st.lists(st.text(max_size=4), max_size=2)
results = st.lists(st.dictionaries(st.text(max_size=8), values, max_size=4), max_size=6)
documents = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries(
            {"exitcode": st.integers(0, 133).map(str), "error": st.text(max_size=8), "user": st.text(max_size=8)}
        ),
        "results": results,
    },
    optional={"other": values | results},
)
scraps = st.lists(
    st.sampled_from(
        ["{", "}", "[", "]", ",", ":", '"', '"results"', '"metadata"', '{"exitcode":"0"}', "1", " ", "null"]
    ),
    max_size=12,
).map("".join)


def streamed(text: str, sizes: list[int]) -> tuple[list[Any], Reply]:
    """The results and the reply of `text` fed in pieces of the given sizes, the rest in one."""
    reader, found = ReplyReader(FIND), list[Any]()
    for size in sizes:
        found += reader.feed(text[:size])
        text = text[size:]
    found += reader.feed(text)
    rest, reply = reader.finish()
    return found + rest, reply


@given(documents, st.randoms(), st.lists(st.integers(0, 40), max_size=20), st.sampled_from([None, 1]))
def test_pieces_say_the_same_as_the_whole(document: dict[str, Any], chance: Any, sizes: list[int], indent: int) -> None:  # noqa: ANN401
    members = list(document.items())
    chance.shuffle(members)
    text = json.dumps(dict(members), indent=indent)
    whole = parse(text, FIND)
    found, reply = streamed(text, sizes)
    assert found == list(whole.results)
    assert (reply.exit_code, reply.error, reply.user) == (whole.exit_code, whole.error, whole.user)
    assert not reply.results


@given(
    scraps | st.text(max_size=40) | documents.map(lambda d: json.dumps(d)[:-3]), st.lists(st.integers(0, 9), max_size=9)
)
@example("", [])
@example("5", [])
@example('{"metadata":{"exitcode":"0"},"results":[]}x', [])
def test_garbage_is_refused_either_way(text: str, sizes: list[int]) -> None:
    outcomes = []
    for read in (lambda: parse(text, FIND), lambda: streamed(text, sizes)):
        try:
            read()
            outcomes.append("read")
        except BadReply:
            outcomes.append("refused")
    assert outcomes[0] == outcomes[1]


def test_a_value_of_many_megabytes_is_read_in_linear_time() -> None:
    text = json.dumps({"metadata": {"exitcode": "0"}, "results": [{"message": "x" * (4 << 20)}]})
    found, reply = streamed(text, [8192] * 600)
    assert len(found[0]["message"]) == 4 << 20
    assert reply.exit_code == 0


def test_results_come_out_before_the_reply_is_complete() -> None:
    reader = ReplyReader(FIND)
    assert reader.feed('{"results": [{"lfn": "/a"}, {"lfn": "/') == [{"lfn": "/a"}]
    assert reader.feed('b"}') == [{"lfn": "/b"}]
