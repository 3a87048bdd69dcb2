"""Paths are resolved as the service resolves them, including its defects."""

from __future__ import annotations

import pytest

from aliend.sandbox.errors import CommandCrashError
from aliend.sandbox.state.paths import collapse, expand, parent, resolve

HOME, CWD = "/home/a/", "/home/a/work/"


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("x", "/home/a/work/x"),
        ("x/", "/home/a/work/x"),
        ("/", "/"),
        ("~", "/home/a"),
        ("~/x", "/home/a/x"),
        ("alien:///x", "/x"),
        ("alien:/x", "/x"),
        ("..", "/home/a"),
        ("../../b", "/home/b"),
        ("/a/..", "/"),
        ("./x/./y", "/home/a/work/x/y"),
        ("a//b///c", "/home/a/work/a/b/c"),
        (".", "/home/a/work/"),
        ("x/..y", "/home/a/worky"),
    ],
)
def test_a_path_is_resolved(path: str, meant: str) -> None:
    assert resolve(path, CWD, HOME) == meant


def test_without_a_current_directory_the_text_for_none_is_used() -> None:
    assert resolve("x", None, HOME) == "[none]/x"


def test_going_above_the_root_crashes() -> None:
    with pytest.raises(CommandCrashError, match="begin 0, end -1, length 3"):
        resolve("..", "/", HOME)


@pytest.mark.parametrize(("path", "plain"), [("/a//b/./c/../d", "/a/b/d"), ("/a/", "/a/"), ("/..", "/"), ("/", "/")])
def test_a_look_up_normalises_paths(path: str, plain: str) -> None:
    assert collapse(path) == plain


@pytest.mark.parametrize(("path", "above"), [("/a/b", "/a/"), ("/a/b/", "/a/"), ("/a", "/"), ("/", "/")])
def test_the_parent_of_a_path(path: str, above: str) -> None:
    assert parent(path) == above


def children(directory: str) -> list[tuple[str, bool]]:
    tree = {"/": [("a1", True), ("a2", True), ("a3", False)], "/a1/": [("x", False)], "/a2/": [(".x", False)]}
    return tree.get(directory, [])


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("/a*", ["/a1", "/a2", "/a3"]),
        ("/a?/x", ["/a1/x", "/a2/x"]),
        ("/*/*x", ["/a1/x", "/a2/.x"]),
        ("/a1/.", ["/a1/."]),
        ("/nosuch*", []),
    ],
)
def test_wildcards_are_expanded_component_by_component(pattern: str, found: list[str]) -> None:
    assert expand(pattern, children) == found
