"""Private files are never readable for others, and are written only to their own path."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aliend.central.credentials.private_files import remove, write_all
from aliend.errors import ConfigurationError


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("no_umask")
def test_f038_file_is_private_under_umask_zero_and_replaces_an_older_one(tmp_path: Path) -> None:
    for text in ("one", "two"):
        write_all({str(tmp_path / "key"): text})
        assert (tmp_path / "key").read_text() == text
        assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o400
    assert [file.name for file in tmp_path.iterdir()] == ["key"]


def test_f038_file_is_made_new_and_private_from_its_first_instant(tmp_path: Path) -> None:
    code = (
        "import sys; from aliend.central.credentials.private_files import write_all; write_all({sys.argv[1]: 'secret'})"
    )
    traced = subprocess.run(
        ["strace", "-f", "-e", "trace=openat,open,rename", sys.executable, "-c", code, str(tmp_path / "key")],
        capture_output=True,
        text=True,
        check=True,
        umask=0,
        timeout=60,
    ).stderr
    (opened,) = [line for line in traced.splitlines() if ".key." in line and "O_CREAT" in line]
    assert "O_EXCL" in opened
    assert "O_NOFOLLOW" in opened
    assert ", 0600)" in opened


@pytest.mark.parametrize("dangling", [True, False])
def test_f038_link_is_rejected_and_its_target_unchanged(tmp_path: Path, dangling: bool) -> None:
    target = tmp_path / "target"
    if not dangling:
        target.write_text("mine")
    (tmp_path / "key").symlink_to(target)
    with pytest.raises(ConfigurationError, match="symbolic link"):
        write_all({str(tmp_path / "cert"): "c", str(tmp_path / "key"): "k"})
    assert target.exists() is not dangling
    assert not (tmp_path / "cert").exists()
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]


def test_a_directory_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "key").mkdir()
    with pytest.raises(ConfigurationError, match="not a regular file"):
        write_all({str(tmp_path / "key"): "k"})


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot write .*: No such file"):
        write_all({str(tmp_path / "none/key"): "k"})


def test_removing_returns_whether_a_file_existed(tmp_path: Path) -> None:
    write_all({str(tmp_path / "key"): "k"})
    assert remove(str(tmp_path / "key"))
    assert not remove(str(tmp_path / "key"))
