"""The meaning of `file:` without a name, and hints for local names without `file:`."""

from __future__ import annotations

import pytest

from tests.harness import User


@pytest.mark.parametrize("word", ["file:", "file://", "file::", "file:."])
def test_file_without_a_name_is_the_current_directory(user: User, word: str) -> None:
    user.must("cp", "data/run1/part00.root", word)
    assert (user.home / "part00.root").stat().st_size == 3072


def test_behind_a_second_colon_stands_the_name(user: User, folder: str) -> None:
    source = "/alice/cern.ch/user/a/alice/data/run1/part00.root"
    user.must("cp", source, f"file::{user.home}/absolute")
    user.must("cp", source, "file::relative")
    user.must("cp", "file::relative", "alien:up")
    assert (user.home / "absolute").read_bytes() == (user.home / "relative").read_bytes()
    assert not (user.home / ":").exists()


@pytest.mark.parametrize("target", ["alien:there", "there", "file:here"])
def test_a_local_file_without_file_is_pointed_to(user: User, folder: str, target: str) -> None:
    (user.home / "mine").write_text("seven")
    done = user.run("cp", "mine", target)
    assert done.returncode in (2, 22)
    assert "cp: mine is a local file; to copy it, write file:mine\n" in done.stderr
    assert "is a local file" not in user.run("cp", "nothing", target).stderr


def test_the_jobs_that_have_ended_are_listed_as_suggested(user: User) -> None:
    user.must("cp", "data/run1/part00.root", "file:x")
    assert "`alienctl transfers --all`" in user.run("transfers").stderr
    assert " done " in user.must("transfers", "--all")
    assert user.run("transfers", "--nonsense").returncode == 22
