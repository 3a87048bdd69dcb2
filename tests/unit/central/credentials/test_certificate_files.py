"""Writing the user's certificate and key: modes, old files that are kept, links, and nothing by halves."""

from __future__ import annotations

import os
import stat
from datetime import datetime
from pathlib import Path

import pytest

from aliend.central.credentials.certificate_files import write_pair
from aliend.errors import ConfigurationError

TODAY = datetime(2026, 11, 28, 12, 0).astimezone()


def write(folder: Path, number: int = 1) -> list[Path]:
    certificate, key = folder / "usercert.pem", folder / "userkey.pem"
    return write_pair((certificate, f"certificate {number}"), (key, f"key {number}"), TODAY)


@pytest.mark.parametrize("umask", [0, 0o077])
def test_files_have_their_modes_under_any_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        assert write(tmp_path / ".globus") == []
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / ".globus" / name).stat().st_mode) for name in ("usercert.pem", "userkey.pem")]
    assert modes == [0o644, 0o600]
    assert stat.S_IMODE((tmp_path / ".globus").stat().st_mode) == 0o700
    assert sorted(file.name for file in (tmp_path / ".globus").iterdir()) == ["usercert.pem", "userkey.pem"]


def test_every_old_file_is_kept_under_its_own_name(tmp_path: Path) -> None:
    write(tmp_path, 1)
    first, second = write(tmp_path, 2), write(tmp_path, 3)
    assert [file.name for file in first] == ["userkey.pem.2026-11-28", "usercert.pem.2026-11-28"]
    assert [file.name for file in second] == ["userkey.pem.2026-11-28.1", "usercert.pem.2026-11-28.1"]
    assert [file.read_text() for file in (*first, *second)] == ["key 1", "certificate 1", "key 2", "certificate 2"]
    assert (tmp_path / "usercert.pem").read_text() == "certificate 3"


def test_a_link_is_replaced_and_its_target_untouched(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.pem"
    target.write_text("precious")
    (tmp_path / "usercert.pem").symlink_to(target)
    (kept,) = write(tmp_path)
    assert kept.is_symlink()
    assert target.read_text() == "precious"
    assert not (tmp_path / "usercert.pem").is_symlink()


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    write(tmp_path, 1)
    (tmp_path / "file").write_text("no directory")
    with pytest.raises(ConfigurationError, match="cannot write"):
        write_pair((tmp_path / "file/usercert.pem", "new"), (tmp_path / "userkey.pem", "new"), TODAY)
    assert (tmp_path / "userkey.pem").read_text() == "key 1"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "usercert.pem", "userkey.pem"]
