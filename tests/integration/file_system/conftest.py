"""A user whose grid this process reads through fsspec."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from alienctl.fsspec import AlienFileSystem
from tests.harness import Grid, User, clean_environment, make_user


@pytest.fixture(scope="module")
def analyst(grid: Grid) -> Iterator[User]:
    """Return a user; this process has the environment of that user as long as the tests of a module run."""
    with contextmanager(make_user)(grid.exports) as user, pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - clean_environment().keys() - {"GRPC_ENABLE_FORK_SUPPORT"}:
            patch.delenv(name)
        for name in ("HOME", "XDG_RUNTIME_DIR", *user.variables):
            patch.setenv(name, user.environment[name])
        AlienFileSystem.clear_instance_cache()
        yield user
        AlienFileSystem.clear_instance_cache()


@pytest.fixture(scope="module")
def files(analyst: User) -> AlienFileSystem:
    """Return the file system of the user; its first call starts the daemon."""
    return AlienFileSystem()


@pytest.fixture(scope="module")
def base(files: AlienFileSystem, analyst: User) -> str:
    """Return a directory of the catalogue for the tests of a module."""
    name = f"/alice/cern.ch/user/a/alice/{analyst.home.name}"
    files.mkdir(name)
    return name
