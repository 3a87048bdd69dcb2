"""Repeating a copy of many files that are there already, compared with alienpy, and the requests that it costs.

alienpy compares sizes and times; alienctl reads the local files and compares md5s. No number of replicas is requested.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial

from tests.bench.measurement import Stage, compared, in_turns, must, setting

FILES = 1000


def measure(stage: Stage) -> Iterator[str]:
    """Measure `cp` of files of 1 KiB that are there, up and down."""
    source, back, lfn = stage.work / "source", stage.work / "back", f"{stage.home()}repeated/"
    source.mkdir()
    for number in range(FILES):
        (source / f"{number:04}").write_bytes(os.urandom(1024))
    stage.must("cp", f"file:{source}/", f"{lfn}@disk:1")
    stage.must("cp", lfn, f"file:{back}/")
    programs = {"alienctl cp": stage.alienctl, "alien.py cp": stage.alien_py}
    rounds = setting("BENCH_ROUNDS", 3)
    for way, words in (("up", (f"file:{source}/", lfn)), ("down", (lfn, f"file:{back}/"))):
        asked: dict[str, int] = {}
        runs = {
            name: partial(_copy, stage, program, words, partial(asked.update), name)
            for name, program in programs.items()
        }
        medians = in_turns(runs, rounds, stage.commands)
        yield f"{FILES} files of 1 KiB {way} again that are there (median of {rounds} in turns)"
        yield from compared(medians, lambda seconds: f"{FILES / seconds:6.0f} files/s", {"alien.py cp": "1.3 x"})
        for name, count in asked.items():
            goal = "   (goal: 0.02)" if name == "alienctl cp" else ""
            yield f"  {name:<28}{count / FILES:7.3f} commands a file{goal}"


def _copy(
    stage: Stage, program: str, words: tuple[str, str], record: Callable[[dict[str, int]], None], name: str
) -> None:
    must(program, "cp", *words)
    record({name: sum(stage.commands().values())})
