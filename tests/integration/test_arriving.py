"""What users see of transfers that take their time: attempts, reasons, limits."""

from __future__ import annotations

import os

import pytest

from tests.harness import User, eventually

MIB = 1024 * 1024


@pytest.fixture
def folder(user: User) -> str:
    """A directory of the catalogue that nobody else uses; the session is there."""
    name = f"{user.must('pwd')}{user.home.name}/"
    user.must("mkdir", "-p", name)
    user.must("cd", name)
    return name


def test_attempts_are_shown_with_their_storage_elements(user: User, folder: str) -> None:
    (user.home / "f").write_bytes(os.urandom(MIB))
    user.must("cp", "file:f", "f@disk:2")
    (job,) = user.json("transfers", "list", "--all")["jobs"]
    (transfer,) = user.json("transfers", "show", str(job["job"]))["transfers"]
    assert len({one["se"] for one in transfer["history"]}) == 2
    assert {(one["stage"], one["error"], one["bytes"]) for one in transfer["history"]} == {("done", "", MIB)}
    shown = user.must("transfers", "show", str(job["job"]), "--attempts")
    assert shown.count("attempt 1") == 2
    assert "attempt" not in user.must("transfers", "show", str(job["job"]))


def test_a_limit_is_kept_and_says_why_files_wait(user: User, folder: str) -> None:
    assert "files" in user.must("transfers", "limit", "up=1", "ALICE::X::SE=2")
    (user.home / "d").mkdir()
    for number in range(3):
        (user.home / "d" / str(number)).write_bytes(os.urandom(100 * MIB))
    job = user.run("cp", "--detach", "file:d/", "d/").stdout.strip()
    eventually(lambda: [one["kind"] for one in user.json("transfers", "why")["waiting"]].count("limit") >= 1)
    assert "uploads at a time" in user.run("transfers", "why", job).stdout
    user.must("transfers", "cancel", job)
    user.kill_daemon()
    limits = user.json("transfers", "limit")["limits"]
    assert (limits["up"], limits["ALICE::X::SE"], limits["files"]) == (1, 2, 8)
    assert user.json("transfers", "limit", "up=default", "alice::x::se=default")["limits"] == {
        "files": 8,
        "down": 0,
        "up": 0,
        "se": 4,
    }
    assert user.run("transfers", "limit", "nonsense").returncode == 22
