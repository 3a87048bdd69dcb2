"""The daemon is killed at random moments of a mixed load; finally every file is right and nothing else exists."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from tests.harness import User

FILES = 10
KILLS = 6


def fill(directory: Path, chance: random.Random) -> None:
    directory.mkdir(exist_ok=True)
    for number in range(FILES):
        (directory / f"{number}.root").write_bytes(os.urandom(chance.randrange(1, 3_000_000)))


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.timeout(240)
def test_overwriting_and_downloads_survive_random_kills(user: User, seed: int) -> None:
    chance = random.Random(seed)
    folder = f"{user.must('pwd')}{user.home.name}/"
    fill(user.home / "old", chance)
    fill(user.home / "new", chance)
    user.must("cp", "file:old/", f"{folder}up/@disk:2")
    user.must("cp", "file:old/", f"{folder}down/@disk:1")
    jobs = [
        user.run("cp", "--detach", "-f", "-T", "3", "file:new/", f"{folder}up/@disk:2").stdout.strip(),
        user.run("cp", "--detach", "-T", "3", f"{folder}down/", "file:back/").stdout.strip(),
    ]
    for _ in range(KILLS):
        user.must("transfers", "list")  # starts the daemon
        time.sleep(chance.uniform(0.0, 0.6))  # the moment of the kill, not a wait for something
        user.kill_daemon()
    for job in jobs:
        waited = user.run("transfers", "wait", job, timeout=120)
        assert waited.returncode == 0, user.run("transfers", "show", job).stdout
    assert contents(user.home / "back") == contents(user.home / "old")
    user.must("cp", f"{folder}up/", "file:again/")
    assert contents(user.home / "again") == contents(user.home / "new")
    assert user.must("ls", "-a", f"{folder}up/").split() == [f"{number}.root" for number in range(FILES)]
    for number in range(FILES):
        replicas = user.json("whereis", f"{folder}up/{number}.root")["results"]
        assert len({replica["seName"] for replica in replicas}) == 2
