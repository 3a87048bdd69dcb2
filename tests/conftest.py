"""Fixtures for all folders: a sandbox grid, and users on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Grid, User, make_user, sandbox


@pytest.fixture(scope="session")
def grid() -> Iterator[Grid]:
    """One sandbox grid for all tests of this process."""
    root = Path(tempfile.mkdtemp(prefix="grid", dir="/tmp"))
    up = sandbox(root, "up")
    try:
        assert up.returncode == 0, up.stderr
        script = sandbox(root, "env").stdout
        listed = subprocess.run(
            ["bash", "-c", 'eval "$1"; env -0', "bash", script], env={"PATH": os.environ["PATH"]}, capture_output=True
        ).stdout.decode()
        variables = dict(line.split("=", 1) for line in listed.split("\0") if "=" in line)
        keep = ("ALIENPY_", "JALIEN_", "X509_")
        yield Grid(root, {name: value for name, value in variables.items() if name.startswith(keep)})
    finally:
        down = sandbox(root, "down")
        shutil.rmtree(root, ignore_errors=True)
        assert down.returncode == 0, down.stderr


@pytest.fixture
def user(grid: Grid) -> Iterator[User]:
    """A user of the sandbox grid."""
    yield from make_user(grid.exports)


@pytest.fixture
def stranger() -> Iterator[User]:
    """A user without credentials, whose central service nobody runs."""
    yield from make_user(
        {"ALIENPY_JCENTRAL": "localhost", "ALIENPY_JCENTRAL_PORT": "9", "JALIEN_TOKEN_CERT": "/nonexistent/token.pem"}
    )
