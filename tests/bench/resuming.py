"""A download whose daemon is killed: bytes left to copy, bytes read twice, and correctness of the result.

`BENCH_KILLS` (10) downloads are killed at random offsets, which begin at `BENCH_SEED` (a new one, which is printed).
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from aliend.storage.io.task_context import CHUNK
from tests.bench.measurement import Stage, children, has_ended, md5, must, setting, timed, wait_until

MIB = 512
RANDOM_MIB, PLANTED = 256, 3
"""Size of the files of downloads that are killed at random offsets, and the number damaged before they resume."""
AHEAD = 8 * CHUNK
"""The maximum number of bytes that one copy has requested and not received."""


@dataclass(frozen=True, slots=True)
class Killed:
    """A job whose daemon was killed: bytes that were `kept` in `part`, and that the storage had `read` by then."""

    job: str
    part: Path
    kept: int
    read: int


def measure(stage: Stage) -> Iterator[str]:
    """Kill the daemon at half of the file; then repeatedly at random offsets; then damage the partial file."""
    yield from _half(stage)
    course = _Course(stage)
    kills, seed = setting("BENCH_KILLS", 10), setting("BENCH_SEED", random.SystemRandom().randrange(10**6))
    chance = random.Random(seed)
    wrong, again = 0, list[int]()
    for number in range(kills):
        killed = course.killed(f"killed-{number}", chance.uniform(0.02, 0.9))
        wrong += not course.is_right(killed)
        again.append(course.read() - course.size)
    limit = f"{AHEAD / 2**20:.0f} MiB"
    yield f"{kills} downloads of {RANDOM_MIB} MiB, each with a kill -9 of the daemon at a random offset (seed {seed})"
    yield f"  files that are wrong     {wrong:6}       (goal: 0)"
    twice = f"{max(again) / 2**20:6.1f} MiB at most, {sum(again) / kills / 2**20:.1f} MiB in the mean"
    yield f"  read there twice         {twice}   (goal: {limit}, what is on its way)"
    planted = [course.damaged(f"planted-{number}", chance) for number in range(PLANTED)]
    yield f"  right, though a byte of what was there was changed: {sum(planted)} of {PLANTED}   (goal: all)"


def _half(stage: Stage) -> Iterator[str]:
    lfn = f"{stage.home()}bench-resume"
    stage.must("sandbox", "file", lfn, f"{MIB}M", "--copies", "1")
    whole = timed(lambda: stage.must("cp", lfn, f"file:{stage.work}/whole"))
    stage.must("sandbox", "fault", "slow", "SE1", "0.3")  # slow enough to be killed in the middle
    try:
        job = stage.must("cp", "--detach", lfn, f"file:{stage.work}/half/f")
        there = killed_at(stage, lambda: part_of(stage.work / "half"), MIB << 19)
    finally:
        stage.must("sandbox", "fault", "clear")
    begin = time.monotonic()
    stage.must("transfers", "list")
    up = time.monotonic() - begin
    stage.must("transfers", "wait", job)
    rest = time.monotonic() - begin
    yield f"A download of {MIB} MiB whose daemon is killed (md5 checked over all of it)"
    yield f"  undisturbed              {whole:6.2f} s"
    yield f"  killed at {there / 2**20:4.0f} MiB        {rest:6.2f} s from the next command to the end"
    yield f"  answer to that command   {up:6.2f} s   (goal: 1 s)"


class _Course:
    """A file on one storage element, whose process counts the bytes that it has read."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.size = RANDOM_MIB << 20
        self._lfn = f"{stage.home()}bench-killed"
        stage.must("sandbox", "file", self._lfn, f"{RANDOM_MIB}M", "--copies", "1")
        # the content that the sandbox generates for a name, not that of a copy
        self._md5 = hashlib.md5(hashlib.shake_128(self._lfn.encode()).digest(self.size)).hexdigest()
        server = stage.json("whereis", self._lfn)["results"][0]["pfn"].split("/")[2]
        found = re.search(r'pid="(\d+)"', must("xrdfs", server, "query", "stats", "l"))
        if found is None:
            raise SystemExit(f"{server} does not report its process id")
        self._process = int(found[1])
        self._before = 0

    def read(self) -> int:
        """Return the bytes that the storage element has read from its files since the last download began."""
        return _read_in_all(self._process) - self._before

    def killed(self, name: str, part: float) -> Killed:
        """Start a download and kill the daemon when `part` (0 to 1) of the file has arrived."""
        directory = self.stage.work / name
        self._before = _read_in_all(self._process)
        job = self.stage.must("cp", "--detach", self._lfn, f"file:{directory}/f")
        kept = killed_at(self.stage, lambda: part_of(directory), int(part * self.size))
        return Killed(job, part_of(directory) or directory / "f", kept, self.read())

    def is_right(self, killed: Killed) -> bool:
        """Return whether the complete file has the right content; remove it."""
        self.stage.must("transfers", "wait", killed.job)
        target = killed.part.with_name("f")
        right = md5(target) == self._md5
        target.unlink()
        return right

    def damaged(self, name: str, chance: random.Random) -> bool:
        """Return whether the file becomes right although one byte of the partial file was changed."""
        killed = self.killed(name, chance.uniform(0.3, 0.7))
        with killed.part.open("r+b") as file:
            file.seek(chance.randrange(killed.kept))
            byte = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 0xFF]))
        right = self.is_right(killed)
        # the damage was detected only if everything was read again
        return right and self.read() >= killed.read + self.size


def killed_at(stage: Stage, part: Callable[[], Path | None], offset: int) -> int:
    """Kill the daemon when the file has `offset` bytes; return its bytes after the worker processes have ended."""
    daemon = stage.daemon()

    def is_there() -> bool:
        found = part()
        return found is not None and found.stat().st_size >= offset

    wait_until(is_there, f"a download does not come to byte {offset}")
    processes = children(daemon)
    os.kill(daemon, 9)
    wait_until(lambda: all(map(has_ended, [daemon, *processes])), "the copying processes of a killed daemon do not end")
    found = part()
    if found is None:
        raise SystemExit("a download was over before its daemon was killed")
    return found.stat().st_size


def part_of(directory: Path) -> Path | None:
    """Return the partial file in a directory, or None."""
    return next(directory.glob(".*.part"), None)


def _read_in_all(process: int) -> int:
    """Return the bytes that a process has read from files since its start, including those sent by the kernel."""
    lines = Path(f"/proc/{process}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("rchar:"))
