"""The daemon as a process: one of it, its end, its signs of life."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Grid, User, alive, eventually

STOP_LIMIT = 5.0
SLACK = 30.0


def start_daemon(user: User, *flags: str, **variables: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "aliend", *flags],
        env={**user.environment, **variables},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    user.started.append(process)
    return process


def socket_of(user: User) -> Path:
    return user.home / "run/aliend/default.sock"


def test_a_second_daemon_exits_immediately_and_the_first_continues(user: User) -> None:
    pid = int(user.json("daemon", "status")["pid"]) if user.must("pwd") else 0
    second = start_daemon(user)
    assert second.wait(60) == 0
    assert second.stderr is not None
    assert b"already running" in second.stderr.read()
    assert user.pid() == pid


def test_a_daemon_started_while_another_one_stops_waits_for_it(user: User) -> None:
    user.must("pwd")
    old = user.pid()
    os.kill(old, signal.SIGTERM)
    user.must("pwd")
    assert user.pid() != old
    eventually(lambda: not alive(old))


def test_a_socket_file_that_was_left_behind_is_no_obstacle(user: User) -> None:
    user.must("pwd")
    user.kill_daemon()
    assert socket_of(user).exists()
    user.must("pwd")


def test_the_places_are_private(user: User) -> None:
    user.must("pwd")
    state = user.home / ".local/state/aliend/default"
    assert socket_of(user).parent.stat().st_mode & 0o777 == 0o700
    assert socket_of(user).stat().st_mode & 0o077 == 0
    assert state.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in state.iterdir() if path.stat().st_mode & 0o077] == []


def test_nothing_secret_reaches_the_log(user: User) -> None:
    (user.home / "a").write_bytes(b"a" * 1000)
    user.must("cp", "file:a", f"secret-{user.home.name}")
    log = (user.home / ".local/state/aliend/default/aliend.log").read_text(encoding="utf-8")
    assert "ready" in log
    assert "BEGIN SEALED" not in log
    assert "PRIVATE KEY" not in log


@pytest.fixture
def frozen_storage(grid: Grid) -> Iterator[list[int]]:
    """The process ids of the storage elements, to be frozen by the test; they go on afterwards."""
    listed = subprocess.run(["pgrep", "-f", f"^(/usr/bin/)?xrootd .*{grid.root}"], capture_output=True, text=True)
    pids = [int(pid) for pid in listed.stdout.split()]
    assert len(pids) >= 2
    try:
        yield pids
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_sigterm_ends_it_in_time_whatever_xrootd_does(user: User, frozen_storage: list[int]) -> None:
    (user.home / "big").write_bytes(os.urandom(300_000_000))
    name = f"frozen-{user.home.name}"
    job = user.run("cp", "--detach", "file:big", f"{name}@disk:1").stdout.strip()
    eventually(lambda: user.json("transfers", "show", job)["files"]["running"])
    pid = user.pid()
    for storage in frozen_storage:
        os.kill(storage, signal.SIGSTOP)
    begin = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    eventually(lambda: not alive(pid), STOP_LIMIT + SLACK)
    took = time.monotonic() - begin
    assert took < STOP_LIMIT + SLACK
    for storage in frozen_storage:
        os.kill(storage, signal.SIGCONT)
    assert user.run("transfers", "wait", job, timeout=90).returncode == 0
    user.must("rm", name)


def test_stop_lets_no_worker_live_on(user: User) -> None:
    (user.home / "a").write_bytes(os.urandom(1000))
    user.must("cp", "file:a", f"workers-{user.home.name}")
    pid = user.pid()
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    user.must("daemon", "stop")
    eventually(lambda: not any(alive(process) for process in [pid, *children]))
    assert not socket_of(user).exists()


def test_the_daemon_notifies_systemd_of_ready_alive_and_stopping(stranger: User) -> None:
    address = str(stranger.home / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(20)
        process = start_daemon(stranger, "--foreground", NOTIFY_SOCKET=address, WATCHDOG_USEC="400000")
        states = [manager.recv(100) for _ in range(4)]
        assert states[0] == b"READY=1"
        assert set(states[1:]) == {b"WATCHDOG=1"}
        process.send_signal(signal.SIGTERM)
        while (state := manager.recv(100)) == b"WATCHDOG=1":
            continue
        assert state == b"STOPPING=1"
    assert process.wait(STOP_LIMIT + SLACK) == 0


def test_it_runs_on_the_standard_loop_without_uvloop(user: User) -> None:
    (user.home / "block").mkdir()
    (user.home / "block/uvloop.py").write_text("raise ImportError('not here')\n", encoding="utf-8")
    start_daemon(user, PYTHONPATH=str(user.home / "block"))
    eventually(socket_of(user).exists)
    assert user.must("pwd", env={**user.environment}).startswith("/alice/")
