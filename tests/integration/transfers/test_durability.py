"""Nothing that was acknowledged is lost, whatever dies in the middle."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.harness import User, eventually

MIB = 1024 * 1024
FILES = 12


def tree(user: User, size: int = 20 * MIB) -> Path:
    root = user.home / "tree"
    root.mkdir()
    for number in range(FILES):
        (root / f"{number:02}.root").write_bytes(os.urandom(size))
    return root


def same(left: Path, right: Path) -> bool:
    return subprocess.run(["diff", "-r", str(left), str(right)], capture_output=True).returncode == 0


def files(user: User, job: str) -> dict[str, int]:
    counters: dict[str, int] = user.json("transfers", "show", job)["files"]
    return counters


def slow_down(user: User) -> None:
    """Copy three files at a time, so that most are still to come when the first has arrived."""
    user.must("transfers", "limit", "files=3")


@pytest.fixture
def folder(user: User) -> str:
    name = f"{user.must('pwd')}{user.home.name}/"
    user.must("mkdir", "-p", name)
    return name


def test_a_download_survives_kill_9_of_the_daemon(user: User, folder: str) -> None:
    """F211"""
    root = tree(user)
    user.must("cp", "file:tree/", f"{folder}@disk:1")
    slow_down(user)
    job = user.run("cp", "--detach", "--limit", "20M", folder, "file:back/").stdout.strip()
    for wanted in (1, 4):
        eventually(lambda wanted=wanted: files(user, job)["done"] >= wanted, 60)  # type: ignore[misc]
        assert files(user, job)["done"] < FILES
        user.kill_daemon()
    user.must("transfers", "limit", "--job", job, "rate=unlimited")
    assert user.run("transfers", "wait", job).returncode == 0
    assert same(root, user.home / "back")


def test_an_upload_survives_kill_9_of_the_daemon(user: User, folder: str) -> None:
    root = tree(user)
    slow_down(user)
    job = user.run("cp", "--detach", "--limit", "40M", "file:tree/", f"{folder}@disk:2").stdout.strip()
    eventually(lambda: files(user, job)["done"] >= 2, 60)
    assert files(user, job)["done"] < FILES
    user.kill_daemon()
    user.must("transfers", "limit", "--job", job, "rate=unlimited")
    assert user.run("transfers", "wait", job).returncode == 0
    user.must("cp", folder, "file:back/")
    assert same(root, user.home / "back")
    for path in root.iterdir():
        replicas = user.json("whereis", f"{folder}{path.name}")["results"]
        assert len({replica["seName"] for replica in replicas}) == 2
    names = user.must("ls", "-a", folder).split()
    assert names == sorted(path.name for path in root.iterdir())


def test_a_copy_survives_kill_9_of_its_worker(user: User, folder: str) -> None:
    root = tree(user)
    user.must("cp", "file:tree/", f"{folder}@disk:1")
    job = user.run("cp", "--detach", folder, "file:back/").stdout.strip()
    eventually(lambda: files(user, job)["running"])
    pid = user.pid()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    assert children
    for child in children:
        os.kill(int(child), 9)
    assert user.run("transfers", "wait", job).returncode == 0
    assert same(root, user.home / "back")


def test_a_foreground_cp_attaches_again_when_the_daemon_is_lost(user: User, folder: str) -> None:
    root = tree(user)
    process = user.start("cp", "-T", "1", "--limit", "20M", "file:tree/", f"{folder}@disk:1")
    eventually(lambda: user.json("transfers", "list")["jobs"])
    (job,) = user.json("transfers", "list")["jobs"]
    eventually(lambda: files(user, str(job["job"]))["done"] >= 1)
    user.kill_daemon()
    _, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, complaints
    assert b"following job 1 again" in complaints
    user.must("cp", folder, "file:back/")
    assert same(root, user.home / "back")


def test_watching_loses_and_repeats_nothing_while_the_daemon_is_killed(user: User, folder: str) -> None:
    tree(user, MIB)
    user.must("cp", "file:tree/", f"{folder}@disk:1")
    watching = user.start("transfers", "watch", "--since", "0", "--json")
    assert watching.stdout
    reported = [json.loads(watching.stdout.readline())]
    for number in range(3):
        job = user.run("cp", "--detach", "-T", "2", folder, f"file:back{number}/").stdout.strip()
        user.kill_daemon()
        assert user.run("transfers", "wait", job).returncode == 0
    kept = [event for number in range(4) for event in events(user, str(number + 1))]
    while reported[-1]["event"] < kept[-1]["event"]:
        reported.append(json.loads(watching.stdout.readline()))
    assert reported == kept
    assert [one["state"] for one in kept if not one["transfer"]] == ["expanding", "active", "done"] * 4
    assert sum(one["state"] == "done" for one in kept if one["transfer"]) == 4 * FILES
    middle = kept[len(kept) // 2]["event"]
    assert events(user, job, middle) == [one for one in kept if one["event"] > middle and one["job"] == int(job)]


def events(user: User, job: str, since: int = 0) -> list[dict[str, Any]]:
    done = user.must("transfers", "watch", job, "--since", str(since), "--json")
    return [json.loads(line) for line in done.splitlines()]


def test_jobs_are_there_after_a_restart(user: User, folder: str) -> None:
    (user.home / "a").write_bytes(b"a" * 1000)
    user.must("cp", "file:a", f"{folder}a")
    user.must("daemon", "restart")
    (job,) = user.json("transfers", "list", "--all")["jobs"]
    assert (job["state"], job["files"]["done"]) == ("done", 1)
