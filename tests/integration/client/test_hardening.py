"""Copies work under the restrictions of the systemd unit that a process can set for itself.

Only a user manager can apply the others: SystemCallFilter, RestrictAddressFamilies and RestrictNamespaces.
"""

from __future__ import annotations

import sys

from tests.harness import Grid, User

LAUNCHER = """
import ctypes, os, sys
prctl = ctypes.CDLL(None).prctl
assert prctl(38, 1, 0, 0, 0) == 0   # PR_SET_NO_NEW_PRIVS
prctl(65, 1, 0, 0, 0)               # PR_SET_MDWE: memory is never writable and executable; Linux 6.3 or later
os.execvp(sys.argv[1], sys.argv[1:])
"""


def test_files_are_copied_without_writable_executable_memory_and_new_privileges(user: User, grid: Grid) -> None:
    user.prefix = (sys.executable, "-I", "-c", LAUNCHER)
    content = b"bytes" * 100_000
    (user.home / "up").write_bytes(content)
    name = f"{user.must('pwd')}{user.home.name}-hardened"
    user.must("cp", "file:up", name)
    user.must("cp", name, "file:down")
    assert (user.home / "down").read_bytes() == content
