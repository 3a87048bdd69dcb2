"""The settings of a job's worker processes, and the retention of jobs."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from tests.harness import User, eventually

DAY_MS = 86_400_000


def writers(user: User, target: str) -> list[int]:
    """The children of the daemon that have the partial file of `target` open."""
    pid = user.pid()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    start = str(user.home / f".{target}.")
    return [int(child) for child in children if any(name.startswith(start) for name in opened(child))]


def opened(pid: str) -> list[str]:
    links = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            links.append(str(descriptor.readlink()))
        except OSError:  # closed meanwhile
            continue
    return links


def variables(pid: int) -> dict[str, str]:
    """The `XRD_*` variables that a process was started with."""
    pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if pair.startswith("XRD_"))


def test_jobs_with_xrootd_variables_run_in_processes_that_have_them(user: User, folder: str) -> None:
    """F221"""
    (user.home / "f").write_bytes(os.urandom(3_000_000))
    user.must("cp", "file:f", "f@disk:1")
    wanted = {"one": "61", "two": "62", "plain": ""}
    jobs = []
    for target, value in wanted.items():
        more = {"XRD_STREAMTIMEOUT": value} if value else {}
        words = ("cp", "--detach", "--limit", "20K", "f", f"file:{target}")
        jobs.append(user.must(*words, env={**user.environment, **more}))
    usual = "60"
    pids = []
    for target, value in wanted.items():
        eventually(lambda target=target: writers(user, target))  # type: ignore[misc]
        (pid,) = writers(user, target)
        assert variables(pid)["XRD_STREAMTIMEOUT"] == (value or usual)
        pids.append(pid)
    assert len(set(pids)) == 3
    for job in jobs:
        user.must("transfers", "limit", "--job", job, "rate=unlimited")
        user.must("transfers", "wait", job)
    assert all((user.home / target).read_bytes() == (user.home / "f").read_bytes() for target in wanted)


def test_jobs_that_ended_long_ago_are_forgotten_by_the_daemon(user: User, folder: str) -> None:
    config = user.home / ".config/aliend/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[transfers]\nkeep_days = 2\n", encoding="utf-8")
    user.must("daemon", "restart")
    (user.home / "f").write_bytes(b"content")
    old, young = (user.must("cp", "--detach", "file:f", name) for name in ("old", "young"))
    for job in (old, young):
        user.must("transfers", "wait", job)
    user.must("daemon", "stop")
    with sqlite3.connect(user.home / ".local/state/aliend/default/aliend.db") as database:
        database.execute("UPDATE job SET ended_ms = ended_ms - ? WHERE id = ?", (3 * DAY_MS, old))
        database.execute("UPDATE job SET ended_ms = ended_ms - ? WHERE id = ?", (DAY_MS, young))
    database.close()
    eventually(lambda: [one["job"] for one in user.json("transfers", "list", "--all")["jobs"]] == [int(young)])
    assert user.run("transfers", "show", old).returncode == 2
    assert user.json("transfers", "show", young)["files"]["done"] == 1
    assert user.must("cat", "old") == "content"
