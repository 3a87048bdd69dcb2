"""Members of an archive on a sandbox grid."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.harness import Grid, User, eventually

SIZES = {"first.dat": 20 * 1024, "second.dat": 300}


def content(lfn: str, size: int) -> bytes:
    return hashlib.shake_128(lfn.encode()).digest(size)


def test_a_directory_of_members_costs_one_ticket_for_the_archive(user: User, grid: Grid) -> None:
    home = user.must("home").rstrip("/")
    eventually(lambda: user.run("ls", f"{home}/archive").returncode == 0)
    for number, (words, variables) in enumerate([((), {}), (("-noxrdzip",), {}), ((), {"ALIENPY_NOXRDZIP": "1"})]):
        grid.stats("--reset")
        target = Path(user.home) / f"back{number}"
        user.must("cp", *words, f"{home}/archive/", f"file:{target}/", env={**user.environment, **variables})
        for name, size in SIZES.items():
            assert (target / name).read_bytes() == content(f"{home}/archive/{name}", size)
        assert (target / "root_archive.zip").exists()
        asked = grid.stats()["commands"]["access"]
        assert asked == (1 if number else 2), "one for root_archive.zip itself; the other is used again"
