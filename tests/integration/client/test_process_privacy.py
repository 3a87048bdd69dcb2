"""Other programs of the same user cannot look into the daemon and its workers."""

from __future__ import annotations

from pathlib import Path

from tests.harness import Grid, User, needs_root

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
