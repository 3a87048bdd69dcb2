"""A download whose daemon is killed in the middle: what is left to do afterwards, beside the whole."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from tests.bench.stage import Stage, timed

MIB = 512


def measure(stage: Stage) -> Iterator[str]:
    """Kill when half of it is there; from the next command to the end of the job."""
    lfn = f"{stage.home()}bench-resume"
    stage.must("sandbox", "file", lfn, f"{MIB}M", "--copies", "1")
    whole = timed(lambda: stage.must("cp", lfn, f"file:{stage.work}/whole"))
    stage.must("sandbox", "fault", "slow", "SE1", "0.3")  # or it would be over before it can be met
    try:
        job = stage.must("cp", "--detach", lfn, f"file:{stage.work}/half/f")
        there = _killed_at(stage, job)
    finally:
        stage.must("sandbox", "fault", "clear")
    begin = time.monotonic()
    stage.must("transfers", "list")
    up = time.monotonic() - begin
    stage.must("transfers", "wait", job)
    rest = time.monotonic() - begin
    yield f"A download of {MIB} MiB whose daemon is killed (md5 checked over all of it)"
    yield f"  undisturbed              {whole:6.2f} s"
    yield f"  killed at {there:4.0f} MiB        {rest:6.2f} s from the next command to the end"
    yield f"  answer to that command   {up:6.2f} s"


def _killed_at(stage: Stage, job: str) -> float:
    daemon, end = stage.daemon(), time.monotonic() + 60
    while time.monotonic() < end:
        moved = _moved(stage, job)
        if moved > MIB / 2:
            os.kill(daemon, 9)
            return moved
        time.sleep(0.01)
    raise SystemExit("a download does not come to its half")


def _moved(stage: Stage, job: str) -> float:
    """MiB of the running copy."""
    shown = stage.json("transfers", "show", job)["transfers"]
    return sum(float(one["bytes_done"]) for one in shown) / 2**20
