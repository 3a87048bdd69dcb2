"""Copies with an obstacle on this machine: the job is on hold with the reason, and resumes when it disappears."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.harness import User, eventually, make_grid_directory

KIB = 1024


@pytest.fixture
def folder(powerless: User) -> str:
    """Create a separate directory of the catalogue; make it the current directory of the powerless user."""
    return make_grid_directory(powerless)


def write(user: User, name: str, content: bytes, mode: int = 0o644) -> Path:
    """A local file of the user's."""
    path = user.home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path


def held(user: User, job: str) -> str:
    """Wait until the job is on hold; return the reason."""
    eventually(lambda: user.json("transfers", "show", job)["state"] == "paused")
    (reported,) = {(one["kind"], one["text"]) for one in user.json("transfers", "why", job)["waiting"]}
    assert reported[0] == "permission"
    return str(reported[1])


@pytest.mark.parametrize("closed", ["tree/file", "tree/closed"])
def test_an_upload_of_an_unreadable_file_is_held_and_resumes_when_readable(
    powerless: User, folder: str, closed: str
) -> None:
    write(powerless, "tree/file", b"file")
    write(powerless, "tree/closed/inside", b"inside")
    (powerless.home / closed).chmod(0)
    job = powerless.must("cp", "--detach", "file:tree/", "./")
    reported = held(powerless, job)
    assert f"cannot read {powerless.home}/{closed}: permission denied; make it readable" in reported
    assert powerless.json("transfers", "show", job)["files"]["failed"] == 0
    (powerless.home / closed).chmod(0o755)
    powerless.must("transfers", "wait", job)
    assert powerless.must("cat", "file", "closed/inside") == "fileinside"


def test_a_synchronisation_of_what_may_not_be_read_is_held_too(powerless: User, folder: str) -> None:
    write(powerless, "tree/file", b"file")
    write(powerless, "tree/closed/inside", b"inside")
    (powerless.home / "tree/closed").chmod(0)
    reported = powerless.run("sync", "--dry-run", "file:tree", "alien:./")
    assert "/closed: permission denied" in reported.stdout + reported.stderr
    job = powerless.must("sync", "--detach", "file:tree", "alien:./")
    assert "/tree/closed: permission denied" in held(powerless, job)
    (powerless.home / "tree/closed").chmod(0o755)
    powerless.must("transfers", "wait", job)
    assert powerless.must("cat", "file", "closed/inside") == "fileinside"


def test_a_source_below_a_closed_directory_is_held_too(powerless: User, folder: str) -> None:
    write(powerless, "closed/file", b"file")
    (powerless.home / "closed").chmod(0)
    for name, reported in (("file", "closed/file"), ("*", "closed")):
        done = powerless.run("cp", f"file:closed/{name}", f"to-{len(reported)}/")
        assert done.returncode == 4
        assert f"{reported}: permission denied" in done.stderr
        assert "permission denied; make it readable" in done.stderr
        assert "No copy jobs" not in done.stdout
    (powerless.home / "closed").chmod(0o700)
    for job in powerless.json("transfers", "list", "--all")["jobs"]:
        powerless.must("transfers", "wait", str(job["job"]))
    assert powerless.must("cat", "to-11/file", "to-6/file") == "filefile"


def begun(user: User, *words: str) -> str:
    """A slow download of the file `f` into `out/f` that has begun; the job's number."""
    write(user, "f", os.urandom(3000 * KIB))
    user.must("cp", "file:f", "f@disk:1")
    (user.home / "out").mkdir()
    job = user.must("cp", "--detach", "--limit", "20K", *words, "f", "file:out/f")
    eventually(lambda: any(path.stat().st_size for path in (user.home / "out").glob(".f.*.part")))
    return job


def hurried(user: User, job: str) -> str:
    """Let the download continue at full speed to its end; return its state."""
    user.must("transfers", "limit", "--job", job, "rate=unlimited")
    user.run("transfers", "wait", job)
    return str(user.json("transfers", "show", job)["state"])


def reason(user: User, job: str) -> str:
    """Return the message of the only file."""
    return str(user.json("transfers", "show", job)["transfers"][0]["message"])


def test_a_target_that_becomes_a_link_is_not_written_through(powerless: User, folder: str) -> None:
    job = begun(powerless)
    theirs = write(powerless, "theirs", b"theirs")
    (powerless.home / "out/f").symlink_to(theirs)
    assert hurried(powerless, job) == "failed"
    assert "out/f exists and differs; remove it or overwrite it with -f" in reason(powerless, job)
    assert theirs.read_bytes() == b"theirs"
    assert (powerless.home / "out/f").is_symlink()
    assert [path.name for path in (powerless.home / "out").iterdir()] == ["f"]


