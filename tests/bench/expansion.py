"""A detached copy of 100,000 files: time to the answer, to the first byte, and until all files are known.

It uses a separate grid, which creates the files at its start, and a separate daemon. `BENCH_FILES` (100000).
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.measurement import Stage, apart, has_ended, setting, wait_until

DIRECTORY = "/alice/sim/million/"
_LONGEST = 300.0


def measure(stage: Stage) -> Iterator[str]:
    """Measure `cp --detach` of the directory, undisturbed and with a kill -9 in the middle."""
    files = setting("BENCH_FILES", 100_000)
    with apart(stage, "--files", str(files)) as aside:
        aside.must("pwd")
        yield f"A directory of {files} files, left to the daemon (one at a time)"
        yield from _undisturbed(aside, files)
        yield from _killed(aside, files)


def _job(stage: Stage, number: str) -> dict[str, Any]:
    jobs = stage.json("transfers", "list", "--all")["jobs"]
    return next(job for job in jobs if str(job["job"]) == number)


def _undisturbed(aside: Stage, files: int) -> Iterator[str]:
    begin = time.perf_counter()
    number = aside.must("cp", "--detach", "-T", "1", DIRECTORY, f"file:{aside.work}/first/")
    yield f"  {'the job has a number':<28}{time.perf_counter() - begin:7.2f} s   (goal: at once)"
    arrived, known = _followed(aside, number, begin, aside.work / "first")
    yield f"  {'the first byte is there':<28}{arrived:7.2f} s   (goal: 2 s)"
    yield f"  {'all files are known':<28}{known:7.2f} s   {files / known:6.0f} files/s   (goal: 30 s)"
    yield f"  {'memory of the daemon':<28}{_peak(aside.daemon()):7.1f} MiB  (RSS, the most so far; goal: 200 MiB)"
    aside.must("transfers", "cancel", number)


def _killed(aside: Stage, files: int) -> Iterator[str]:
    number = aside.must("cp", "--detach", "-T", "1", DIRECTORY, f"file:{aside.work}/second/")
    while not 0 < _job(aside, number)["files"]["total"] < files:
        time.sleep(0.05)
    pid = aside.daemon()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: has_ended(pid), "a daemon that was killed does not end")
    begin = time.perf_counter()
    _, known = _followed(aside, number, begin, aside.work / "second")
    total = _job(aside, number)["files"]["total"]
    yield f"  {'all known after kill -9':<28}{known:7.2f} s   {total} files, each once"
    if total != files:
        raise SystemExit(f"{total} files are known, there are {files}")
    aside.must("transfers", "cancel", number)


def _followed(aside: Stage, number: str, begin: float, target: Path) -> tuple[float, float]:
    """Return the seconds until the first byte of a file, and until all files are known."""
    arrived = known = 0.0
    while not (arrived and known):
        if not arrived and any(path.is_file() and path.stat().st_size for path in target.rglob("*")):
            arrived = time.perf_counter() - begin
        if not known and _job(aside, number)["state"] != "expanding":
            known = time.perf_counter() - begin
        if time.perf_counter() - begin > _LONGEST:
            raise SystemExit(f"job {number} is not expanded after {_LONGEST:.0f} s")
        time.sleep(0.1 if arrived else 0.02)
    return arrived, known


def _peak(pid: int) -> float:
    """Return the peak memory of a process (MiB)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
