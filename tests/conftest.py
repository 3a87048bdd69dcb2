"""Fixtures for all folders: a sandbox grid, and users on it."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

from tests.harness import UNPRIVILEGED, Grid, User, make_grid_directory, make_user, new_grid

# A shell ignores SIGINT and SIGQUIT for tests in its background, and nohup ignores SIGHUP; children would inherit that.
for number, usual in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGQUIT, signal.SIG_DFL),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)

# grpcio in this process starts threads in each forked child, which end a child that closes their files before its exec.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

_LOG_LINES = 40

# The same examples in every run, so that a run can be repeated; HYPOTHESIS_PROFILE=random searches for new ones,
# quick is for `make check`.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.register_profile("quick", deadline=None, derandomize=True, max_examples=25)
settings.register_profile("random", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture(scope="session")
def grid() -> Iterator[Grid]:
    """Start one sandbox grid for all tests of this process; its service caches no answers."""
    with new_grid() as made:
        made.must("set", "find_cache=0", "replica_cache=0")
        yield made


@pytest.fixture
def user(grid: Grid) -> Iterator[User]:
    """Create a user of the sandbox grid."""
    yield from make_user(grid.exports)


@pytest.fixture
def folder(user: User) -> str:
    """Create a catalogue directory for this test only, the session's current directory."""
    return make_grid_directory(user)


@pytest.fixture
def powerless(grid: Grid) -> Iterator[User]:
    """Create a user of the sandbox grid to whom permissions apply even if root runs the tests."""
    for user in make_user(grid.exports):
        user.prefix = UNPRIVILEGED
        yield user


@pytest.fixture
def stranger() -> Iterator[User]:
    """Create a user without credentials, whose central service does not run."""
    yield from make_user(
        {"ALIENPY_JCENTRAL": "localhost", "ALIENPY_JCENTRAL_PORT": "9", "JALIEN_TOKEN_CERT": "/nonexistent/token.pem"}
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the last lines of the users' daemon logs to the report of a failed test."""
    report = yield
    fixtures = getattr(item, "funcargs", {}).values() if report.failed else ()
    for user in (one for one in fixtures if isinstance(one, User)):
        for log in sorted(user.home.glob(".local/state/aliend/*/aliend.log")):
            with log.open(encoding="utf-8", errors="replace") as lines:
                report.sections.append((str(log), "".join(deque(lines, _LOG_LINES))))
    return report


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fail if pytest-xdist does not keep the tests of a group on one worker: each would set up the same again."""
    grouped = [item for item in session.items if item.get_closest_marker("xdist_group")]
    if getattr(session.config.option, "loadgroup", False) and not all("@" in item.nodeid for item in grouped):
        raise pytest.UsageError("this pytest-xdist does not group tests; see the versions in pyproject.toml")
