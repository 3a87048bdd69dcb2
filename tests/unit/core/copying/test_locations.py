"""The arguments of `cp` as sources, target and storage specification."""

from __future__ import annotations

import pytest

from aliend.core.copying.locations import (
    PathContext,
    ResolvedPath,
    direction_of,
    is_relative_local,
    require_explicit_target,
    resolve_path,
)
from aliend.errors import UsageError

PLACE = PathContext("/alice/dir/", "/alice/home/", "/tmp/here", "/home/me")


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("file:x", "/tmp/here/x"),
        ("file:./x/", "/tmp/here/x/"),
        ("file:/x", "/x"),
        ("file://x", "/tmp/here/x"),
        ("file:///x", "/x"),
        ("file:////x", "/x"),
        ("file:at@sign,comma", "/tmp/here/at@sign,comma"),
        ("file:a/../b", "/tmp/here/b"),
        ("file:x@disk:2", "/tmp/here/x@disk:2"),
        ("file:~/x", "/home/me/x"),
        ("file:~", "/home/me"),
        ("file:~bob/x", "/tmp/here/~bob/x"),
        ("file:/data/profile:1/file//x", "/data/profile:1/file/x"),
        ("file:ünï", "/tmp/here/ünï"),
        ("file:", "/tmp/here/"),
        ("file://", "/tmp/here/"),
        ("file:.", "/tmp/here"),
        ("file:///", "/"),
        ("file::", "/tmp/here/"),
        ("file::/x", "/x"),
        ("file::x", "/tmp/here/x"),
        ("file:://x", "/tmp/here/x"),
        ("file:./:x", "/tmp/here/:x"),
        ("file:::x", "/tmp/here/:x"),
    ],
)
def test_a_local_name_begins_with_file(word: str, name: str) -> None:
    """F196, F197"""
    assert resolve_path(word, PLACE) == ResolvedPath("local", name)


@pytest.mark.parametrize(
    ("word", "name", "storage"),
    [
        ("x", "/alice/dir/x", ""),
        ("alien:///alice/x", "/alice/x", ""),
        ("alien:x", "/alice/dir/x", ""),
        ("~/x", "/alice/home/x", ""),
        ("%ALIEN/x", "/alice/home/x", ""),
        ("/%ALIEN/x", "/alice/home/x", ""),
        ("../x", "/alice/x", ""),
        (".", "/alice/dir/", ""),
        ("alien:////alice/x", "/alice/x", ""),
        ("alien://x", "/alice/dir/x", ""),
        ("/data/myalien:1", "/data/myalien:1", ""),
        ("/x@disk:1@ALICE::CERN::EOS", "/x", "disk:1,ALICE::CERN::EOS"),
        ("/alice/x@disk:2", "/alice/x", "disk:2"),
        ("/alice/x@disk=2,ALICE::CERN::EOS,!ALICE::A::B", "/alice/x", "disk:2,ALICE::CERN::EOS,!ALICE::A::B"),
        ("/alice/me@home", "/alice/me@home", ""),
        ("/alice/a,b@c@disk:1", "/alice/a,b@c", "disk:1"),
    ],
)
def test_every_other_name_is_an_lfn_with_its_storage_specification(word: str, name: str, storage: str) -> None:
    assert resolve_path(word, PLACE) == ResolvedPath("catalogue", name, storage)


MISSPELT = (
    *("disk2", "disk", "disk:", "disk:x", "disk:1;x", "disk:1,nonsense", "disk:1,", "disk:-1", "DISK 2", "disk:1 "),
    *("tape:one", "ALICE::CERN", "ALICE:CERN:EOS", "ALICE::CERN::", "!CERN", "!ALICE::CERN", "::", "disk:1@", ""),
)


@pytest.mark.parametrize("spec", MISSPELT)
@pytest.mark.parametrize("name", ["b.txt@{}", "/alice/d@{}/", "x@disk:1@{}", "x@{}@disk:1"])
def test_a_misspelt_storage_specification_is_refused(name: str, spec: str) -> None:
    with pytest.raises(UsageError, match=r"invalid storage specification.*\n.*--to"):
        resolve_path(name.format(spec), PLACE)
    assert resolve_path(name.format(spec), PLACE, no_storage=True).name.endswith(name.format(spec))


@pytest.mark.parametrize(
    "name", ["me@home", "a,b@c", "at@10:30.log", "x@v1.2", "mail@disk.root", "d@disk:2x/file", "y@2"]
)
def test_an_at_sign_may_occur_in_a_name(name: str) -> None:
    assert resolve_path(name, PLACE) == ResolvedPath("catalogue", f"/alice/dir/{name}")


@pytest.mark.parametrize("word", ["", "file:a\0b"])
def test_an_invalid_path_is_refused(word: str) -> None:
    with pytest.raises(UsageError):
        resolve_path(word, PLACE)


@pytest.mark.parametrize(
    ("word", "relative"),
    [
        ("file:x", True),
        ("file://x", True),
        ("file:/x", False),
        ("file:///x", False),
        ("file:////x", False),
        ("file::/x", False),
        ("file::x", True),
        ("file:", True),
        ("x", False),
    ],
)
def test_relative_local_paths_are_recognised(word: str, relative: bool) -> None:
    assert is_relative_local(word) is relative
    if word.startswith("file:"):
        assert (
            resolve_path(word, PLACE).name != resolve_path(word, PathContext("/", "/", "/elsewhere")).name
        ) is relative


def test_at_least_one_side_is_in_the_catalogue() -> None:
    here, there = ResolvedPath("local", "/a"), ResolvedPath("catalogue", "/b")
    assert (direction_of([there], here), direction_of([here, here], there)) == ("download", "upload")
    assert direction_of([there, there], there) == "copy"
    for sources, target in (([here], here), ([here, there], there)):
        with pytest.raises(UsageError):
            direction_of(sources, target)


def test_an_ambiguous_target_of_a_copy_within_the_catalogue_is_refused() -> None:
    for word in ("alien:x", "/alice/x"):
        require_explicit_target(word)
    for word in ("x", "./", "/tmp/x"):
        with pytest.raises(UsageError, match=f"alien:{word}.*file:{word}"):
            require_explicit_target(word)
