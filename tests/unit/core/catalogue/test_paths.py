"""Resolution of LFNs."""

from __future__ import annotations

import pytest

from aliend.core.catalogue.paths import has_wildcard, is_below, is_misread, join, name, parent, resolve, without_slash

HOME = "/alice/cern.ch/user/a/alice/"
HERE = "/alice/data/2024/"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("/alice/sim", "/alice/sim"),
        ("runs", "/alice/data/2024/runs"),
        ("runs/", "/alice/data/2024/runs/"),
        ("", "/alice/data/2024"),
        (".", "/alice/data/2024/"),
        ("..", "/alice/data/"),
        ("../2023/x", "/alice/data/2023/x"),
        ("../../../../../..", "/"),
        ("/", "/"),
        ("//alice///sim/./x/../y", "/alice/sim/y"),
        ("~", "/alice/cern.ch/user/a/alice"),
        ("~/", "/alice/cern.ch/user/a/alice/"),
        ("~/f", "/alice/cern.ch/user/a/alice/f"),
        ("~bob/f", "/alice/data/2024/~bob/f"),
        ("%ALIEN", "/alice/cern.ch/user/a/alice"),
        ("/%ALIEN/f", "/alice/cern.ch/user/a/alice/f"),
        ("%ALIENATED", "/alice/data/2024/%ALIENATED"),
        ("alien:/alice/x", "/alice/x"),
        ("alien:///alice/x", "/alice/x"),
        ("alien:////alice/x", "/alice/x"),
        ("alien:x", "/alice/data/2024/x"),
        ("alien://x", "/alice/data/2024/x"),
        ("alien:~/x", "/alice/cern.ch/user/a/alice/x"),
        ("/alice/alien:x/alien://y", "/alice/alien:x/alien:/y"),
        ("..x/...", "/alice/data/2024/..x/..."),
        ("a b", "/alice/data/2024/a b"),
    ],
)
def test_a_name_is_resolved_as_the_service_would(text: str, meant: str) -> None:
    assert resolve(text, HERE, HOME) == meant


def test_names_are_split() -> None:
    assert (parent("/a/b/c/"), name("/a/b/c/")) == ("/a/b/", "c")
    assert (parent("/a"), name("/a")) == ("/", "a")
    assert (parent("/"), name("/"), without_slash("/")) == ("/", "", "/")
    assert join("/a/", "b") == join("/a", "/b") == "/a/b"


def test_a_sibling_with_a_longer_name_is_not_below() -> None:
    assert is_below("/a/b/c", "/a/b")
    assert not is_below("/a/bc", "/a/b")
    assert is_below("/a", "/")


def test_wildcards_are_stars_and_question_marks() -> None:
    assert has_wildcard("/a/*.root")
    assert has_wildcard("/a/?")
    assert not has_wildcard("/a/[x]+.root")


def test_names_that_only_begin_with_two_dots_are_misread_by_the_service() -> None:
    assert all(map(is_misread, ("..x", "/a/..x", "/a/..x/b", "../...", "..,", "... and")))
    assert not any(map(is_misread, ("..", "../x", "/a/../b", ".x", "x..", "x..y/z", "/", "")))
