"""A command in the foreground survives the end of its daemon: it starts the next one and continues there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import ALIENCTL, ROOT, Grid, User, alive, eventually, make_user

SIZE = 3_000_000
RATE = "rate=20K"
"""A limit under which a file of SIZE bytes takes two minutes and a half; it is lifted after the disturbance."""


def dying_daemon(user: User, where: str, when: str) -> None:
    """Start a daemon that kills itself at a point, see `tests.faults.crashing_daemon`."""
    point = json.dumps({"where": where, "when": when, "call": 1, "about": "", "inside": "daemon"})
    process = subprocess.Popen(
        [sys.executable, "-P", str(ROOT / "tests/faults/crashing_daemon.py"), point],
        env={**user.environment, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    user.started.append(process)
    eventually((user.home / "run/aliend/default.sock").is_socket)


_PAUSING = """
import asyncio, sys
from pathlib import Path
from aliend import __main__
from aliend.store import Store
submit = Store.submit
async def store_and_wait(*arguments):
    job = await submit(*arguments)
    Path(sys.argv[1], "stored").touch()
    while not Path(sys.argv[1], "go").exists():
        await asyncio.sleep(0.01)
    return job
Store.submit = store_and_wait
sys.exit(__main__.main([]))
"""


def pausing_daemon(user: User) -> None:
    """Start a daemon that creates `stored` when it has stored a job, and continues only when `go` exists."""
    user.started.append(
        subprocess.Popen(
            [sys.executable, "-P", "-c", _PAUSING, str(user.home)],
            env=user.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    )
    eventually((user.home / "run/aliend/default.sock").is_socket)


def end(pid: int, number: signal.Signals) -> None:
    os.kill(pid, number)
    eventually(lambda: not alive(pid))


def successor(user: User, pid: int) -> bool:
    """Return whether a daemon other than `pid` runs."""
    status = json.loads(user.run("daemon", "status", "--json").stdout or "{}")
    return bool(status.get("pid", pid) != pid)


def slow_copy(user: User, *words: str) -> subprocess.Popen[bytes]:
    """A copy that runs long enough to be disturbed; it has begun."""
    user.must("transfers", "limit", RATE)
    process = user.start("cp", *words)
    eventually(lambda: user.json("daemon", "status")["running_transfers"])
    return process


def outcome(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    errors = process.communicate(timeout=90)[1].decode()
    return process.returncode, errors


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_an_upload_survives_the_end_of_its_daemon(user: User, folder: str, number: signal.Signals) -> None:
    (user.home / "up").write_bytes(os.urandom(SIZE))
    process = slow_copy(user, "file:up", "up")
    end(user.pid(), number)
    user.must("transfers", "limit", "rate=unlimited")
    code, errors = outcome(process)
    assert (code, "following job 1 again" in errors) == (0, True), errors
    assert user.json("stat", f"{folder}up")
    assert len(user.json("transfers", "list", "--all")["jobs"]) == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_download_survives_the_end_of_its_daemon(user: User, folder: str, number: signal.Signals) -> None:
    content = os.urandom(SIZE)
    (user.home / "up").write_bytes(content)
    user.must("cp", "file:up", f"{folder}down")
    process = slow_copy(user, f"{folder}down", "file:down")
    first = user.pid()
    end(first, number)
    eventually(lambda: successor(user, first))
    end(user.pid(), number)
    user.must("transfers", "limit", "rate=unlimited")
    code, errors = outcome(process)
    assert code == 0, errors
    assert (user.home / "down").read_bytes() == content


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_copy_whose_daemon_dies_while_it_stores_the_job_is_carried_out_once(
    user: User, folder: str, when: str
) -> None:
    (user.home / "a").write_bytes(b"a" * 1000)
    user.must("daemon", "stop")
    dying_daemon(user, "aliend.store.store:Store.submit", when)
    user.must("cp", "file:a", f"{folder}{when}")
    jobs = user.json("transfers", "list", "--all")["jobs"]
    assert [job["target"] for job in jobs] == [f"{folder}{when}"]


@pytest.mark.parametrize(
    ("words", "states"),
    [
        (("cp", "file:up/a", "a"), ["cancelled"]),
        (("sync", "file:up/", "all/"), ["cancelled"]),
        (("cp", "--detach", "file:up/a", "a"), ["active"]),
    ],
)
def test_a_copy_whose_client_is_killed_while_its_job_is_stored_is_cancelled(
    user: User, folder: str, words: tuple[str, ...], states: list[str]
) -> None:
    (user.home / "up").mkdir()
    for name in "ab":
        (user.home / "up" / name).write_bytes(os.urandom(SIZE))
    user.must("transfers", "limit", RATE)
    user.must("daemon", "stop")
    pausing_daemon(user)
    process = user.start(*words)
    eventually((user.home / "stored").exists)
    process.kill()
    process.wait()
    user.must("pwd")  # the daemon has seen that its client is gone
    (user.home / "go").touch()

    def found() -> list[str]:
        return [job["state"] for job in user.json("transfers", "list", "--all")["jobs"]]

    eventually(lambda: found() == states)
    user.must("transfers", "cancel", "--all")


def test_a_detached_copy_whose_daemon_dies_gives_the_number_of_the_job_that_was_stored(user: User, folder: str) -> None:
    (user.home / "a").write_bytes(b"a" * 1000)
    user.must("daemon", "stop")
    dying_daemon(user, "aliend.store.store:Store.submit", "after")
    assert user.must("cp", "--detach", "file:a", f"{folder}a") == "1"
    assert len(user.json("transfers", "list", "--all")["jobs"]) == 1


def test_a_listing_whose_daemon_dies_is_made_again(grid: Grid, user: User, folder: str) -> None:
    user.must("touch", f"{folder}one")
    user.must("touch", f"{folder}two")
    with grid.fault("delay", "60", "--command", "ls"):
        process = user.start("ls", folder)
        eventually(lambda: user.json("daemon", "status")["central"][0]["commands"] > 4)
        before = user.kill_daemon()
        grid.must("fault", "clear")
        output, errors = process.communicate(timeout=120)
    assert (output.decode().split(), process.returncode) == (["one", "two"], 0)
    slow = "alienctl: the central service has not answered `ls` for 5 s; still waiting"
    assert set(errors.decode().splitlines()) <= {slow}
    assert user.pid() != before


def test_a_changing_command_reports_that_its_outcome_is_unknown(grid: Grid, user: User, folder: str) -> None:
    with grid.fault("delay", "60", "--command", "mkdir"):
        commands = user.json("daemon", "status")["central"][0]["commands"]
        process = user.start("mkdir", f"{folder}new")
        eventually(lambda: user.json("daemon", "status")["central"][0]["commands"] > commands)
        user.kill_daemon()
        code, errors = outcome(process)
    assert (code, "its outcome is unknown" in errors) == (75, True)


def test_a_daemon_killed_during_its_start_is_started_again(user: User) -> None:
    process = user.start("pwd")
    lock = user.home / ".local/state/aliend/default/lock"
    eventually(lambda: lock.exists() and lock.read_bytes())
    os.kill(json.loads(lock.read_bytes())["pid"], signal.SIGKILL)
    output, errors = process.communicate(timeout=120)
    assert (output.startswith(b"/alice/"), errors, process.returncode) == (True, b"", 0)


@pytest.fixture
def crowded(grid: Grid) -> Iterator[User]:
    """A user whose central service is not asked for every command."""
    yield from make_user(grid.exports)


FIRST_COMMANDS = 100
"""Five hundred do the same in a minute, and disturb the tests beside this one."""


@pytest.mark.timeout(240)
def test_a_hundred_first_commands_start_one_daemon(crowded: User) -> None:
    processes = [
        subprocess.Popen(
            [ALIENCTL, "dirs"],
            env=crowded.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for _ in range(FIRST_COMMANDS)
    ]
    failures = []
    for process in processes:
        errors = process.communicate(timeout=120)[1]
        if process.returncode:
            failures.append((process.returncode, errors))
    assert failures == []
    log = Path(crowded.home / ".local/state/aliend/default/aliend.log").read_text(encoding="utf-8")
    assert log.count("ready:") == 1
