"""A database that is damaged, held by another program or on a full disk: commands that need none work."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.harness import User, eventually, needs_root


def state_of(user: User) -> Path:
    return user.home / ".local/state/aliend/default"


def stopped_with_a_job(user: User) -> None:
    user.must("pwd")
    user.must("cp", "--detach", f"/nonexistent-{user.home.name}", "file:x")
    user.must("daemon", "stop")


def test_a_damaged_database_is_kept_reported_once_and_listed_in_the_status(user: User) -> None:
    stopped_with_a_job(user)
    database = state_of(user) / "aliend.db"
    content = bytearray(database.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    database.write_bytes(content)
    first = user.run("pwd")
    assert first.returncode == 0
    assert first.stdout.startswith("/alice/")
    (kept,) = state_of(user).glob("aliend.db.damaged-*Z")
    assert kept.read_bytes() == bytes(content)
    assert str(kept) in first.stderr
    assert "its jobs and sessions are lost" in first.stderr
    assert user.run("ls").stderr == ""
    assert any(str(kept) in warning for warning in user.json("daemon", "status")["warnings"])
    assert user.must("transfers", "list", "--all") == ""
    kept.unlink()
    assert user.json("daemon", "status")["warnings"] == []


@pytest.mark.parametrize("lose", [Path.unlink, lambda database: database.write_bytes(b"")], ids=["removed", "emptied"])
def test_a_database_that_was_removed_or_emptied_is_said_once(user: User, lose: Callable[[Path], object]) -> None:
    stopped_with_a_job(user)
    lose(state_of(user) / "aliend.db")
    assert "was removed or emptied; its jobs and sessions are lost" in user.run("pwd").stderr
    assert user.run("ls").stderr == ""
    assert user.json("daemon", "status")["warnings"] == []


def test_damage_while_the_daemon_runs_leaves_ls_working_and_a_restart_mends_it(user: User) -> None:
    user.must("pwd")
    database = state_of(user) / "aliend.db"
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    size = database.stat().st_size
    with database.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))
    with suppress(FileNotFoundError):
        (state_of(user) / "aliend.db-wal").write_bytes(b"")
    for words in (("pwd",), ("ls",), ("--session", "new", "pwd"), ("whoami",)):
        assert user.run(*words).returncode == 0, words
    refused = user.run("cp", "--detach", "/a", "file:b")
    assert refused.returncode == 5
    assert "alienctl daemon restart" in refused.stderr
    user.must("daemon", "restart")
    assert "is kept as" in user.run("pwd").stderr
    user.must("transfers", "list")


def test_a_file_that_is_not_a_database_does_not_stop_the_daemon(user: User) -> None:
    state_of(user).mkdir(parents=True)
    (state_of(user) / "aliend.db").write_bytes(b"this is no database" * 1000)
    assert user.must("ls") is not None
    assert user.json("transfers", "list")["jobs"] == []


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Hold a database as another program does that locks it wholly."""
    connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        connection.close()


def test_a_database_that_is_locked_at_the_start_is_waited_for(user: User) -> None:
    stopped_with_a_job(user)
    database = state_of(user) / "aliend.db"
    with locked(database):
        listing = user.start("transfers", "list", "--all")
        eventually((user.home / "run/aliend/default.sock").exists)
    out, _ = listing.communicate(timeout=120)
    assert listing.returncode == 0
    assert len(out.splitlines()) == 2


def test_pwd_works_while_the_database_is_locked(user: User) -> None:
    stopped_with_a_job(user)
    with locked(state_of(user) / "aliend.db"):
        assert user.must("pwd", timeout=90).startswith("/alice/")
        assert any("another program locks it" in text for text in user.json("daemon", "status")["warnings"])
        refused = user.run("transfers", "list", timeout=90)
        assert refused.returncode == 5
        assert "another program locks it" in refused.stderr
    eventually(lambda: user.run("transfers", "list", "--all").returncode == 0)
    assert user.json("daemon", "status")["warnings"] == []


@pytest.fixture
def full_disk(user: User) -> Iterator[Path]:
    """A disk without room, below which the state is; `room` is the file that takes it."""
    directory = user.home / "disk"
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(directory)], check=True)
    user.variables["XDG_STATE_HOME"] = str(directory)
    try:
        with (directory / "room").open("wb") as file, suppress(OSError):
            while True:
                os.write(file.fileno(), bytes(4096))
        yield directory
    finally:
        user.run("daemon", "stop")
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


@needs_root
def test_a_full_disk_at_the_first_start_stops_no_command_that_needs_no_database(user: User, full_disk: Path) -> None:
    assert user.must("pwd").startswith("/alice/")
    for words in (("ls",), ("whoami",), ("stat", "."), ("--session", "other", "pwd")):
        assert user.run(*words).returncode == 0, words
    assert any("full" in text for text in user.json("daemon", "status")["warnings"])
    refused = user.run("cp", "--detach", "/a", "file:b")
    assert (refused.returncode, refused.stdout) == (5, "")
    assert "full" in refused.stderr
    (full_disk / "room").unlink()
    eventually(lambda: user.run("transfers", "list").returncode == 0)
    assert user.json("daemon", "status")["warnings"] == []


@needs_root
def test_the_working_directory_of_a_session_survives_a_full_disk(user: User, full_disk: Path) -> None:
    user.must("mkdir", "-p", f"full-{user.home.name}/sub")
    user.must("--session", "one", "cd", f"full-{user.home.name}/sub")
    assert user.must("--session", "one", "pwd").endswith("/sub/")
    assert not user.must("--session", "two", "pwd").endswith("/sub/")


def test_concurrent_first_commands_report_a_loss_once(user: User) -> None:
    state_of(user).mkdir(parents=True)
    (state_of(user) / "aliend.db").write_bytes(b"this is no database" * 1000)
    outcomes: list[subprocess.CompletedProcess[str]] = []
    threads = [threading.Thread(target=lambda: outcomes.append(user.run("pwd"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.returncode for one in outcomes] == [0] * 6
    assert sum("is kept as" in one.stderr for one in outcomes) == 1
