"""The listing requested from the service contains every selected file."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from aliend.core.catalogue.selection import Candidate, Selection, regex_of_name

NAMES = st.text("ab/._%*\\", min_size=1, max_size=12)
PATTERNS = st.text("ab/._%*\\", min_size=1, max_size=6)
REGEXES = st.lists(
    st.sampled_from(["a", "b", "/", "_", "%", ".", r"\.", r"\\", ".*", ".+", "^", "$", "a*", "[ab]", "a|b"])
)


def found(pattern: str, below: str) -> bool:
    """Return whether the service's `find` lists a file: by a substring of its name; `_` is any character."""
    text = "".join(".*" if sign in "*%" else "." if sign == "_" else re.escape(sign) for sign in pattern)
    return re.search(text, below, re.DOTALL) is not None


@given(PATTERNS, NAMES)
def test_files_that_a_pattern_fits_are_asked_for(pattern: str, below: str) -> None:
    selection = Selection(glob=pattern)
    if selection.matches(Candidate(below)):
        assert found(selection.service_pattern, below)


@given(REGEXES, NAMES)
def test_files_that_a_regular_expression_fits_are_asked_for(pieces: list[str], below: str) -> None:
    selection = Selection(regex="".join(pieces))
    if selection.regex and selection.matches(Candidate(below)):
        assert found(selection.service_pattern, below)


@given(st.text("ab.", min_size=1, max_size=3), st.text("ab.", min_size=1, max_size=3), NAMES)
def test_files_that_match_the_name_are_requested(begin: str, extension: str, below: str) -> None:
    words = f"begin_{begin}_ext_{extension}"
    selection = Selection(regex=regex_of_name(words), literal=max(begin, extension, key=len))
    if selection.matches(Candidate(below)):
        assert found(selection.service_pattern, below)
