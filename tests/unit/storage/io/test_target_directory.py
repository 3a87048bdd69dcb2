"""The directory of a target, when it is moved or replaced during a download."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aliend.core.catalogue.file_system import Directory
from aliend.errors import CopyError
from aliend.storage.io.partial_file import PartialFile, remove_partial
from aliend.storage.io.target_directory import TargetDirectory, require_recorded


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A directory, beside one to which a link may lead."""
    for name in ("out", "elsewhere"):
        (tmp_path / name).mkdir()
    return tmp_path / "out"


def recorded(path: Path) -> Directory:
    return Directory(str(path), path.stat().st_ino)


def put_link(out: Path) -> None:
    out.symlink_to(out.with_name("elsewhere"))


def put_nothing(_: Path) -> None:
    """Leave the name free."""


CHANGES = pytest.mark.parametrize("change", [put_link, Path.mkdir, put_nothing])


@CHANGES
@pytest.mark.parametrize("overwrite", [True, False])
def test_a_directory_that_is_replaced_while_a_file_is_written_keeps_nothing_of_it(
    out: Path, change: Callable[[Path], None], overwrite: bool
) -> None:
    with PartialFile.open(out / "f", 1) as part:
        part.append(b"abc")
        out.rename(moved := out.with_name("moved"))
        change(out)
        with pytest.raises(CopyError, match="out/f: its directory was moved or replaced") as caught:
            part.publish(0o022, overwrite=overwrite)
    assert caught.value.kind == "permanent"
    for place in (moved, out, out.with_name("elsewhere")):
        assert not place.exists() or not list(place.iterdir())


@CHANGES
def test_a_directory_replaced_before_its_file_is_opened_is_refused(out: Path, change: Callable[[Path], None]) -> None:
    above = recorded(out)
    require_recorded(str(out / "f"), above)
    out.rename(out.with_name("moved"))
    change(out)
    with pytest.raises(CopyError, match="moved or replaced"):
        require_recorded(str(out / "f"), above)
    with pytest.raises(CopyError, match="moved or replaced"), PartialFile.open(out / "f", 1, above, 0o022):
        raise AssertionError("opened")
    assert not list(out.with_name("elsewhere").iterdir())


def test_a_partial_file_behind_a_link_is_not_removed(out: Path) -> None:
    above = recorded(out)
    out.rename(out.with_name("moved"))
    put_link(out)
    (behind := out / ".f.1.part").write_bytes(b"abc")
    with pytest.raises(CopyError, match="moved or replaced"):
        remove_partial(out / "f", 1, above=above)
    assert behind.exists()


def test_missing_directories_are_created_below_the_recorded_one_and_links_are_refused(out: Path) -> None:
    with TargetDirectory.open(out / "a/b/f", recorded(out), 0o027):
        assert (out / "a/b").is_dir()
    assert (out / "a").stat().st_mode & 0o777 & ~0o750 == 0
    (out / "a/b").rmdir()
    (out / "a/b").symlink_to(out.with_name("elsewhere"))
    with (
        pytest.raises(CopyError, match=r"a/b' is a symbolic link"),
        TargetDirectory.open(out / "a/b/c/f", recorded(out), 0o022),
    ):
        raise AssertionError("opened")
    assert not list(out.with_name("elsewhere").iterdir())


def test_a_link_that_the_user_chose_as_target_is_followed(out: Path) -> None:
    (chosen := out.with_name("chosen")).symlink_to(out)
    with PartialFile.open(chosen / "f", 1, recorded(chosen), 0o022) as part:
        part.append(b"abc")
        part.publish(0o022, overwrite=False)
    assert (out / "f").read_bytes() == b"abc"
