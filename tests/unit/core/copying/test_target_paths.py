"""The target path of each source."""

from __future__ import annotations

import pytest

from aliend.core.copying.target_paths import TargetRule, check_target, join, target_root, without_common_parents
from aliend.errors import CopyError


@pytest.mark.parametrize(
    ("source", "aim", "expected"),
    [
        ("/a/f", TargetRule("/t", False), "/t"),
        ("/a/f", TargetRule("/t", True), "/t/f"),
        ("/a/f", TargetRule("/t/", True), "/t/f"),
        ("/a/f", TargetRule("/", True), "/f"),
        ("/a/b/f", TargetRule("/t", True, parents=1), "/t/b/f"),
        ("/a/b/f", TargetRule("/t", True, parents=99), "/t/a/b/f"),
        ("/a/b/f", TargetRule("/t", True, strip_components=1), "/t/b/f"),
        ("/a/b/f", TargetRule("/t", True, parents=9, strip_components=99), "/t/f"),
        ("/a/b/f", TargetRule("/t", False, parents=2), "/t"),
    ],
)
def test_a_file_is_copied_to_the_target_or_into_it(source: str, aim: TargetRule, expected: str) -> None:
    assert join(aim.target, aim.for_file(source)) == expected


@pytest.mark.parametrize(
    ("source", "aim", "expected"),
    [
        ("/a/d", TargetRule("/t", False), "/t/d/s/f"),
        ("/a/d/", TargetRule("/t", False), "/t/s/f"),
        ("/", TargetRule("/t", True), "/t/s/f"),
        ("/a/d/", TargetRule("/t", True, parents=1), "/t/d/s/f"),
        ("/a/d", TargetRule("/t", True, parents=1), "/t/a/d/s/f"),
        ("/a/d/", TargetRule("/t", True, parents=99), "/t/a/d/s/f"),
        ("/a/d", TargetRule("/t", True, strip_components=1), "/t/d/s/f"),
        ("/a/d/", TargetRule("/t", True, strip_components=2), "/t/s/f"),
    ],
)
def test_a_directory_is_created_or_with_a_slash_only_its_contents_copied(
    source: str, aim: TargetRule, expected: str
) -> None:
    assert join(aim.target, aim.for_child(source, "s/f")) == expected


def test_several_sources_need_a_directory() -> None:
    check_target(1, "/t", is_directory=False)
    check_target(2, "/t", is_directory=True)
    with pytest.raises(CopyError, match="to create it"):
        check_target(2, "/t", is_directory=False)


@pytest.mark.parametrize(
    ("target", "root"), [("/t/a", "/t/"), ("/t/u/a", "/t/u"), ("/t/u", "/t/u"), ("/t/ux", "/t/"), ("/v/a", "/v/a")]
)
def test_a_file_belongs_to_the_nearest_target_above_it(target: str, root: str) -> None:
    assert target_root(target, ("/t/", "/t/u")) == root


@pytest.mark.parametrize(
    ("sources", "rest"),
    [
        (("/a/b/x", "/a/c/y"), ["b/x", "c/y"]),
        (("/a/b/x", "/a/b/y/"), ["x", "y/"]),
        (("/a/b/x",), ["x"]),
        (("/a/b", "/a/b/c"), ["b", "b/c"]),
    ],
)
def test_common_parents_of_sources_are_left_out(sources: tuple[str, ...], rest: list[str]) -> None:
    assert without_common_parents(sources) == rest
