"""Other programs of the same user cannot look into the daemon and its workers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.harness import Grid, User, needs_root

FILES = ("environ", "mem", "maps")
"""What remains closed to a program with the same user id, even if that is root."""
READER = """
import os, sys
refused = 0
for path in sys.argv[1:]:
    try:
        os.close(os.open(path, os.O_RDONLY))
    except PermissionError:
        refused += 1
print(refused)
"""
ORDINARY = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
"""A command prefix for a program of the same user without privileges, also if that user is root."""


def refused(pid: int) -> int:
    """Count the files of a process that another program of the same user cannot open."""
    paths = [f"/proc/{pid}/{name}" for name in FILES]
    command = [*ORDINARY, sys.executable, "-I", "-c", READER, *paths]
    return int(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)


def processes(user: User) -> list[int]:
    """The daemon and its workers, of which there is at least one."""
    daemon = user.pid()
    children = Path(f"/proc/{daemon}/task/{daemon}/children").read_text(encoding="ascii").split()
    assert children
    return [daemon, *map(int, children)]


@needs_root
def test_daemon_and_workers_are_closed_and_write_no_core(user: User, grid: Grid) -> None:
    user.variables["BEARER_TOKEN"] = "sesame"
    (user.home / "up").write_bytes(b"bytes")
    user.must("cp", "file:up", f"{user.must('pwd')}{user.home.name}-private")
    found = processes(user)
    for pid in found:
        assert refused(pid) == len(FILES)
        limits = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
        core = next(line for line in limits.splitlines() if line.startswith("Max core"))
        assert core.split()[4:6] == ["0", "0"]
    assert not [pid for pid in found[1:] if b"sesame" in Path(f"/proc/{pid}/environ").read_bytes()]
    user.variables["ALIEND_DEBUGGABLE"] = "1"
    user.must("daemon", "restart")
    assert refused(user.pid()) == 0
