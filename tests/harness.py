"""Helpers for tests of several folders: sandbox grids, and users with their own daemon and directories."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from alienctl.daemon import record

ROOT = Path(__file__).parents[1]
ALIENCTL = str(Path(sys.executable).with_name("alienctl"))
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away and mount small disks")
UNPRIVILEGED = ("unshare", "--user", "--map-user=1000") if os.geteuid() == 0 else ()
"""A command prefix that makes permissions apply to a program even if root runs the tests."""
SELECTING_PREFIXES = ("ALIEN", "JALIEN", "X509_", "XDG_", "XRD_", "GRPC_")


@contextmanager
def shared_directory() -> Iterator[Path]:
    """Create a directory in which everybody may create names, like `/tmp`, below one that only its owner may change."""
    with tempfile.TemporaryDirectory() as base:
        Path(base).chmod(0o755)
        (place := Path(base, "shared")).mkdir()
        place.chmod(0o1777)
        yield place


def clean_environment() -> dict[str, str]:
    """Return the environment without variables that select a grid, a profile or a directory."""
    return {name: value for name, value in os.environ.items() if not name.startswith(SELECTING_PREFIXES)}


@dataclass(frozen=True)
class Grid:
    """A sandbox grid; `exports` are the variables of `sandbox env` without the profile."""

    root: Path
    exports: dict[str, str]

    def control(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run `sandbox ARGS` on the grid."""
        return sandbox(self.root, *args)

    def must(self, *args: str) -> dict[str, Any]:
        """Run `sandbox ARGS --json`, which must succeed, and return its document."""
        done = self.control(*args, "--json")
        assert done.returncode == 0, f"{args}: {done.stderr}"
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    @contextmanager
    def fault(self, *args: str) -> Iterator[None]:
        """Inject a fault with `sandbox fault ARGS`; clear all faults afterwards."""
        self.must("fault", *args)
        try:
            yield
        finally:
            self.must("fault", "clear")

    @contextmanager
    def settings(self, *assignments: str) -> Iterator[None]:
        """Change limits of the service (`name=value`); restore them afterwards."""
        before = self.must("set")
        self.must("set", *assignments)
        try:
            yield
        finally:
            self.must("set", *(f"{name}={value}" for name, value in before.items()))

    def stats(self, *args: str) -> dict[str, Any]:
        """Return the counters of `sandbox stats`; `--reset` resets them."""
        return self.must("stats", *args)

    @property
    def directory(self) -> Path:
        """Return the directory of the grid's files."""
        return self.root / "aliend" / "sandbox-grid"


@contextmanager
def new_grid(*args: str) -> Iterator[Grid]:
    """Start a separate sandbox grid with `up ARGS`; stop and remove it afterwards."""
    root = Path(tempfile.mkdtemp(prefix="grid", dir="/tmp"))
    try:
        up = sandbox(root, "up", *args)
        assert up.returncode == 0, up.stderr
        yield Grid(root, exports_of(root))
    finally:
        down = sandbox(root, "down")
        shutil.rmtree(root, ignore_errors=True)
        assert down.returncode == 0, down.stderr


def exports_of(root: Path) -> dict[str, str]:
    """Return the variables of `sandbox env` that select a grid, without the profile."""
    script = sandbox(root, "env").stdout
    listed = subprocess.run(
        ["bash", "-c", 'eval "$1"; env -0', "bash", script],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        check=True,
    ).stdout.decode()
    variables = dict(line.split("=", 1) for line in listed.split("\0") if "=" in line)
    keep = ("ALIENPY_", "JALIEN_", "X509_")
    return {name: value for name, value in variables.items() if name.startswith(keep)}


def sandbox(root: Path, *args: str) -> subprocess.CompletedProcess[str]:
    environment = {**clean_environment(), "XDG_STATE_HOME": str(root)}
    return subprocess.run(
        [sys.executable, "-P", "-m", "aliend.sandbox", *args],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


@dataclass
class User:
    """A user with a separate home, runtime directory and daemon; `prefix` starts each command line."""

    home: Path
    variables: dict[str, str]
    command: str = ALIENCTL
    prefix: tuple[str, ...] = ()
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of this user's commands. The session is named: without a terminal none would last."""
        return {
            **clean_environment(),
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            "ALIEN_SESSION": "tests",
            **self.variables,
        }

    def run(self, *args: str, timeout: float = 120, **options: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401
        """Run `alienctl ARGS` to its end."""
        return subprocess.run(
            [*self.prefix, self.command, *args],
            env=options.pop("env", self.environment),
            cwd=options.pop("cwd", self.home),
            stdin=options.pop("stdin", subprocess.DEVNULL),
            capture_output=True,
            text=True,
            timeout=timeout,
            **options,
        )

    def must(self, *args: str, **options: Any) -> str:  # noqa: ANN401
        """Run `alienctl ARGS`, which must succeed, and return its output without the last newline."""
        done = self.run(*args, **options)
        assert done.returncode == 0, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout.rstrip("\n")

    def json(self, *args: str) -> dict[str, Any]:
        """Run `alienctl ARGS --json`, which must succeed, and return its document."""
        document: dict[str, Any] = json.loads(self.must(*args, "--json"))
        return document

    def start(self, *args: str) -> subprocess.Popen[bytes]:
        """Start `alienctl ARGS` without waiting for its end."""
        process = subprocess.Popen(
            [*self.prefix, self.command, *args],
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.started.append(process)
        return process

    def pid(self) -> int:
        """Return the daemon's process id."""
        return int(self.json("daemon", "status")["pid"])

    def kill_daemon(self) -> int:
        """Kill the daemon with SIGKILL, wait for its end, and return its process id."""
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not alive(pid))
        return pid

    def close(self) -> None:
        """Stop all processes of this user."""
        for process in self.started:
            with process:  # closes its pipes, which programs that it started may still hold
                process.kill()
        self.run("daemon", "stop", timeout=120)
        self.stop_daemons()

    def stop_daemons(self) -> None:
        """Stop the daemons of all profiles and state directories below the home, whatever the variables are now."""
        for pid in self.daemons():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
                os.kill(pid, signal.SIGTERM)
        eventually(lambda: not self.daemons())

    def daemons(self) -> list[int]:
        """Return the process ids of the daemons with their state below the home."""
        holders = [record.lock_holder(str(lock.parent)) for lock in self.home.rglob("aliend/*/lock")]
        return [pid for pid in holders if pid]


def make_grid_directory(user: User) -> str:
    """Create a catalogue directory for this test only, and make it the user's current directory."""
    name = f"{user.must('pwd')}{user.home.name}/"
    user.must("mkdir", "-p", name)
    user.must("cd", name)
    return name


def make_user(variables: dict[str, str]) -> Iterator[User]:
    """Create a user, yield it, and clean up."""
    home = Path(tempfile.mkdtemp(prefix="user", dir="/tmp"))
    (home / "run").mkdir(mode=0o700)
    user = User(home, dict(variables))
    try:
        yield user
    finally:
        user.close()
        shutil.rmtree(home, ignore_errors=True)


def alive(pid: int) -> bool:
    """Return whether a process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")


def eventually(condition: Callable[[], object], limit: float = 60.0) -> None:
    """Wait until `condition` is true; fail after `limit` seconds."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"not within {limit} s"
        time.sleep(0.02)