def test_overwriting_replaces_the_link_and_not_its_target(powerless: User, folder: str) -> None:
    job = begun(powerless, "-f")
    theirs = write(powerless, "theirs", b"theirs")
    (powerless.home / "out/f").symlink_to(theirs)
    assert hurried(powerless, job) == "done"
    assert theirs.read_bytes() == b"theirs"
    assert not (powerless.home / "out/f").is_symlink()
    assert (powerless.home / "out/f").read_bytes() == (powerless.home / "f").read_bytes()


@pytest.mark.parametrize("words", [(), ("-f",)])
def test_a_target_that_becomes_a_directory_is_not_replaced(
    powerless: User, folder: str, words: tuple[str, ...]
) -> None:
    job = begun(powerless, *words)
    inside = write(powerless, "out/f/inside", b"inside")
    assert hurried(powerless, job) == "failed"
    reported = "out/f: a directory has this name" if words else "out/f exists and differs"
    assert reported in reason(powerless, job)
    assert inside.read_bytes() == b"inside"
    assert [path.name for path in (powerless.home / "out").iterdir()] == ["f"]


def test_a_directory_that_becomes_a_link_is_not_followed(powerless: User, folder: str) -> None:
    job = begun(powerless)
    elsewhere = powerless.home / "elsewhere"
    elsewhere.mkdir()
    (powerless.home / "out").rename(powerless.home / "moved")
    (powerless.home / "out").symlink_to(elsewhere)
    assert hurried(powerless, job) == "failed"
    assert "out/f: its directory was moved or replaced during the download" in reason(powerless, job)
    assert list(elsewhere.iterdir()) == []
    assert list((powerless.home / "moved").iterdir()) == []


def test_the_rest_of_a_job_does_not_follow_a_link_in_place_of_its_target(powerless: User, folder: str) -> None:
    for name in ("f", "g"):
        write(powerless, name, os.urandom(300 * KIB))
    powerless.must("cp", "file:f", "file:g", "tree/@disk:1")
    (elsewhere := powerless.home / "elsewhere").mkdir()
    (out := powerless.home / "out").mkdir()
    powerless.must("transfers", "limit", "down=1")
    job = powerless.must("cp", "--detach", "--limit", "20K", "tree/", "file:out/")
    eventually(lambda: list(out.glob(".*.part")))
    powerless.must("transfers", "pause", job)
    out.rename(moved := powerless.home / "moved")
    out.symlink_to(elsewhere)
    powerless.must("transfers", "limit", "--job", job, "rate=unlimited")
    powerless.must("transfers", "resume", job)
    assert powerless.run("transfers", "wait", job).returncode == 4
    (left,) = [path.name for path in moved.iterdir()]
    messages = {one["message"] for one in powerless.json("transfers", "show", job, "--failed")["transfers"]}
    assert all("its directory was moved or replaced" in message for message in messages)
    assert any(f"remove {left} from the directory that was moved" in message for message in messages)
    assert list(elsewhere.iterdir()) == []
    out.unlink()
    moved.rename(out)
    powerless.must("transfers", "retry", job)
    powerless.must("transfers", "wait", job)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        name: (powerless.home / name).read_bytes() for name in ("f", "g")
    }


def test_a_directory_that_becomes_read_only_holds_the_job_until_it_is_not(powerless: User, folder: str) -> None:
    job = begun(powerless)
    (powerless.home / "out").chmod(0o555)
    powerless.must("transfers", "limit", "--job", job, "rate=unlimited")
    assert "out/f: permission denied; make it writable" in held(powerless, job)
    assert not (powerless.home / "out/f").exists()
    (powerless.home / "out").chmod(0o755)
    powerless.must("transfers", "wait", job)
    assert (powerless.home / "out/f").read_bytes() == (powerless.home / "f").read_bytes()
    assert [path.name for path in (powerless.home / "out").iterdir()] == ["f"]


def test_a_source_removed_before_its_copy_fails(powerless: User, folder: str) -> None:
    powerless.must("transfers", "limit", "up=1")
    write(powerless, "tree/a", os.urandom(3000 * KIB))
    write(powerless, "tree/b", os.urandom(3000 * KIB))
    job = powerless.must("cp", "--detach", "--limit", "20K", "file:tree/", "./")
    eventually(lambda: powerless.json("transfers", "show", job)["files"]["running"])
    shutil.rmtree(powerless.home / "tree")
    powerless.must("transfers", "limit", "--job", job, "rate=unlimited")
    assert powerless.run("transfers", "wait", job).returncode != 0
    reported = [
        one["message"] for one in powerless.json("transfers", "show", job)["transfers"] if one["state"] == "failed"
    ]
    assert any(message.startswith("cannot read") and "No such file" in message for message in reported)
