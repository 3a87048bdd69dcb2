"""Private directories and the lock."""

from __future__ import annotations

from pathlib import Path

import pytest

from aliend.errors import ConfigurationError
from aliend.lifecycle.state_directory import take_lock
from aliend.private_directories import make_private


def test_a_missing_directory_is_made_private(tmp_path: Path) -> None:
    make_private(str(tmp_path / "a/b"))
    assert (tmp_path / "a/b").stat().st_mode & 0o777 == 0o700


def test_our_directory_with_an_open_mode_is_made_private(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    make_private(str(tmp_path / "open"))
    assert (tmp_path / "open").stat().st_mode & 0o777 == 0o700


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(ConfigurationError, match="link"):
        make_private(str(tmp_path / "link"))


def test_a_file_instead_of_the_directory_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="file"):
        make_private(str(tmp_path / "file"))


def test_the_lock_is_held_once(tmp_path: Path) -> None:
    first = take_lock(str(tmp_path))
    assert first is not None
    assert take_lock(str(tmp_path)) is None
    first.close()
    second = take_lock(str(tmp_path))
    assert second is not None
    second.close()
