"""The search for certificates: directories and file types."""

from __future__ import annotations

import os
from pathlib import Path

from aliend.central.credentials.certificate_search import find, usual_directories
from tests.harness import needs_root


def put(path: Path, age: int, content: str = "x") -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    os.utime(path, (1_000_000 - age, 1_000_000 - age))
    return path


def test_the_newest_is_first_and_endings_are_those_of_browsers(tmp_path: Path) -> None:
    names = ["old.pfx", "myCertificate (1).p12", "NEW.P12"]
    for age, name in zip((3, 2, 1), names, strict=True):
        put(tmp_path / name, age)
    for other in ("notes.txt", "x.p12.part", ".hidden"):
        put(tmp_path / other, 0)
    (tmp_path / "folder.p12").mkdir()
    os.mkfifo(tmp_path / "fifo.p12")
    put(tmp_path / "empty.p12", 0, "")
    put(tmp_path / "video.p12", 0, "x" * 300_000)
    assert [found.path.name for found in find([tmp_path], tmp_path)] == list(reversed(names))


def test_a_pair_is_found_unless_it_is_already_used(tmp_path: Path) -> None:
    for place in ("home", "globus"):
        put(tmp_path / place / "usercert.pem", 1)
        put(tmp_path / place / "userkey.pem", 1)
    places = [tmp_path / "home", tmp_path / "globus"]
    (found,) = find(places, tmp_path / "globus/usercert.pem")
    assert (found.path, found.key) == (tmp_path / "home/usercert.pem", tmp_path / "home/userkey.pem")
    (tmp_path / "home/userkey.pem").unlink()
    assert find(places, tmp_path / "globus/usercert.pem") == []


def test_a_file_is_found_once_however_it_is_reached(tmp_path: Path) -> None:
    put(tmp_path / "a/x.p12", 1)
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert [found.path for found in find([tmp_path / "a", tmp_path / "b"], tmp_path)] == [tmp_path / "a/x.p12"]


def test_the_download_directory_has_the_name_of_the_desktops_language(tmp_path: Path) -> None:
    for name in ("Downloads", "Téléchargements", ".config", ".globus", "work"):
        (tmp_path / name).mkdir()
    (tmp_path / ".config/user-dirs.dirs").write_text('# x\nXDG_DOWNLOAD_DIR="$HOME/Téléchargements"\n')
    places = usual_directories(tmp_path, tmp_path / ".config", tmp_path / "work")
    assert [place.name for place in places[:3]] == [".globus", "Downloads", "Téléchargements"]
    assert places[3:] == [tmp_path, tmp_path / "work"]


@needs_root
def test_files_of_other_users_are_left_out(tmp_path: Path) -> None:
    put(tmp_path / "mine.p12", 1)
    os.chown(put(tmp_path / "theirs.p12", 0), 65534, 65534)
    assert [found.path.name for found in find([tmp_path], tmp_path)] == ["mine.p12"]


def test_places_that_are_not_there_are_left_out(tmp_path: Path) -> None:
    assert usual_directories(tmp_path, tmp_path / ".config", tmp_path) == [tmp_path]
