"""A copy of files that are there, and the requests that it and `replicate` cost."""

from __future__ import annotations

import os
import time

from tests.harness import Grid, User

FILES = 60


def asked(grid: Grid) -> dict[str, int]:
    """Return the numbers of commands about files since the last call."""
    commands = grid.stats("--reset")["commands"]
    return {name: count for name, count in commands.items() if name not in ("pwd", "whoami", "ping")}


def test_a_copy_that_is_repeated_at_once_keeps_all_files(user: User, grid: Grid) -> None:
    folder = f"{user.must('pwd')}{user.home.name}/"
    (user.home / "d").mkdir()
    for number in range(FILES):
        (user.home / "d" / f"{number:02}").write_bytes(os.urandom(1024))
    user.must("cp", "file:d/", f"alien:{folder}@disk:1")
    user.must("cp", "file:d/", f"alien:{folder}@disk:1")
    asked(grid)
    user.must("cp", "file:d/", f"alien:{folder}")
    assert sum(asked(grid).values()) <= 1 + FILES // 10
    user.must("cp", folder, "file:back/")
    asked(grid)
    user.must("cp", folder, "file:back/")
    assert sum(asked(grid).values()) <= 1 + FILES // 10
    assert {path.name: path.read_bytes() for path in (user.home / "back").iterdir()} == {
        path.name: path.read_bytes() for path in (user.home / "d").iterdir()
    }


def test_a_small_file_is_replicated_with_five_commands_and_without_a_pause(user: User, grid: Grid) -> None:
    lfn = f"{user.must('pwd')}{user.home.name}"
    (user.home / "f").write_bytes(os.urandom(1024))
    user.must("cp", "file:f", f"{lfn}@disk:1")
    user.must("whereis", lfn)  # the service repeats this answer for 15 s
    asked(grid)
    begin = time.monotonic()
    user.must("replicate", lfn, "--to", "disk:1")
    assert time.monotonic() - begin < 4  # the shortest pause for the catalogue
    assert sum(asked(grid).values()) <= 5
