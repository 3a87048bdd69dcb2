"""Uploads under the throttle of the central service, which delays the commands of a busy user more and more.

`BENCH_THROTTLED` (200) files are uploaded alone, and beside an `alienctl ls` every two seconds. alienpy sends its
commands one after the other, and its time grows with the square of their number: both programs upload fewer files.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.bench.measurement import Stage, compared, must, percentile, setting, timed

POINTS = 100
"""The points with which each run begins: from there on every command is delayed."""
BOTH = 100
"""The number of files that both programs upload."""
_NULL = subprocess.DEVNULL
LS_EVERY = 2.0
"""Seconds from the start of one `ls` to that of the next."""


def measure(stage: Stage) -> Iterator[str]:
    """Measure the time of the upload alone, beside `ls`, and of both programs in turns."""
    try:
        yield from _alone_and_beside(stage, setting("BENCH_THROTTLED", 200))
        yield f"{BOTH} files of 1 KiB up to two replicas, the same (one run each)"
        source, lfn = _filled(stage, "few", BOTH), f"{stage.home()}throttled"
        seconds = {}
        for name, program in (("alienctl cp", stage.alienctl), ("alien.py cp", stage.alien_py)):
            _throttle(stage)
            seconds[name] = timed(partial(must, program, "cp", f"file:{source}/", f"{lfn}-{name[:6]}/@disk:2"))
        yield from compared(seconds, lambda one: f"{BOTH / one:6.1f} files/s", {"alien.py cp": "3 x"})
    finally:
        stage.must("sandbox", "fault", "clear")


def _alone_and_beside(stage: Stage, files: int) -> Iterator[str]:
    """Measure an upload alone, and another one beside `ls`."""
    source, lfn = _filled(stage, "many", files), f"{stage.home()}throttled"
    yield f"{files} files of 1 KiB up to two replicas, the service delays commands beyond {POINTS} points"
    _throttle(stage)
    alone = timed(lambda: stage.must("cp", f"file:{source}/", f"{lfn}-alone/@disk:2"))
    commands = sum(stage.commands().values())
    yield f"  alienctl cp, alone        {alone:6.1f} s   (goal: 50 s)   {commands / files:.2f} commands a file"
    _throttle(stage)
    took, waited = _beside_ls(stage, "cp", f"file:{source}/", f"{lfn}-beside/@disk:2")
    p50, p95 = percentile(waited, 0.5), percentile(waited, 0.95)
    yield f"  alienctl cp, beside ls    {took:6.1f} s   (goal: 80 s)"
    yield f"  alienctl ls, {len(waited):3} times    p50 {p50:5.2f} s, p95 {p95:5.2f} s   (goal: p95 0.7 s)"


def _filled(stage: Stage, name: str, files: int) -> Path:
    source = stage.work / name
    source.mkdir()
    for number in range(files):
        (source / f"{number:03}").write_bytes(os.urandom(1024))
    return source


def _throttle(stage: Stage) -> None:
    """Let the throttle begin again, and its commands be counted from here."""
    stage.must("sandbox", "fault", "clear")
    stage.must("sandbox", "fault", "throttle", str(POINTS))
    stage.commands()


def _beside_ls(stage: Stage, *words: str) -> tuple[float, list[float]]:
    """Run a command; return its seconds, and those of each `ls` beside it."""
    home, begin, waited = stage.home(), time.monotonic(), list[float]()
    copying = subprocess.Popen([stage.alienctl, *words], stdin=_NULL, stdout=_NULL, stderr=_NULL)
    with copying as copy:
        while copy.poll() is None:
            waited.append(timed(lambda: stage.must("ls", home)))
            due = begin + LS_EVERY * len(waited) - time.monotonic()
            try:
                copy.wait(timeout=max(0.0, due))
            except subprocess.TimeoutExpired:
                continue
    if copy.returncode:
        raise SystemExit(f"alienctl {' '.join(words)}: {copy.returncode}")
    return time.monotonic() - begin, waited
