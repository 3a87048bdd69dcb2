"""Sandbox grids of other sizes: more storage elements at two sites, and many catalogue entries."""

from __future__ import annotations

import hashlib
import subprocess
import time
from pathlib import Path

from websockets.asyncio.client import ClientConnection

from tests.harness import new_grid
from tests.integration.websocket_client import HOME, ask, session


async def test_start_and_transfers_are_fast() -> None:
    # three times what is promised: other tests run at the same time
    begin = time.monotonic()
    with new_grid() as grid:
        assert time.monotonic() - begin < 9
        async with session(grid) as connection:
            assert min([await timed(connection, "pwd") for _ in range(50)]) < 0.006
            grid.must("set", "find_cache=0")
            assert min([await timed(connection, "find", "/alice/data/crowded/", "*") for _ in range(5)]) < 0.6


async def timed(connection: ClientConnection, *words: str) -> float:
    begin = time.monotonic()
    await ask(connection, *words)
    return time.monotonic() - begin


def fetch(source: str, target: Path) -> None:
    subprocess.run(["xrdcp", "-f", "-N", source, str(target)], check=True, capture_output=True, timeout=120)


async def test_a_grid_grows_and_only_reset_shrinks_it(tmp_path: Path) -> None:
    with new_grid("--storage", "5", "--files", "2500") as grid:
        async with session(grid) as connection:
            elements = (await ask(connection, "listSEs"))["results"]
            assert [(one["seName"], one["qos"]) for one in elements] == [
                ("ALICE::FARAWAY::SE3", "disk"),
                ("ALICE::FARAWAY::SE4", "disk"),
                ("ALICE::SANDBOX::SE1", "disk"),
                ("ALICE::SANDBOX::SE2", "disk"),
                ("ALICE::SANDBOX::TAPE1", "tape"),
            ]
            booked = (await ask(connection, "access", "-s", "9", "write", f"{HOME}x", "disk:2,tape:1"))["results"]
            assert [ticket["se"].rpartition(":")[2] for ticket in booked] == ["SE1", "SE2", "TAPE1"]
            await ask(connection, "setSite", "FARAWAY")
            booked = (await ask(connection, "access", "-s", "9", "write", f"{HOME}y", "disk:2"))["results"]
            assert [ticket["se"].rpartition(":")[2] for ticket in booked] == ["SE3", "SE4"]
            found = (await ask(connection, "find", "/alice/sim/million/", "*"))["results"]
            assert len(found) == 2500
            ticket = (await ask(connection, "access", "read", found[-1]["lfn"]))["results"][0]
            source, target = f"{ticket['url']}?authz={ticket['envelope']}", tmp_path / "copy"
            fetch(source, target)
            assert hashlib.md5(target.read_bytes(), usedforsecurity=False).hexdigest() == ticket["md5"]
        assert grid.control("up", "--files", "3000").returncode == 1
        assert grid.control("down").returncode == 0
        refused = grid.control("up", "--storage", "2")
        assert refused.returncode == 1
        assert "reset --storage 2 --files 2500" in refused.stderr
        assert grid.control("up", "--files", "3000").returncode == 0
        async with session(grid) as connection:
            assert len((await ask(connection, "find", "/alice/sim/million/", "*"))["results"]) == 3000
        assert grid.control("reset", "--storage", "1", "--files", "0").returncode == 0
        assert [one["name"] for one in grid.must("status")["elements"]] == ["ALICE::SANDBOX::SE1"]
