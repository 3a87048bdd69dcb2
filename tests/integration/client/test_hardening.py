"""Copies work under the restrictions of the systemd unit, applied by a launcher instead of a user manager.

It sets no new privileges, no writable and executable memory, and a seccomp filter: the system calls of
SystemCallFilter, RestrictAddressFamilies and RestrictNamespaces. Only a manager applies the others: RestrictRealtime,
RestrictSUIDSGID, LockPersonality and SystemCallArchitectures (filters of arguments), WatchdogSec and UMask.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.harness import ROOT, Grid, User

LAUNCHER = """
import ctypes, errno, os, socket, sys
prctl = ctypes.CDLL(None).prctl
assert prctl(38, 1, 0, 0, 0) == 0   # PR_SET_NO_NEW_PRIVS
prctl(65, 1, 0, 0, 0)               # PR_SET_MDWE: memory is never writable and executable; Linux 6.3 or later

class Comparison(ctypes.Structure):  # scmp_arg_cmp of libseccomp
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]

library = ctypes.CDLL("libseccomp.so.2")
library.seccomp_init.restype = ctypes.c_void_p
refuse, allow = 0x00050000, 0x7FFF0000  # SCMP_ACT_ERRNO, SCMP_ACT_ALLOW
equal, masked = 4, 7  # SCMP_CMP_EQ, SCMP_CMP_MASKED_EQ
namespaces = 0x7E020080  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, NEWTIME
calls = set(sys.argv[1].split(",")) - {"socket", "clone", "clone3", "unshare", "setns"}
context = ctypes.c_void_p(library.seccomp_init(refuse | errno.EPERM))

def rule(action, name, *comparisons):
    number = library.seccomp_syscall_resolve_name(name.encode())
    if number >= 0:  # otherwise this machine has no such system call
        array = (Comparison * len(comparisons))(*comparisons)
        assert library.seccomp_rule_add_array(context, action, number, len(comparisons), array) == 0, name

for name in calls:
    rule(allow, name)
for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK):
    rule(allow, "socket", Comparison(0, equal, family, 0))
rule(allow, "clone", Comparison(0, masked, namespaces, 0))
rule(refuse | errno.ENOSYS, "clone3")  # its flags are in memory: callers fall back to clone
assert library.seccomp_load(context) == 0
os.execvp(sys.argv[2], sys.argv[2:])
"""


def filter_of_unit() -> list[str]:
    """Return the system calls that the unit allows."""
    unit = (ROOT / "systemd/aliend.service").read_text(encoding="utf-8")
    (group,) = [line.partition("=")[2] for line in unit.splitlines() if line.startswith("SystemCallFilter=")]
    return expanded(group)


def expanded(name: str) -> list[str]:
    """Return the system calls of a group with its subgroups."""
    shown = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True)
    members = [line.strip() for line in shown.stdout.splitlines()[1:] if not line.strip().startswith("#")]
    return [call for member in members if member for call in (expanded(member) if member[0] == "@" else [member])]


def restricted(user: User) -> User:
    """Return the user whose programs run under the restrictions."""
    calls = filter_of_unit()
    assert "openat" in calls
    assert "mount" not in calls
    user.prefix = (sys.executable, "-I", "-c", LAUNCHER, ",".join(calls))
    return user


def test_files_are_copied_under_the_restrictions_of_the_unit(user: User, grid: Grid) -> None:
    content = b"bytes" * 100_000
    (user.home / "up").write_bytes(content)
    restricted(user)
    name = f"{user.must('pwd')}{user.home.name}-hardened"
    user.must("cp", "file:up", f"{name}@disk:2")
    user.must("cp", name, "file:down")
    assert (user.home / "down").read_bytes() == content
    status = Path(f"/proc/{user.pid()}/status").read_text(encoding="ascii")
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status


def test_the_restrictions_refuse_namespaces_and_other_families(user: User) -> None:
    attempts = "import ctypes, socket\nassert ctypes.CDLL(None).unshare(0x10000000) == -1\n"
    attempts += "try:\n    socket.socket(38)\nexcept PermissionError:\n    print('refused')\n"
    tried = subprocess.run(
        [*restricted(user).prefix, sys.executable, "-I", "-c", attempts], capture_output=True, text=True, check=True
    )
    assert tried.stdout.split() == ["refused"]


def test_the_unit_exposes_little_of_the_host(user: User) -> None:
    command = ["systemd-analyze", "security", "--offline=yes", "--user", "--threshold=67"]
    (user.home / "run").mkdir(mode=0o700, exist_ok=True)
    done = subprocess.run(
        [*command, str(ROOT / "systemd/aliend.service")],
        env=user.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr  # above 6.7
    assert "Overall exposure level" in done.stdout
