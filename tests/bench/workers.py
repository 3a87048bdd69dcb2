"""Worker processes: their memory during 16 copies, and the effect of a killed process on its copies."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.bench.measurement import Stage, busy, children, proportional_memory, running, wait_until

COPIES = 16


def measure(stage: Stage) -> Iterator[str]:
    """Measure 16 downloads of a file from one slow storage element."""
    with busy(stage, "bench-workers", COPIES) as jobs:
        yield f"Copying processes while {COPIES} downloads run"
        most = _most_memory(stage, seconds=6.0)
        yield f"  memory of all of them, at most        {most:6.0f} MiB (PSS)   (goal: 256 MiB)"
        yield from _killed(stage, jobs)


def _most_memory(stage: Stage, seconds: float) -> float:
    most, end, daemon = 0.0, time.monotonic() + seconds, stage.daemon()
    while time.monotonic() < end:
        most = max(most, sum(proportional_memory(pid) for pid in children(daemon)))
        time.sleep(0.1)
    return most


def _killed(stage: Stage, jobs: Sequence[str]) -> Iterator[str]:
    """Kill a process that has copies, identified by the attempts that end at that time."""
    daemon = stage.daemon()
    before = children(daemon)
    copying = next(pid for pid in before if _writes(pid))
    began, killed = time.monotonic(), time.time() * 1000
    os.kill(copying, 9)
    wait_until(lambda: set(children(daemon)) - set(before), "a copying process that was killed is not replaced")
    yield f"  one killed: another one is there after {(time.monotonic() - began) * 1000:6.0f} ms"
    wait_until(lambda: running(stage) == COPIES, "the copies of a process that was killed do not run again")
    again = (time.monotonic() - began) * 1000
    hit = [past for job in jobs for past in _ended(stage, job)]
    if not hit:
        raise SystemExit("the process that was killed had no copy")
    back = max(past["began_ms"] + past["seconds"] * 1000 for past in hit) - killed
    charged = sum(past["kind"] != "storage" for past in hit)
    yield f"  its {len(hit):2} copies are in the queue after   {max(0.0, back):6.0f} ms   (goal: 500 ms)"
    yield f"  and run again after                   {again:6.0f} ms"
    yield f"  attempts that it cost them            {charged:6}      (goal: 0)"


def _writes(pid: int) -> bool:
    """Return whether a process has a partial file open; without a copy, only small files have one."""
    return any(fd.readlink().name.endswith(".part") for fd in Path(f"/proc/{pid}/fd").iterdir())


def _ended(stage: Stage, job: str) -> list[dict[str, Any]]:
    """Return the number of ended attempts of a job's file."""
    return [past for one in stage.json("transfers", "show", job)["transfers"] for past in one["history"]]
