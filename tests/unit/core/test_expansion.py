"""Which target belongs to which source."""

from __future__ import annotations

import pytest

from aliend.core.expansion import check_target, joined, relative_in_directory, relative_of_file
from aliend.errors import CopyError


@pytest.mark.parametrize(
    ("source", "target", "is_directory", "expected"),
    [
        ("/a/f", "/t", False, "/t"),
        ("/a/f", "/t", True, "/t/f"),
        ("/a/f", "/t/", True, "/t/f"),
        ("/a/f", "/", True, "/f"),
    ],
)
def test_a_file_becomes_the_target_or_goes_into_it(source: str, target: str, is_directory: bool, expected: str) -> None:
    assert joined(target, relative_of_file(source, into_directory=is_directory)) == expected


@pytest.mark.parametrize(("source", "expected"), [("/a/d", "/t/d/s/f"), ("/a/d/", "/t/s/f"), ("/", "/t/s/f")])
def test_a_directory_is_made_and_with_a_slash_only_its_contents(source: str, expected: str) -> None:
    assert joined("/t", relative_in_directory(source, "s/f")) == expected


def test_several_sources_need_a_directory() -> None:
    check_target(1, "/t", is_directory=False)
    check_target(2, "/t", is_directory=True)
    with pytest.raises(CopyError, match="end it with /"):
        check_target(2, "/t", is_directory=False)
