"""Private places: what stays of them and what goes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from aliend.errors import CopyError
from aliend.scratch_files import Scratch


def edited(scratch: Scratch, before: str, now: str) -> Path:
    place = scratch.directory_to_edit(hashlib.md5(before.encode(), usedforsecurity=False).hexdigest())
    (place / "text").write_text(now)
    return place


def test_f174_a_place_is_private_and_goes(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "scratch")
    with scratch.directory() as place:
        (place / "file").write_text("x")
        assert (place.stat().st_mode & 0o777, place.parent.stat().st_mode & 0o777) == (0o700, 0o700)
    assert not place.exists()


def test_f174_the_next_daemon_keeps_only_what_an_editor_changed_or_is_at(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "scratch")
    changed, same, open_, unknown = (
        edited(scratch, "one", "two"),
        edited(scratch, "one", "one"),
        edited(scratch, "one", "one"),
        edited(scratch, "", "one"),
    )
    (open_ / ".text.swp").write_text("")
    (tmp_path / "scratch" / "file-x").mkdir()
    scratch.remove_leftovers()
    assert sorted((tmp_path / "scratch").iterdir()) == sorted([changed, open_, unknown])
    assert not same.exists()


def test_f173_a_text_is_kept_until_it_is_settled(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "scratch")
    place = edited(scratch, "one", "two")
    (place / "text~").write_text("one")
    assert scratch.remove_unless_edited(place, settled=False) == place / "text"
    assert scratch.remove_unless_edited(place, settled=True) is None
    assert not place.exists()
    assert scratch.remove_unless_edited(edited(scratch, "one", "one"), settled=False) is None


def test_a_directory_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    (tmp_path / "scratch").symlink_to(tmp_path)
    with pytest.raises(CopyError, match="not a directory"), Scratch(tmp_path / "scratch").directory():
        raise AssertionError("there is no place")
