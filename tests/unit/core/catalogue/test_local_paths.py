"""Local paths for names of the catalogue."""

from __future__ import annotations

import pytest

from aliend.core.catalogue.local_paths import local_path, relative_to
from aliend.errors import CopyError


def no_link(path: str) -> bool:
    return False


def test_a_harmless_name_is_below_the_root() -> None:
    assert local_path("/data/", "a b/ü.root", no_link) == "/data/a b/ü.root"
    assert local_path("/", "f", no_link) == "/f"


@pytest.mark.parametrize(
    "name",
    ["..", "a/../b", "../a", "a/..", "/etc/passwd", "", "a//b", "a/", ".", "./a", "a\0b", "a\nb", "\x1b[2J", "\x9b"],
)
def test_a_hostile_name_is_refused(name: str) -> None:
    with pytest.raises(CopyError) as caught:
        local_path("/data", name, no_link)
    assert caught.value.kind == "permanent"
    assert "\x1b" not in str(caught.value)


def test_a_component_has_at_most_255_bytes() -> None:
    assert local_path("/data", "ü" * 127, no_link)
    with pytest.raises(CopyError):
        local_path("/data", "ü" * 128, no_link)


def test_only_a_link_between_the_root_and_the_last_component_is_refused() -> None:
    with pytest.raises(CopyError, match="is a symbolic link"):
        local_path("/data", "a/b/c", lambda path: path == "/data/a/b")
    assert local_path("/data", "a/b/c", lambda path: path in ("/data", "/data/a/b/c"))


def test_only_names_below_a_directory_have_a_relative_name() -> None:
    assert relative_to("/a/d", "/a/d/x/y") == "x/y"
    with pytest.raises(CopyError):
        relative_to("/a/d", "/a/dx/y")
