"""The table of rows in the page about the incumbent client is what the tests say."""

from __future__ import annotations

import re

import pytest

from tests import parity_table


def test_the_page_is_up_to_date() -> None:
    text = parity_table.PAGE.read_text(encoding="utf-8")
    content = parity_table.table(parity_table.titles(), parity_table.shown())
    assert parity_table.page(text, content) == text, "the table of rows is not up to date; run: make rows"


def test_rows_are_named_one_by_one_and_as_a_span() -> None:
    assert parity_table.ids("test_f066_f067_codes") == {"F066", "F067"}
    assert parity_table.ids("F010-F012 and F020: but not 0xF021 or F1234") == {"F010", "F011", "F012", "F020"}


def test_a_row_without_a_test_is_open() -> None:
    known = {"F001": {"title": "one"}, "F002": {"title": "two"}, "F003": {"title": "three", "different": "because"}}
    found = {"F001": {"tests/unit/test_one.py"}}
    assert parity_table.open_rows(known, found) == ["F002"]
    assert "| F001 | one | works | `unit/test_one.py` |" in parity_table.table(known, found)
    assert "| F003 | three | different: because |  |" in parity_table.table(known, found)


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="has no"):
        parity_table.page("nothing here", "table")


def test_every_row_has_its_own_title() -> None:
    known = parity_table.titles()
    assert all(re.fullmatch(r"F\d{3}", row) for row in known)
    listed = [entry["title"] for entry in known.values()]
    assert len(set(listed)) == len(listed)
