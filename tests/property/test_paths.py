"""Path arithmetic over hostile names."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from aliend.core.catalogue.paths import is_below, join, name, parent, resolve, without_slash

parts = st.sampled_from(
    ["a", "..", ".", "", "~", "%ALIEN", "alien:", "alien://", "...", "..x", "b c", "é", "*", "\n", "-r"]
)
texts = st.lists(parts, max_size=8).map("/".join) | st.text(max_size=30)
directories = st.sampled_from(["/", "/alice/", "/alice/cern.ch/user/a/alice/", "/alice/data"])
names = st.text(min_size=1, max_size=20).filter(lambda text: "/" not in text and text not in (".", ".."))


@given(texts, directories, directories)
@example("alien:////x", "/", "/")
@example("/../../..", "/", "/")
def test_a_resolved_path_is_absolute_and_canonical(text: str, directory: str, home: str) -> None:
    path = resolve(text, directory, home)
    assert path.startswith("/")
    assert "//" not in path
    assert not {".", ".."} & set(path.split("/"))


@given(texts, directories, directories)
def test_resolving_twice_changes_nothing_more(text: str, directory: str, home: str) -> None:
    path = resolve(text, directory, home)
    assert resolve(path, "/elsewhere/", "/nowhere/") == path or path.lstrip("/").startswith("%ALIEN")


@given(st.lists(names, min_size=1, max_size=5), directories)
def test_a_plain_relative_name_is_below_its_directory(relative: list[str], directory: str) -> None:
    path = resolve("./" + "/".join(relative), directory, "/home/")
    assert is_below(path, directory)
    assert path == join(directory, "/".join(relative))


@given(directories, names)
def test_parent_and_name_take_apart_what_join_puts_together(directory: str, last: str) -> None:
    lfn = join(directory, last)
    assert without_slash(parent(lfn)) == without_slash(directory)
    assert name(lfn) == last
    assert is_below(lfn, parent(lfn))


@given(directories)
def test_nothing_is_below_itself(directory: str) -> None:
    assert not is_below(directory, directory)
    assert not is_below(without_slash(directory), directory)
