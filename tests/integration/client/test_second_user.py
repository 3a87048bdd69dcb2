"""Another user of the host tries everything that files, sockets and processes allow; the victim's commands go on."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness import Grid, User, eventually, make_grid_directory, needs_root

pytestmark = needs_root
OTHER = 65534
ATTACKS = """
import ctypes, json, os, resource, socket, sys

places = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
os.setgroups([])
os.setresgid(OTHER, OTHER, OTHER)
os.setresuid(OTHER, OTHER, OTHER)

def system(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), "refused")

def read(path):
    with open(path, "rb") as file:
        file.read(1)

def write(path):
    with open(path, "ab") as file:
        file.write(b"x")

pid = places["pid"]
attacks = {"connect": lambda: socket.socket(socket.AF_UNIX).connect(places["socket"])}
for name in ("socket", "log", "database", "lock", "token"):
    path = places[name]
    attacks |= {
        f"read {name}": lambda path=path: read(path),
        f"write {name}": lambda path=path: write(path),
        f"remove {name}": lambda path=path: os.unlink(path),
        f"replace {name}": lambda path=path: os.symlink("/etc/passwd", f"{path}.new") or os.rename(f"{path}.new", path),
        f"link {name}": lambda path=path: os.link(path, f"{places['shared']}/{name}"),
        f"plant beside {name}": lambda path=path: write(f"{os.path.dirname(path)}/planted"),
        f"list beside {name}": lambda path=path: os.listdir(os.path.dirname(path)),
        f"open up beside {name}": lambda path=path: os.chmod(os.path.dirname(path), 0o777),
    }
for process in places["processes"]:
    attacks |= {f"signal {number} to {process}": lambda p=process, n=number: os.kill(p, n) for number in (0, 2, 15, 9)}
    attacks[f"trace {process}"] = lambda p=process: system(libc.ptrace(16, p, 0, 0))
    attacks[f"limit {process}"] = lambda p=process: resource.prlimit(p, 7, (1, 1))
    for part in ("environ", "mem", "maps", "io", "fd/0", "cwd/x", "root/x", "syscall", "stack"):
        attacks[f"read {part} of {process}"] = lambda p=process, part=part: read(f"/proc/{p}/{part}")

succeeded = []
for name, attack in attacks.items():
    try:
        attack()
        succeeded.append(name)
    except PermissionError:
        pass
    except OSError as error:
        succeeded.append(f"{name}: {error}")
print(json.dumps([len(attacks), succeeded]))
"""
LISTENING = """
import os, socket, sys

os.setresuid(OTHER, OTHER, OTHER)
socket.socket(fileno=int(sys.argv[1])).listen()
"""
PLANTING = """
import os, pathlib, sys

shared, victim = map(pathlib.Path, sys.argv[1:])
os.setresuid(OTHER, OTHER, OTHER)
(shared / "f").symlink_to(victim)
for number in range(1, 10):
    (shared / f".g.{number}.part").symlink_to(victim)
    (shared / f".h.{number}.part").write_bytes(b"planted")
"""


def attack(script: str, *words: str) -> str:
    """Run a script that gives up root first; return its output."""
    command = [sys.executable, "-I", "-c", script.replace("OTHER", str(OTHER)), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


@pytest.fixture
def shared(user: User) -> Path:
    """A directory in the user's home, which others can enter, where everybody may create names."""
    user.home.chmod(0o755)
    place = user.home / "shared"
    place.mkdir()
    place.chmod(0o1777)
    return place


def test_another_user_can_neither_reach_the_daemon_nor_its_files(user: User, grid: Grid, shared: Path) -> None:
    directory = make_grid_directory(user)
    (user.home / "f").write_bytes(b"content")
    user.must("cp", "file:f", f"{directory}f")
    status = user.json("daemon", "status")
    state, pid = Path(status["state_directory"]), int(status["pid"])
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    assert children
    places = {
        "pid": pid,
        "processes": [pid, *map(int, children)],
        "shared": str(shared),
        "socket": status["socket"],
        "log": status["log_file"],
        "database": str(state / "aliend.db"),
        "lock": str(state / "lock"),
        "token": grid.exports["JALIEN_TOKEN_KEY"],
    }
    attempts, succeeded = json.loads(attack(ATTACKS, json.dumps(places)))
    assert attempts > 60
    assert succeeded == []
    assert user.must("cat", f"{directory}f") == "content"
    assert user.pid() == pid


def test_names_that_another_user_planted_in_a_shared_target_are_neither_followed_nor_used(
    user: User, shared: Path
) -> None:
    directory = make_grid_directory(user)
    for name in ("f", "g", "h", "victim"):
        (user.home / name).write_bytes(os.urandom(5000))
    user.must("cp", "file:f", "file:g", "file:h", f"{directory}tree/")
    before = (user.home / "victim").read_bytes()
    attack(PLANTING, str(shared), str(user.home / "victim"))
    job = user.must("cp", "--detach", f"{directory}tree/", f"file:{shared}/")
    eventually(lambda: user.json("transfers", "show", job)["state"] not in ("active", "expanding"))
    assert (user.home / "victim").read_bytes() == before
    assert (shared / "f").is_symlink()
    for path in shared.glob("[gh]"):
        assert path.read_bytes() == (user.home / path.name).read_bytes()
        assert path.stat().st_uid == os.geteuid()
    user.must("transfers", "cancel", job)
    assert user.must("ls", f"{directory}tree").split() == ["f", "g", "h"]


def test_a_client_sends_nothing_to_a_socket_where_another_user_listens(user: User) -> None:
    directory = user.home / "mine"
    directory.mkdir(0o700)
    path = directory / "default.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        subprocess.run(
            [sys.executable, "-I", "-c", LISTENING.replace("OTHER", str(OTHER)), str(listener.fileno())],
            pass_fds=[listener.fileno()],
            check=True,
            timeout=60,
        )
        listener.settimeout(10)
        user.variables["ALIEND_SOCKET"] = str(path)
        result = user.run("--no-autostart", "pwd")
        assert result.returncode == errno.ENOTCONN
        assert f"the user with id {OTHER} listens on {path}; nothing was sent to it" in result.stderr
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(1) == b""
