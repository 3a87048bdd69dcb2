"""The output of commands and its serialization."""

from __future__ import annotations

import json

from aliend.sandbox.protocol.output import Output, document


def test_text_before_the_first_key_belongs_to_the_first_result() -> None:
    out = Output()
    out.line("header")
    out.key("name", "a")
    out.finish_result()
    out.key("name", "b")
    assert json.loads(document(out))["results"] == [{"message": "header", "name": "a"}, {"name": "b"}]


def test_empty_output_has_no_results() -> None:
    out = Output()
    out.finish_result()
    out.finish_result()
    assert json.loads(document(out))["results"] == []


def test_text_and_keys_can_be_muted() -> None:
    quiet, keyless = Output(mute_text=True), Output(mute_keys=True)
    for out in (quiet, keyless):
        out.line("text")
        out.key("name", "a")
    assert json.loads(document(quiet))["results"] == [{"name": "a"}]
    assert json.loads(document(keyless))["results"] == [{"message": "text"}]


def test_the_last_error_wins_and_a_warning_keeps_the_code() -> None:
    out = Output()
    out.fail(2, "/a")
    out.fail(5)
    assert (out.code, out.error) == (5, "Input/output error")
    calm = Output()
    calm.warn("careful\n")
    assert json.loads(document(calm))["metadata"] == {"exitcode": "0", "error": "careful\n"}


def test_slashes_and_odd_characters_are_escaped() -> None:
    out = Output()
    out.key("path", "/a\u2028\u007f\u00e9")
    assert r'"\/a\u2028\u007f' in document(out)
    assert "\u00e9" in document(out)
