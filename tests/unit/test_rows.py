"""The table of rows in the page about the incumbent client is what the tests say."""

from __future__ import annotations

import re

import pytest

from tests import rows


def test_the_page_is_what_is_generated() -> None:
    text = rows.PAGE.read_text(encoding="utf-8")
    content = rows.table(rows.titles(), rows.shown())
    assert rows.page(text, content) == text, "the table of rows is not up to date; run: make rows"


def test_rows_are_named_one_by_one_and_as_a_span() -> None:
    assert rows.ids("test_f066_f067_codes") == {"F066", "F067"}
    assert rows.ids("F010-F012 and F020: but not 0xF021 or F1234") == {"F010", "F011", "F012", "F020"}


def test_a_row_without_a_test_is_open() -> None:
    known = {"F001": {"title": "one"}, "F002": {"title": "two"}, "F003": {"title": "three", "different": "because"}}
    found = {"F001": {"tests/unit/test_one.py"}}
    assert rows.open_rows(known, found) == ["F002"]
    assert "| F001 | one | works | `unit/test_one.py` |" in rows.table(known, found)
    assert "| F003 | three | different: because |  |" in rows.table(known, found)


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="has no"):
        rows.page("nothing here", "table")


def test_every_row_has_a_title_of_its_own() -> None:
    known = rows.titles()
    assert all(re.fullmatch(r"F\d{3}", row) for row in known)
    listed = [entry["title"] for entry in known.values()]
    assert len(set(listed)) == len(listed)
