"""Directories of ours in places where others can create the usual name first."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from alienctl import transport
from aliend.errors import ConfigurationError
from aliend.lifecycle.state_directory import take_lock
from aliend.private_directories import make_private
from aliend.temporary_directories import own_directory

OTHER = 12345
RULES = pytest.mark.parametrize("rule", [own_directory, transport.own_directory], ids=["daemon", "client"])
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can create files of another user")


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A directory in which everybody may create names."""
    place = tmp_path / "shared"
    place.mkdir()
    place.chmod(0o1777)
    return place


def plant(path: Path, kind: str) -> None:
    """Create what another user may have left under a name."""
    match kind:
        case "directory":
            path.mkdir(mode=0o777)
        case "link":
            (path.parent / "elsewhere").mkdir(exist_ok=True)
            path.symlink_to("elsewhere")
        case "file":
            path.touch()
        case "open":
            path.mkdir()
            path.chmod(0o777)
    if kind != "open":
        os.chown(path, OTHER, OTHER, follow_symlinks=False)


@RULES
def test_the_usual_place_is_used_if_it_is_free_or_ours(shared: Path, rule: Callable[[str], str]) -> None:
    usual = shared / "aliend-7"
    assert rule(str(usual)) == str(usual)
    assert not usual.exists()
    usual.mkdir(mode=0o700)
    assert rule(str(usual)) == str(usual)


@ROOT_ONLY
@RULES
@pytest.mark.parametrize("kind", ["directory", "link", "file", "open"])
def test_a_place_that_is_not_ours_is_replaced_and_the_substitute_found_again(
    shared: Path, rule: Callable[[str], str], kind: str
) -> None:
    usual = shared / "aliend-7"
    plant(usual, kind)
    plant(shared / "aliend-7-0000000000000000", kind)
    for name in ("aliend-77-ffffffffffffffff", "aliend-7-backup", "aliend-7-0", "aliend-7-000000000000000G"):
        (shared / name).mkdir(mode=0o700)
    found = rule(str(usual))
    assert found.startswith(f"{usual}-")
    assert Path(found).lstat().st_uid == os.geteuid()
    assert Path(found).lstat().st_mode & 0o777 == 0o700
    assert [other(str(usual)) for other in (own_directory, transport.own_directory)] == [found, found]
    usual.rmdir() if usual.is_dir() and not usual.is_symlink() else usual.unlink()
    assert [other(str(usual)) for other in (own_directory, transport.own_directory)] == [found, found]


@ROOT_ONLY
@pytest.mark.parametrize("kind", ["directory", "link", "file", "open"])
def test_nothing_is_created_below_a_directory_that_others_can_change(shared: Path, kind: str) -> None:
    plant(shared / "planted", kind)
    with pytest.raises(ConfigurationError, match="planted"):
        make_private(str(shared / "planted/a/b"))
    assert not (shared / "planted/a").exists()


def test_directories_below_a_sticky_one_that_are_ours_are_accepted(shared: Path) -> None:
    make_private(str(shared / "ours/a/b"))
    make_private(str(shared / "ours/a/b"))
    assert (shared / "ours/a/b").is_dir()


@ROOT_ONLY
def test_the_target_of_a_link_is_checked(shared: Path, tmp_path: Path) -> None:
    plant(shared / "planted", "directory")
    (tmp_path / "state").symlink_to(shared / "planted")
    with pytest.raises(ConfigurationError, match="planted"):
        make_private(str(tmp_path / "state/default"))


@ROOT_ONLY
def test_a_lock_of_another_user_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    os.chown(tmp_path / "lock", OTHER, OTHER)
    with pytest.raises(ConfigurationError, match="uid 12345"):
        take_lock(str(tmp_path))


def test_a_link_of_ours_to_a_place_of_ours_is_followed(shared: Path, tmp_path: Path) -> None:
    (shared / "ours").mkdir(mode=0o700)
    (tmp_path / "state").symlink_to(shared / "ours")
    make_private(str(tmp_path / "state/default"))
    assert (shared / "ours/default").is_dir()


@RULES
def test_the_usual_place_is_returned_if_its_parent_is_unreadable(
    rule: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (usual := tmp_path / "aliend-1").write_text("not a directory")

    def refuse(*_: object) -> None:
        raise PermissionError

    for name in ("listdir", "scandir"):
        monkeypatch.setattr(os, name, refuse)
    assert rule(str(usual)) == str(usual)
