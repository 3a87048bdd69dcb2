"""The limits of the shell that starts the daemon, and the daemon's message if they stop a copy."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.harness import Grid, User

MIB = 1 << 20


def start_daemon(user: User, *limits: str) -> None:
    """Start the daemon from a shell with `ulimit LIMITS`."""
    script = "".join(f"ulimit {limit} && " for limit in limits) + 'exec "$@"'
    command = ["bash", "-c", script, "bash", user.command, "pwd"]
    subprocess.run(command, env=user.environment, cwd=user.home, check=True, capture_output=True, timeout=120)


def limits_of(user: User) -> dict[str, list[str]]:
    """Soft and hard limit of the daemon, by name."""
    lines = Path(f"/proc/{user.pid()}/limits").read_text(encoding="ascii").splitlines()[1:]
    return {line[:26].strip(): line[26:].split()[:2] for line in lines}


@pytest.fixture
def large(user: User, grid: Grid) -> str:
    """A file of 6 MiB in the catalogue."""
    name = f"/alice/cern.ch/user/a/alice/large-{user.home.name}"
    grid.must("file", name, "6M", "--copies", "1")
    return name


def test_soft_limits_of_the_first_shell_do_not_bind(user: User, large: str) -> None:
    start_daemon(user, "-S -f 4000", "-S -n 64", "-S -t 1000")
    limits = limits_of(user)
    assert limits["Max file size"][0] == limits["Max file size"][1]
    assert limits["Max cpu time"][0] == limits["Max cpu time"][1]
    soft, hard = limits["Max open files"]
    assert int(soft) == min(65_536, int(hard) if hard.isdecimal() else 65_536)
    user.must("cp", large, "file:here")
    assert (user.home / "here").stat().st_size == 6 * MIB


def test_a_hard_limit_that_stops_a_copy_is_named_with_its_remedy(user: User, large: str) -> None:
    start_daemon(user, "-f 4000")
    done = user.run("cp", large, "file:here")
    assert done.returncode == 4
    assert [job["state"] for job in user.json("transfers", "list", "--all")["jobs"]] == ["failed"]
    assert "here: the daemon may write at most 4096000 bytes to a file (limit: ulimit -Hf)" in done.stdout + done.stderr
    assert "run `alienctl daemon restart` in a shell with a larger limit" in done.stdout + done.stderr
    assert "resumes automatically" not in done.stdout + done.stderr
    assert not (user.home / "here").exists()
    user.must("daemon", "restart")
    user.must("cp", large, "file:here")
