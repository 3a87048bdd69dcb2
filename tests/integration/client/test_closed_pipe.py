"""A command ends quietly when the reader of its output has ended, as in `alienctl help | head -1`."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.harness import ALIENCTL, Grid, User

SIGPIPE = 141


@pytest.mark.parametrize(
    "words",
    [
        "help",
        "help cp",
        "help --man",
        "version",
        "version --json",
        "completion bash",
        "daemon status",
        "daemon status --json",
        "daemon logs",
        "pwd",
        "ls -l",
        "ls --json",
        "find . *",
        "whoami -v",
        "transfers list --all --json",
        "transfers limit --json",
        "nosuchcommand",
    ],
)
def test_a_command_ends_quietly(user: User, words: str) -> None:
    user.must("pwd")
    ends_quietly(words.split(), user.environment)


@pytest.mark.parametrize(
    "words",
    [
        "up",
        "up --json",
        "up --help",
        "--help",
        "status",
        "status --json",
        "env",
        "stats",
        "fault",
        "fault --help",
        "set",
    ],
)
def test_a_command_of_the_sandbox_ends_quietly(grid: Grid, words: str) -> None:
    environment = {**os.environ, "XDG_STATE_HOME": str(grid.root)}
    ends_quietly(["sandbox", *words.split()], environment)


def ends_quietly(words: list[str], environment: dict[str, str]) -> None:
    """Run `alienctl WORDS` with a pipe that has no reader."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [ALIENCTL, *words],
            env=environment,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        os.close(writer)
    said = [line for line in done.stderr.splitlines() if "nosuchcommand" not in line]
    assert said == []
    assert done.returncode in (0, 1, SIGPIPE)
