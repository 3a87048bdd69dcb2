"""A directory of many small files each way, beside alienpy; and what the central service was asked for them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import partial

from tests.bench.stage import Stage, compared, in_turns, must, setting

FILES = 500


def measure(stage: Stage) -> Iterator[str]:
    """500 files of 1 KiB: up to two replicas, and down again."""
    rounds, home = setting("BENCH_ROUNDS", 3), stage.home()
    source, target = stage.work / "small", stage.work / "back"
    source.mkdir()
    for number in range(FILES):
        (source / f"{number:03}").write_bytes(os.urandom(1024))
    turn = iter(range(10_000))
    counted: dict[str, dict[str, int]] = {}

    def up(program: str) -> None:
        lfn = f"{home}small-{next(turn)}/"
        stage.commands()
        must(program, "cp", f"file:{source}/", f"{lfn}@disk:2")
        counted[f"up, {_name(stage, program)}"] = stage.commands()

    def down(program: str) -> None:
        stage.commands()
        must(program, "cp", f"{home}small-down/", f"file:{target}/")
        counted[f"down, {_name(stage, program)}"] = stage.commands()

    medians = in_turns({name: partial(up, name) for name in (stage.alienctl, stage.alien_py)}, rounds, lambda: None)
    yield f"{FILES} files of 1 KiB up to two replicas (median of {rounds} in turns)"
    yield from _table(stage, medians)
    stage.must("cp", f"file:{source}/", f"{home}small-down/@disk:1")
    medians = in_turns(
        {name: partial(down, name) for name in (stage.alienctl, stage.alien_py)},
        rounds,
        lambda: shutil.rmtree(target, ignore_errors=True),
    )
    yield f"{FILES} files of 1 KiB down (median of {rounds} in turns)"
    yield from _table(stage, medians)
    yield f"Commands of the central service for {FILES} files (counted there)"
    for name, commands in counted.items():
        most = sorted(commands.items(), key=lambda one: -one[1])[:5]
        told = ", ".join(f"{count} {command}" for command, count in most)
        yield f"  {name:<28}{sum(commands.values()) / FILES:7.2f} a file   {told}"


def _name(stage: Stage, program: str) -> str:
    return "alienctl cp" if program == stage.alienctl else "alien.py cp"


def _table(stage: Stage, medians: dict[str, float]) -> Iterator[str]:
    named = {_name(stage, program): seconds for program, seconds in medians.items()}
    return compared(named, lambda seconds: f"{FILES / seconds:6.0f} files/s")
