"""The output about long transfers: attempts, reasons, limits."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import grpc

from aliend.v1 import daemon_pb2, daemon_pb2_grpc
from tests.harness import Grid, User, eventually

MIB = 1024 * 1024


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


def test_a_limit_is_respected_and_is_the_reason_of_waiting_files(user: User, folder: str) -> None:
    """F224"""
    assert "files" in user.must("transfers", "limit", "up=1", "ALICE::X::SE=2")
    (user.home / "d").mkdir()
    for number in range(3):
        (user.home / "d" / str(number)).write_bytes(os.urandom(100 * MIB))
    job = user.run("cp", "--detach", "--limit", "5M", "file:d/", "d/").stdout.strip()
    eventually(lambda: [one["kind"] for one in user.json("transfers", "why")["waiting"]].count("limit") >= 1)
    assert "the limit of 1 upload at a time is reached" in user.run("transfers", "why", job).stdout
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


def forget_md5(grid: Grid, lfn: str) -> None:
    """Make an entry one of those whose md5 the catalogue never knew."""
    (file,) = (path for path in Path(grid.root).rglob("*") if path.is_file() and is_database(path))
    connection = sqlite3.connect(file, timeout=10)
    with connection:
        connection.execute("UPDATE guid SET md5 = NULL WHERE guid = (SELECT guid FROM lfn WHERE path = ?)", (lfn,))
        assert connection.execute("UPDATE lfn SET md5 = NULL WHERE path = ?", (lfn,)).rowcount == 1
    connection.close()


def test_a_newline_in_a_name_never_looks_like_two_names(user: User, grid: Grid, folder: str) -> None:
    """In what people and pipes read; a document has the exact name, and it can be copied to a better one."""
    name, shown = "new\n_fake", "new\\x0a_fake"
    assert grid.control("file", folder + name, "1K").returncode == 0
    assert user.must("ls") == shown
    assert user.must("find", folder, "new") == user.must("find2", folder) == folder + shown
    assert user.json("ls")["results"][0]["name"] == name
    refused = user.run("cp", folder, "file:all/")
    assert (refused.returncode, folder + shown in refused.stderr.splitlines()[0]) == (4, True)
    assert "copy the file under another name" in refused.stderr
    user.must("cp", name, "file:better")
    (job,) = [one["job"] for one in user.json("transfers", "list", "--all")["jobs"] if one["state"] == "done"]
    assert f"{folder}{shown} -> {user.home}/better" in user.must("transfers", "show", str(job))
    for words in (("show", str(job)), ("watch", str(job), "--since", "0"), ("list", "--all")):
        assert not any(line.startswith("_fake") for line in user.must("transfers", *words).splitlines())


def test_an_unknown_option_of_transfers_is_refused_with_the_nearest(user: User) -> None:
    for words, near in (("wait 1 --timeot 3", "--timeout"), ("show 1 --fail", "--failed"), ("list --al", "--all")):
        refused = user.run("transfers", *words.split())
        assert (refused.returncode, f"did you mean {near}?" in refused.stderr) == (22, True)


def is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(15) == b"SQLite format 3"


def test_an_entry_without_md5_is_copied_with_a_warning(user: User, grid: Grid, folder: str) -> None:
    """F203"""
    content = os.urandom(MIB)
    (user.home / "f").write_bytes(content)
    user.must("cp", "file:f", "f@disk:2")
    forget_md5(grid, f"{folder}f")
    assert not user.json("stat", "f")["results"][0].get("md5")
    done = user.run("cp", "f", "file:back")
    assert done.returncode == 0, done.stderr
    assert "the catalogue has no md5" in done.stdout + done.stderr
    assert (user.home / "back").read_bytes() == content


def test_an_empty_file_is_touched_on_request(user: User, folder: str) -> None:
    (user.home / "empty").touch()
    user.must("cp", "--touch-empty", "file:empty", "new/empty")
    assert user.json("stat", "new/empty")["results"][0]["size"] == "0"


def test_uploads_cost_a_ticket_and_a_commit_for_each_replica_and_share_the_rest(user: User, folder: str) -> None:
    (user.home / "d").mkdir()
    for number in range(40):
        (user.home / "d" / str(number)).write_bytes(os.urandom(1024))
    before = commands(user)
    user.must("cp", "file:d/", "d/@disk:2")
    cost = commands(user) - before
    assert 40 * 3 <= cost <= 40 * 4
    assert len(user.json("find", "-r", f"{folder}d", ".*")["results"]) == 40


def commands(user: User) -> int:
    """Commands that this user's daemon has sent to the central service."""
    socket = user.json("daemon", "status")["socket"]
    with grpc.insecure_channel(f"unix:{socket}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        status = daemon_pb2_grpc.DaemonServiceStub(channel).Status(daemon_pb2.StatusRequest())
    return sum(central.commands for central in status.central)
