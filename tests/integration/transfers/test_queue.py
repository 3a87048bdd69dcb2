"""The queue at the command line: progress of running copies, several jobs at once, waiting and detaching."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Grid, User, eventually

SIZE = 3_000_000


@pytest.fixture
def big(user: User, folder: str) -> Iterator[str]:
    """A file in the catalogue that takes long at the rates of these tests."""
    (user.home / "f").write_bytes(os.urandom(SIZE))
    user.must("cp", "file:f", "big@disk:1")
    yield "big"
    user.must("transfers", "cancel", "--all")


def detached(user: User, *words: str) -> str:
    return user.must("cp", "--detach", *words)


def test_a_running_copy_shows_its_bytes_its_rate_and_the_time_left(user: User, big: str) -> None:
    job = detached(user, "--limit", "60K", big, "file:g")
    eventually(lambda: user.json("transfers", "show", job)["bytes_per_second"])
    view = user.json("transfers", "show", job)
    part = next(user.home.glob(".g.*.part"))
    on_disk = part.stat().st_size
    assert 0 < view["bytes_done"] < SIZE
    assert view["transfers"][0]["bytes_done"] > 0
    assert view["seconds_left"] > 0
    assert user.json("transfers", "show", job)["bytes_done"] >= min(on_disk // 2, SIZE // 2)
    row = next(line for line in user.must("transfers").splitlines() if line.split()[0] == job)
    assert re.search(r"KiB/s +\d+:\d\d ", row)


def test_the_bytes_of_a_running_copy_are_at_most_two_seconds_behind_the_disk(user: User, big: str) -> None:
    job = detached(user, "--limit", "50K", big, "file:g")
    on_disk: list[tuple[float, int]] = []
    compared = 0
    while compared < 3:
        on_disk.append((time.monotonic(), sum(part.stat().st_size for part in user.home.glob(".g.*.part"))))
        asked = time.monotonic()
        shown = user.json("transfers", "show", job)
        assert shown["state"] in ("expanding", "active"), "the copy ended before it was compared"
        earlier = max((size for at, size in on_disk if at <= asked - 2), default=0)
        assert shown["bytes_done"] >= earlier
        compared += earlier > 0


def test_several_jobs_are_selected_by_number_range_label_and_state(user: User, big: str) -> None:
    jobs = [detached(user, "--limit", "20K", "--label", "night", big, f"file:n{number}") for number in range(3)]
    other = detached(user, "--limit", "20K", big, "file:other")
    assert user.must("transfers", "pause", f"{jobs[0]}-{jobs[1]}").count("paused") == 2
    assert {one["job"] for one in user.json("transfers", "list", "--state", "paused")["jobs"]} == set(
        map(int, jobs[:2])
    )
    user.must("transfers", "priority", "5", "--label", "night")
    assert [one["priority"] for one in user.json("transfers", "list", "--label", "night")["jobs"]] == [5, 5, 5]
    assert len(user.json("transfers", "cancel", "--label", "night")["jobs"]) == 3
    assert [one["job"] for one in user.json("transfers", "list")["jobs"]] == [int(other)]
    assert len(user.json("transfers", "list", "--all", "--since", "1h", "--limit", "2")["jobs"]) == 2
    assert user.run("transfers", "clean", other).returncode == 22
    user.must("transfers", "cancel", other)
    eventually(lambda: user.json("transfers", "list", "--all")["jobs"] and not user.json("transfers", "list")["jobs"])
    user.must("transfers", "clean")
    assert user.json("transfers", "list", "--all")["jobs"] == []


def test_wrong_selections_are_refused(user: User) -> None:
    for words in ("cancel", "cancel x", "cancel 9-5", "cancel 1 --all", "retry --state none", "list --columns none"):
        assert user.run("transfers", *words.split()).returncode == 22, words
    assert user.run("transfers", "cancel", "999").returncode == 2


@pytest.mark.parametrize("way", ["command", "signal"])
def test_a_foreground_copy_is_detached_and_its_job_continues(user: User, big: str, way: str) -> None:
    copy = user.start("cp", "--limit", "20K", big, "file:g")
    eventually(lambda: [one for one in user.json("transfers", "list")["jobs"] if one["bytes_done"]])
    job = str(user.json("transfers", "list")["jobs"][0]["job"])
    if way == "command":
        user.must("transfers", "detach", job)
    else:
        copy.send_signal(signal.SIGQUIT)
    _, errors = copy.communicate(timeout=120)
    assert copy.returncode == 0
    assert f"job {job} continues in the background" in errors.decode()
    following = user.start("transfers", "follow", job)
    user.must("transfers", "limit", "--job", job, "rate=unlimited")
    output, errors = following.communicate(timeout=120)
    assert following.returncode == 0
    assert f"job {job} done: 1 of 1 files" in (output + errors).decode()
    assert (user.home / "g").read_bytes() == (user.home / "f").read_bytes()


def test_a_copy_whose_job_is_paused_says_why_it_waits(user: User, big: str) -> None:
    user.must("transfers", "limit", "files=1")
    first = detached(user, "--limit", "20K", big, "file:first")
    eventually(lambda: user.json("transfers", "show", first)["files"]["running"])
    copy = user.start("cp", big, "file:second")
    assert copy.stderr
    line = copy.stderr.readline().decode()
    assert "the limit of 1 file at a time is reached" in line
    user.must("transfers", "limit", "files=default")
    assert copy.wait(60) == 0


def test_kept_files_are_no_copies(user: User, big: str) -> None:
    again = user.run("cp", "file:f", big)
    assert "1 of 1 files (1 already there), 0 B" in again.stdout + again.stderr
    assert "/s)" not in again.stdout + again.stderr


def test_a_silent_service_is_reported(user: User, grid: Grid, folder: str) -> None:
    with grid.fault("delay", "7", "--command", "ls"):
        listing = user.run("ls", timeout=120)
    assert listing.returncode == 0
    assert "the central service has not answered `ls` for 5 s" in listing.stderr


def test_the_user_is_notified_at_the_end(user: User, big: str) -> None:
    job = detached(user, big, "file:g")
    programs = user.home / "bin"
    programs.mkdir()
    notify = programs / "notify-send"
    notify.write_text(f'#!/bin/sh\nprintf "%s|" "$@" > {user.home}/notified\n', encoding="utf-8")
    notify.chmod(0o755)
    environment = {**user.environment, "PATH": f"{programs}:{os.environ['PATH']}"}
    user.must("transfers", "wait", job, "--notify", env=environment)
    assert Path(user.home / "notified").read_text(encoding="utf-8") == f"aliend|job {job} done: 1 of 1 files|"
