"""Upload and download of many small files, compared with alienpy, and the requests to the central service.

Runs twice: with a central service on this machine, and with one whose replies are delayed as over a long distance.
`BENCH_ROUNDS` (3) are those of the first.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
from collections.abc import Callable, Iterator
from functools import partial

from tests.bench.measurement import Stage, compared, cpu_with_children, in_turns, must, setting, timed

FILES = 500
FAR_ROUNDS = 2
"""Fewer rounds for the remote service: alienpy sends its requests one after the other."""
DISTANCE = 0.02
"""Delay in seconds of each reply of the remote service; 0.02 is typical between Europe and CERN."""
ALONE = 40
"""Number of files that one xrdcp each downloads; the result is scaled to the number of files of the others."""

Counted = dict[str, dict[str, int]]


def measure(stage: Stage) -> Iterator[str]:
    """Measure the upload of files of 1 KiB to two replicas, and their download."""
    counted: Counted = {}
    near = _Course(stage, "near", FILES, counted)
    yield from _both_ways(near, setting("BENCH_ROUNDS", 3), "")
    yield f"Commands of the central service for {FILES} files (counted there)"
    goals = {"up, alienctl cp": "3.02", "down, alienctl cp": "1"}
    for name, commands in counted.items():
        most = sorted(commands.items(), key=lambda one: -one[1])[:5]
        reported = ", ".join(f"{count} {command}" for command, count in most)
        goal = f"   (goal: {goals[name]} a file and 1 a directory)" if name in goals else ""
        yield f"  {name:<28}{sum(commands.values()) / FILES:7.2f} a file   {reported}{goal}"
    yield from near.cpu_lines()
    stage.must("sandbox", "fault", "delay", str(DISTANCE))
    try:
        where = f", the central service {DISTANCE * 1000:.0f} ms away"
        yield from _both_ways(_Course(stage, "far", FILES, {}), FAR_ROUNDS, where)
    finally:
        stage.must("sandbox", "fault", "clear")


class _Course:
    """A number of files, local and in the catalogue, and the requests of each program to the central service."""

    def __init__(self, stage: Stage, name: str, files: int, counted: Counted) -> None:
        self.stage = stage
        self.files = files
        self.source = stage.work / name
        self.target = stage.work / f"{name}-back"
        self.folder = f"{stage.home()}small-{name}/"
        self._counted = counted
        self._cpu: dict[str, list[float]] = {}
        """Seconds of CPU of each run, by what ran."""
        self._turns = iter(range(10_000))
        self.source.mkdir()
        for number in range(files):
            (self.source / f"{number:03}").write_bytes(os.urandom(1024))

    def up(self, name: str, program: str) -> None:
        """Upload all files to a new directory of the catalogue."""
        self._run(f"up, {name}", program, f"file:{self.source}/", f"{self.folder}{next(self._turns)}/@disk:2")

    def down(self, name: str, program: str) -> None:
        """Download all files to a new local directory."""
        self._run(f"down, {name}", program, f"{self.folder}down/", f"file:{self.target}/")

    def _run(self, what: str, program: str, *words: str) -> None:
        self.stage.commands()
        before = self._cpu_seconds(program)
        must(program, "cp", *words)
        self._cpu.setdefault(what, []).append(self._cpu_seconds(program) - before)
        self._counted[what] = self.stage.commands()

    def _cpu_seconds(self, program: str) -> float:
        """Return the CPU used so far by the daemon with its workers, or by alien.py and all other children."""
        if program == self.stage.alienctl:
            return cpu_with_children(self.stage.daemon())
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    def cpu_lines(self) -> Iterator[str]:
        """Yield the CPU of one file for each program and direction: medians."""
        goals = {"up, alienctl cp": "   (goal: 2.3 ms)", "down, alienctl cp": "   (goal: 1.7 ms)"}
        yield "CPU for one file: daemon and workers, or alien.py with its start-up"
        for what, seconds in self._cpu.items():
            own = 1000 * statistics.median(seconds) / self.files
            yield f"  {what:<28}{own:7.2f} ms{goals.get(what, '')}"

    def medians(self, go: Callable[[str, str], None], rounds: int) -> dict[str, float]:
        """Run both programs alternately."""
        programs = {"alienctl cp": self.stage.alienctl, "alien.py cp": self.stage.alien_py}
        runs = {name: partial(go, name, program) for name, program in programs.items()}
        return in_turns(runs, rounds, lambda: shutil.rmtree(self.target, ignore_errors=True))

    def one_by_one(self) -> float:
        """Return the seconds per file if a separate process downloads each, without verification."""
        pfn = self.stage.json("whereis", f"{self.folder}down/000")["results"][0]["pfn"]
        target = str(self.stage.work / "alone")
        return timed(lambda: [must("xrdcp", "-s", "-f", pfn, target) for _ in range(ALONE)]) / ALONE


def _both_ways(course: _Course, rounds: int, where: str) -> Iterator[str]:
    def rate(seconds: float) -> str:
        return f"{course.files / seconds:6.0f} files/s"

    yield f"{course.files} files of 1 KiB up to two replicas{where} (median of {rounds} in turns)"
    yield from compared(course.medians(course.up, rounds), rate, {"alien.py cp": "6 x" if where else "1.3 x"})
    course.stage.must("cp", f"file:{course.source}/", f"{course.folder}down/@disk:1")
    yield f"{course.files} files of 1 KiB down{where} (median of {rounds} in turns)"
    medians = course.medians(course.down, rounds)
    goals = {"alien.py cp": "6 x" if where else "2 x"}
    if not where:
        medians["xrdcp, one a file, no check"] = course.one_by_one() * course.files
        goals |= {"alienctl cp": "700 files/s", "xrdcp, one a file, no check": "40 x"}
    yield from compared(medians, rate, goals)
