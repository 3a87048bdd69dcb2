"""Partial files of attempts on a cluster: one writer each, taken over by the next attempt, published by the daemon."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from aliend.errors import CopyError
from aliend.storage.io import attempt_files
from aliend.storage.io.partial_file import PartialFile
from aliend.storage.tasks import Download


def task_of(tmp_path: Path, attempt: int, size: int = 6) -> Download:
    return Download(7, (), str(tmp_path / "f"), size, "md5", "never", 0o022, attempt=attempt)


def names(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in tmp_path.iterdir())


def check() -> None:
    """Never stop."""


def test_later_attempts_are_safe_from_writes_of_a_lost_process(tmp_path: Path) -> None:
    with PartialFile.open(tmp_path / "f", 7, attempt=1) as lost:
        lost.append(b"abc")
        with PartialFile.open(tmp_path / "f", 7, attempt=2) as part:
            attempt_files.take_over(part, task_of(tmp_path, 2), check)
            assert part.length == 3
            lost.append(b"wrong")
            part.append(b"def")
            assert list(part.content()) == [b"abcdef"]
            with pytest.raises(FileNotFoundError):
                lost.rename(overwrite=True)
    assert names(tmp_path) == [".f.7-2.part"]


def test_the_file_of_an_attempt_that_ended_is_taken_over_by_renaming(tmp_path: Path) -> None:
    with PartialFile.open(tmp_path / "f", 7, attempt=1) as part:
        part.append(b"abc")
        inode = part.path.stat().st_ino
        attempt_files.release(part, task_of(tmp_path, 1))
    assert names(tmp_path) == [".f.7.part"]
    with PartialFile.open(tmp_path / "f", 7, attempt=2) as part:
        attempt_files.take_over(part, task_of(tmp_path, 2), check)
        part.append(b"def")
        assert (part.path.stat().st_ino, part.path.read_bytes()) == (inode, b"abcdef")
    assert names(tmp_path) == [".f.7-2.part"]


def test_without_a_checksum_nothing_is_resumed_and_nothing_remains(tmp_path: Path) -> None:
    (tmp_path / ".f.7-1.part").write_bytes(b"abc")
    with PartialFile.open(tmp_path / "f", 7, attempt=3) as part:
        attempt_files.take_over(part, replace(task_of(tmp_path, 3), md5=""), check)
        assert part.length == 0
    assert names(tmp_path) == [".f.7-3.part"]


def test_a_large_file_is_taken_over_completely(tmp_path: Path) -> None:
    content = os.urandom((33 << 20) + 5)
    (tmp_path / ".f.7-1.part").write_bytes(content)
    checks = []
    with PartialFile.open(tmp_path / "f", 7, attempt=2) as part:
        attempt_files.take_over(part, task_of(tmp_path, 2), lambda: checks.append(part.length))
        assert b"".join(part.content()) == content
    assert checks


def test_the_daemon_publishes_a_complete_file(tmp_path: Path) -> None:
    (tmp_path / ".f.7-2.part").write_bytes(b"abcdef")
    assert attempt_files.publish(task_of(tmp_path, 2)).size == 6
    assert names(tmp_path) == ["f"]


@pytest.mark.parametrize("left", [None, b"abc"])
def test_an_incomplete_or_missing_file_is_not_published(tmp_path: Path, left: bytes | None) -> None:
    if left is not None:
        (tmp_path / ".f.7-2.part").write_bytes(left)
    with pytest.raises(CopyError, match="on the worker of the cluster") as refused:
        attempt_files.publish(task_of(tmp_path, 2))
    assert refused.value.kind == "transient"
    assert not (tmp_path / "f").exists()


def test_a_target_that_exists_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / ".f.7-1.part").write_bytes(b"abcdef")
    (tmp_path / "f").write_bytes(b"mine")
    with pytest.raises(CopyError, match="exists and differs"):
        attempt_files.publish(task_of(tmp_path, 1))
    assert (tmp_path / "f").read_bytes() == b"mine"


def test_the_files_of_all_attempts_are_removed(tmp_path: Path) -> None:
    for name in (".f.7-1.part", ".f.7-3.part", ".f.8-1.part", ".f.7-4.part"):
        (tmp_path / name).touch()
    attempt_files.remove(tmp_path / "f", 7, 3)
    assert names(tmp_path) == [".f.7-4.part", ".f.8-1.part"]
