"""Copies that something on this machine stands in the way of: held with the reason, and going on when it is gone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.harness import User, eventually

KIB = 1024


@pytest.fixture
def folder(powerless: User) -> str:
    """A directory of the catalogue that nobody else uses; the session is there."""
    name = f"{powerless.must('pwd')}{powerless.home.name}/"
    powerless.must("mkdir", "-p", name)
    powerless.must("cd", name)
    return name


def write(user: User, name: str, content: bytes, mode: int = 0o644) -> Path:
    """A local file of the user's."""
    path = user.home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path


def held(user: User, job: str) -> str:
    """Why the job is held, as soon as it is."""
    eventually(lambda: user.json("transfers", "show", job)["state"] == "paused")
    (told,) = {(one["kind"], one["text"]) for one in user.json("transfers", "why", job)["waiting"]}
    assert told[0] == "permission"
    return str(told[1])


@pytest.mark.parametrize("closed", ["tree/file", "tree/closed"])
def test_an_upload_of_what_may_not_be_read_is_held_and_goes_on_when_it_may(
    powerless: User, folder: str, closed: str
) -> None:
    write(powerless, "tree/file", b"file")
    write(powerless, "tree/closed/inside", b"inside")
    (powerless.home / closed).chmod(0)
    job = powerless.must("cp", "--detach", "file:tree/", "./")
    told = held(powerless, job)
    assert f"{powerless.home}/{closed} cannot be read: permission denied: make it readable for you" in told
    assert powerless.json("transfers", "show", job)["files"]["failed"] == 0
    (powerless.home / closed).chmod(0o755)
    powerless.must("transfers", "wait", job)
    assert powerless.must("cat", "file", "closed/inside") == "fileinside"


def test_a_source_below_a_closed_directory_is_held_too(powerless: User, folder: str) -> None:
    write(powerless, "closed/file", b"file")
    (powerless.home / "closed").chmod(0)
    done = powerless.run("cp", "file:closed/file", "file")
    assert done.returncode == 4
    assert "closed/file cannot be read: permission denied: make it readable for you" in done.stderr
    (powerless.home / "closed").chmod(0o700)
    (job,) = powerless.json("transfers", "list", "--all")["jobs"]
    powerless.must("transfers", "wait", str(job["job"]))
    assert powerless.must("cat", "file") == "file"
