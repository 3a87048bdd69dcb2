"""Other programs of the same user cannot look into the daemon and its workers."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.harness import UNPRIVILEGED, Grid, User, eventually, needs_root

TRACER = """
import ctypes, json, os, sys

libc = ctypes.CDLL(None, use_errno=True)

def trace(process, request):
    if libc.ptrace(request, process, 0, 0):
        raise OSError(ctypes.get_errno(), "")

def read(process, name):
    with open(f"/proc/{process}/{name}", "rb") as file:
        if name == "mem":
            with open(f"/proc/{process}/maps") as maps:
                file.seek(int(maps.read().split("-")[0], 16))
        assert file.read(1)

found = {}
for process in map(int, sys.argv[1:]):
    for name, attempt in (
        ("trace", lambda: trace(process, 0x4206)),  # PTRACE_SEIZE, which ends with this program
        *((name, lambda name=name: read(process, name)) for name in ("environ", "mem", "maps", "auxv")),
        ("descriptors", lambda: os.listdir(f"/proc/{process}/fd") and os.readlink(f"/proc/{process}/fd/0")),
    ):
        try:
            attempt()
            found.setdefault(name, []).append(0)
        except OSError as error:
            found.setdefault(name, []).append(error.errno)
print(json.dumps([os.getuid(), found]))
"""
GROUP = 12345
"""The daemon's group. The files in /proc of a process that is closed to others belong to group 0 instead (proc(5))."""


def group_of_files(pid: int) -> int:
    """Return the group of a process's files in /proc."""
    return Path(f"/proc/{pid}/environ").stat().st_gid


def processes(user: User) -> list[int]:
    """The daemon and its workers, of which there is at least one."""
    daemon = user.pid()
    children = Path(f"/proc/{daemon}/task/{daemon}/children").read_text(encoding="ascii").split()
    assert children
    return [daemon, *map(int, children)]


@needs_root
def test_daemon_and_workers_are_closed_and_write_no_core(user: User, grid: Grid) -> None:
    user.prefix = ("setpriv", f"--regid={GROUP}", "--clear-groups")
    user.variables["BEARER_TOKEN"] = "sesame"
    (user.home / "up").write_bytes(b"bytes")
    user.must("cp", "file:up", f"{user.must('pwd')}{user.home.name}-private")
    found = processes(user)
    for pid in found:
        assert group_of_files(pid) == 0
        limits = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
        core = next(line for line in limits.splitlines() if line.startswith("Max core"))
        assert core.split()[4:6] == ["0", "0"]
    assert not [pid for pid in found[1:] if b"sesame" in Path(f"/proc/{pid}/environ").read_bytes()]
    user.variables["ALIEND_DEBUGGABLE"] = "1"
    user.must("daemon", "restart")
    assert group_of_files(user.pid()) == GROUP


def attempts(pids: list[int]) -> dict[str, set[int]]:
    """Return the errors (0: none) with which another program of the user reads and traces each process."""
    # a program of the same user namespace, without capabilities, is one of the same user for the kernel
    enter = ("nsenter", "--user", "--preserve-credentials", f"--target={pids[0]}") if UNPRIVILEGED else ()
    command = [*enter, sys.executable, "-I", "-c", TRACER, *map(str, pids)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    user, found = json.loads(shown)
    assert user
    return {name: set(errors) for name, errors in found.items()}


@pytest.mark.parametrize("is_debuggable", [False, True], ids=["closed", "debuggable"])
def test_another_program_of_the_user_traces_and_reads_the_processes_only_if_they_are_debuggable(
    user: User, grid: Grid, is_debuggable: bool
) -> None:
    user.prefix = UNPRIVILEGED
    if is_debuggable:
        user.variables["ALIEND_DEBUGGABLE"] = "1"
    (user.home / "up").write_bytes(b"bytes")
    user.must("cp", "file:up", f"{user.must('pwd')}{user.home.name}-private")
    refused = {errno.EPERM, errno.EACCES}

    def is_as_promised() -> bool:
        found = attempts(processes(user))
        return all(errors == {0} if is_debuggable else errors <= refused for errors in found.values())

    eventually(is_as_promised)  # a worker that starts may not have closed itself


def test_the_tickets_of_an_upload_leave_the_database_when_it_ends(user: User, grid: Grid) -> None:
    (user.home / "up").write_bytes(os.urandom(3 << 20))
    target = f"{user.must('pwd')}{user.home.name}-tickets"
    job = user.must("cp", "--detach", "--limit", "20K", "file:up", target)
    state = Path(user.json("daemon", "status")["state_directory"])

    def has_tickets() -> bool:
        return any(b"BEGIN SEALED" in path.read_bytes() for path in state.glob("aliend.db*"))

    eventually(has_tickets)
    user.must("transfers", "limit", "--job", job, "rate=unlimited")
    user.must("transfers", "wait", job)
    with closing(sqlite3.connect(state / "aliend.db")) as connection:  # the log keeps overwritten pages until then
        eventually(lambda: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)
    assert not has_tickets()
    assert (state / "aliend.db-wal").exists()
