"""The Python API: `connect()` for programs and threads, `connect_async()` for asyncio.

    from alienctl import api

    with api.connect() as grid:
        for entry in grid.ls("data/"):
            print(entry.name, entry.size)
        grid.copy("data/run1/", "file:run1/").wait()

Results are the dataclasses in `results`, exceptions those in `errors`. `Grid.services` has the stubs of the contract.
"""

from __future__ import annotations

from alienctl.api.async_grid import AsyncCopy, AsyncGrid
from alienctl.api.connection import AsyncConnection, ForkedProcessError
from alienctl.api.errors import GridError
from alienctl.api.grid import Copy, Grid
from alienctl.api.services import Services, messages


def connect(profile: str = "", *, session: str = "") -> Grid:
    """Return the Grid; the daemon is found or started at the first call.

    profile: of the daemon; empty: ALIEN_PROFILE, else `default`. ALIEND_SOCKET names a daemon's socket.
    session: keeps the working directory, also for the next program; empty: ALIEN_SESSION, else the directory begins in
    the home and `cd` changes it for this object only
    """
    return Grid(profile, session)


def connect_async(profile: str = "", *, session: str = "") -> AsyncGrid:
    """Return the Grid for asyncio; the arguments are those of `connect`.

    Raises ForkedProcessError in a forked process that used the asynchronous API before the fork.
    """
    return AsyncGrid(profile, session)


__all__ = [
    "AsyncConnection",
    "AsyncCopy",
    "AsyncGrid",
    "Copy",
    "ForkedProcessError",
    "Grid",
    "GridError",
    "Services",
    "connect",
    "connect_async",
    "messages",
]
