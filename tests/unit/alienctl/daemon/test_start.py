"""Directories that the client creates before it starts the daemon, which inherits the client's umask."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from alienctl.daemon.start import _open_private


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def umask() -> int:
    """The umask of this process."""
    found = os.umask(0)
    os.umask(found)
    return found


def test_a_directory_and_its_parents_are_private_under_any_umask(tmp_path: Path) -> None:
    os.close(_open_private(f"{tmp_path}/a/b"))
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "a/b")] == [0o700, 0o700]
    assert umask() == 0


def test_a_failure_leaves_the_umask_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        _open_private(f"{tmp_path}/file/a")
    assert umask() == 0
