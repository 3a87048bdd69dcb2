"""What the parts of the campaign share: a grid, a user, a random source, expected results, problems.

A part is a module with `WHAT` (a one-line description), `ROUNDS` and `SHORT` (the rounds of a full and of a short run)
and `run(order) -> Report`. All randomness comes from `Order.seed`, so that a run can be repeated; the timing of
processes cannot.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.harness import Grid, User, make_user, new_grid


@dataclass(frozen=True)
class Order:
    """What a part is to do."""

    rounds: int
    seed: int


@dataclass
class Report:
    """What came of it: the faults that were made, what was wrong afterwards, and what else is worth a word."""

    faults: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class Ground:
    """A grid and a user on it. `folder` is a directory of the catalogue that nobody else uses, with a slash."""

    grid: Grid
    user: User
    chance: random.Random
    folder: str
    report: Report

    def must_be(self, claim: bool, sentence: str) -> bool:
        """A claim that has to hold; it is a problem otherwise."""
        if not claim:
            self.report.problems.append(sentence)
        return claim

    def detach(self, *words: str) -> int:
        """Submit `cp WORDS`; the job's number, which is the daemon's word that the job is stored."""
        return int(self.user.must("cp", "--detach", *words))

    def fill(self, directory: Path, files: int, largest: int) -> dict[str, str]:
        """Make files of random sizes (bytes) and contents; their md5 by name."""
        directory.mkdir(parents=True)
        made = {}
        for number in range(files):
            content = self.chance.randbytes(self.chance.randrange(1, largest))
            (directory / f"{number:02}.root").write_bytes(content)
            made[f"{number:02}.root"] = md5(content)
        return made


@contextmanager
def ground(order: Order, *up: str, **variables: str) -> Iterator[Ground]:
    """Make the ground of a part: a grid started with `up UP`, and a user with those variables."""
    with new_grid(*up) as grid:
        grid.must("set", "find_cache=0", "replica_cache=0")
        with contextmanager(make_user)({**grid.exports, **variables}) as user:
            folder = f"{user.must('pwd').rstrip('/')}/faults/"
            user.must("mkdir", "-p", folder)
            yield Ground(grid, user, random.Random(order.seed), folder, Report())


def md5(content: bytes) -> str:
    """Return the md5 of some content, as the catalogue has it."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def md5_of(path: Path) -> str:
    """Return the md5 of a file; empty if it does not exist."""
    try:
        return md5(path.read_bytes())
    except OSError:
        return ""


def children(pid: int) -> list[int]:
    """Return the child processes of a process."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(word) for word in task.read_text(encoding="ascii").split()]
        except OSError:
            continue
    return found


def kill(pid: int) -> None:
    """SIGKILL to a process of ours, which may be gone already."""
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return
