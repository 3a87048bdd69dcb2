"""The limits of the texts in a request for a job."""

from __future__ import annotations

import pytest

from aliend.errors import UsageError
from aliend.services.messages.submit import MAX_EXCLUDED, MAX_TEXT, SELECTION_LISTS, SELECTION_TEXTS, selection_of
from aliend.v1.transfers_pb2 import Selection

LONG = "x" * (MAX_TEXT + 1)


@pytest.mark.parametrize("name", SELECTION_TEXTS)
def test_a_long_text_of_a_selection_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"selection: {name} has at most {MAX_TEXT} characters, not {MAX_TEXT + 1}"):
        selection_of(Selection(**{name: LONG}))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SELECTION_LISTS)
def test_many_or_long_texts_that_exclude_files_are_refused(name: str) -> None:
    many = ["x"] * (MAX_EXCLUDED + 1)
    for texts, problem in ((many, f"{MAX_EXCLUDED} texts, not {len(many)}"), ([LONG], f"{MAX_TEXT} characters")):
        with pytest.raises(UsageError, match=f"selection: {name} has at most {problem}"):
            selection_of(Selection(**{name: texts}))  # type: ignore[arg-type]
    selection_of(Selection(**{name: many[:-1]}))  # type: ignore[arg-type]


def test_every_text_of_a_selection_has_a_limit() -> None:
    texts = {field.name for field in Selection.DESCRIPTOR.fields if field.type == field.TYPE_STRING}
    assert texts == {*SELECTION_TEXTS, *SELECTION_LISTS}
