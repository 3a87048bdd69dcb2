"""The files that are accepted as credentials, by owner and name."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aliend.central.credentials.pem_files import LARGEST, Planted, text_of
from aliend.core.connection.pem import PemFile, PemText
from tests.harness import needs_root

NOBODY = 65534


@contextmanager
def as_nobody() -> Iterator[None]:
    """Act as another user than root."""
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def shared() -> Iterator[Path]:
    """Create a directory that is writable for all users with the sticky bit, like /tmp."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o1777)
    yield folder
    shutil.rmtree(folder)


def put(folder: Path, owner: int, mode: int = 0o644) -> Path:
    file = folder / "token.pem"
    file.write_text("content")
    file.chmod(mode)
    os.chown(file, owner, owner)
    return file


@needs_root
def test_a_default_name_in_a_shared_directory_must_be_ours(shared: Path) -> None:
    file = put(shared, NOBODY)
    with pytest.raises(Planted, match="belongs to another user"):
        text_of(PemFile(str(file), is_default=True))
    with as_nobody():
        assert text_of(PemFile(str(file), is_default=True)) == "content"


@needs_root
@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_a_default_name_of_root_is_not_ours_whether_we_may_read_it_or_not(shared: Path, mode: int) -> None:
    file = put(shared, 0, mode)
    with as_nobody(), pytest.raises(Planted, match=r"uid 0"):
        text_of(PemFile(str(file), is_default=True))


@needs_root
def test_a_file_that_the_user_named_may_belong_to_root_and_be_a_link(shared: Path) -> None:
    link = shared / "link.pem"
    link.symlink_to(put(shared, 0))
    with as_nobody():
        assert text_of(PemFile(str(link))) == "content"


@needs_root
def test_a_default_name_in_the_home_may_belong_to_root_and_be_a_link(shared: Path) -> None:
    home = shared / "home"
    home.mkdir(0o755)
    os.chown(home, NOBODY, NOBODY)
    link = home / "usercert.pem"
    link.symlink_to(put(home, 0))
    with as_nobody():
        assert text_of(PemFile(str(link), is_default=True)) == "content"


def test_a_link_of_ours_under_a_default_name_in_a_shared_directory_is_not_followed(shared: Path) -> None:
    link = shared / "link.pem"
    link.symlink_to(put(shared, os.geteuid()))
    with pytest.raises(Planted, match="is a symbolic link"):
        text_of(PemFile(str(link), is_default=True))
    assert text_of(PemFile(str(link))) == "content"


@pytest.mark.parametrize("is_default", [True, False])
def test_a_fifo_a_device_a_directory_and_a_huge_file_are_rejected_immediately(shared: Path, is_default: bool) -> None:
    os.mkfifo(shared / "fifo")
    (shared / "directory").mkdir()
    (shared / "huge").write_bytes(bytes(LARGEST + 1))
    (shared / "large").write_bytes(b"x" * LARGEST)
    for name, error in (
        ("fifo", "not a regular file"),
        ("directory", "not a regular file"),
        ("huge", "more than 256 KiB"),
    ):
        with pytest.raises((OSError, Planted), match=error):
            text_of(PemFile(str(shared / name), is_default=is_default))
    with pytest.raises(OSError, match="not a regular file"):
        text_of(PemFile("/dev/zero"))
    assert len(text_of(PemFile(str(shared / "large"), is_default=is_default))) == LARGEST


def test_a_missing_file_is_not_reported_as_planted(shared: Path) -> None:
    for is_default in (True, False):
        with pytest.raises(FileNotFoundError):
            text_of(PemFile(str(shared / "none"), is_default=is_default))


def test_a_name_with_a_nul_byte_is_refused_like_any_other() -> None:
    with pytest.raises(OSError, match="NUL"):
        text_of(PemFile("/tmp/a\0b"))


def test_text_is_content() -> None:
    assert text_of(PemText("/etc/passwd\n")) == "/etc/passwd\n"
