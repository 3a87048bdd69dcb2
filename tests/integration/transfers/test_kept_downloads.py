"""Cancelled downloads keep what has arrived for a day: a retry or the same command reads only the rest."""

from __future__ import annotations

import os
import signal
import sqlite3
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Grid, User, eventually

SIZE = 24 << 20
FULL = 0.7 * SIZE


@pytest.fixture
def big(user: User, folder: str) -> Iterator[str]:
    """A file with one replica, in the catalogue as `big` and here as `f`."""
    (user.home / "f").write_bytes(os.urandom(SIZE))
    user.must("cp", "file:f", "big@disk:1")
    yield "big"
    user.must("transfers", "cancel", "--all")


def parts(directory: Path) -> list[Path]:
    return list(directory.rglob(".*.part"))


def arrived(directory: Path) -> int:
    return sum(part.stat().st_size for part in parts(directory))


def bytes_sent(user: User) -> int:
    """The bytes that all storage elements have sent, by their own statistics."""
    lines = user.must("xrd_stats", "-a", "-xmlraw").splitlines()
    found = [ET.fromstring(line[line.index("<statistics") :]) for line in lines if "<statistics" in line]
    return sum(int(one.findtext("stats[@id='link']/out") or 0) for one in found)


def interrupted(user: User, *words: str) -> str:
    """Start a throttled download, interrupt it when more than 70 % have arrived, and return what it printed."""
    process = user.start("cp", "--limit", "4M", *words)
    eventually(lambda: arrived(user.home) > FULL, 60)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=120)
    assert process.returncode == 130
    return printed.decode()


def test_the_same_command_resumes_after_an_interrupt(user: User, grid: Grid, big: str) -> None:
    printed = interrupted(user, big, "file:g")
    (part,) = parts(user.home)
    kept = part.stat().st_size
    assert f"cancelled; {kept / (1 << 20):.1f} MiB are kept until " in printed
    assert "continue with the same command or `alienctl transfers retry " in printed
    before = bytes_sent(user)
    user.must("cp", big, "file:g")
    assert (user.home / "g").read_bytes() == (user.home / "f").read_bytes()
    assert bytes_sent(user) - before < SIZE - kept + (2 << 20)
    assert parts(user.home) == []


def test_a_retry_resumes_and_cleaning_discards(user: User, grid: Grid, big: str) -> None:
    interrupted(user, big, "file:deep/er/g")
    (job,) = [one["job"] for one in user.json("transfers", "list", "--state", "cancelled")["jobs"]]
    (file,) = user.json("transfers", "show", str(job))["transfers"]
    assert file["bytes_done"] == arrived(user.home)
    assert file["kept_until_ms"]
    assert "are kept until" in user.must("transfers", "show", str(job))
    before = bytes_sent(user)
    user.must("transfers", "limit", "--job", str(job), "rate=1M")
    user.must("transfers", "retry", str(job))
    eventually(lambda: user.json("transfers", "show", str(job))["bytes_done"] > FULL)
    again = user.run("transfers", "cancel", str(job))
    assert "are kept until" in again.stderr
    assert bytes_sent(user) - before < SIZE // 2
    user.must("transfers", "clean", str(job))
    assert parts(user.home) == []
    assert not (user.home / "deep").exists()


def test_a_kept_file_is_removed_after_its_time_also_if_the_daemon_was_killed(user: User, grid: Grid, big: str) -> None:
    interrupted(user, big, "file:deep/g")
    user.kill_daemon()
    (database,) = user.home.rglob("aliend.db")
    with sqlite3.connect(database) as connection:
        changed = connection.execute(
            "UPDATE transfer SET intent = json_set(intent, '$.until_ms', 1) WHERE state = 'cancelled' AND intent <> ''"
        )
        assert changed.rowcount == 1
    connection.close()
    user.must("transfers", "list", "--all")
    eventually(lambda: not (user.home / "deep").exists())
