"""Many jobs of one file each are submitted and run while the daemon is killed: none is lost, none runs twice.

`FAULT_JOBS` (50) jobs are submitted before each kill: with 5000 and 20 kills the queue grows to nearly 100,000 jobs.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator

from tests.faults.campaign import Ground, Order, Report, ground, kill, md5
from tests.faults.checker import Promises, check
from tests.harness import alive, eventually

WHAT = "kill -9 of the daemon under a queue of jobs of one file"
ROUNDS, SHORT = 20, 1
_JOBS = int(os.environ.get("FAULT_JOBS") or 50)
"""Jobs for each kill."""
_SLOWEST = 20
"""Jobs per second that are submitted, and that are done, on the slowest machine."""
_LONGEST = 0.5
"""Seconds at most between the last submission and the kill, so that jobs are running."""


def run(order: Order) -> Report:
    """Submit jobs and kill so many times; then compare."""
    with ground(order) as place:
        promises, jobs = Promises(), list[int]()
        (place.user.home / "source").mkdir()
        (place.user.home / "jobs").write_text("")
        for number in range(order.rounds):
            place.user.must("daemon", "start")
            pid = place.user.pid()
            jobs += _submit(place, promises, number)
            time.sleep(place.chance.uniform(0.0, _LONGEST))
            kill(pid)
            eventually(lambda gone=pid: not alive(gone))  # type: ignore[misc]
            place.report.faults += 1
        unfinished = ("transfers", "list", "--limit", "1")
        eventually(lambda: not place.user.json(*unfinished)["jobs"], 300 + len(jobs) / _SLOWEST)
        done = Counter(one["job"] for one in place.user.json("transfers", "list", "--all", "--state", "done")["jobs"])
        lost = [job for job in jobs if done[job] != 1]
        place.must_be(not lost, f"jobs that were acknowledged and are not done: {lost[:5]}, {len(lost)} in all")
        place.must_be(len(done) == len(jobs), f"{len(done)} jobs are done, {len(jobs)} were acknowledged")
        check(place, promises)
        place.report.notes.append(f"{len(jobs)} jobs")
        return place.report


def _submit(place: Ground, promises: Promises, number: int) -> list[int]:
    """Submit jobs with one file of commands, in one process; return their numbers."""
    lines = []
    for name in _names(number):
        content = place.chance.randbytes(place.chance.randrange(1, 4000))
        (place.user.home / "source" / name).write_bytes(content)
        promises.entries[f"{place.folder}{name}"] = md5(content)
        lines.append(f"cp --detach file:source/{name} {place.folder}{name}@disk:2")
    script = place.user.home / "jobs"
    script.write_text("\n".join(lines) + "\n")
    done = place.user.run(str(script), timeout=120 + _JOBS / _SLOWEST)
    numbers = [int(line) for line in done.stdout.split() if line.isdigit()]
    place.must_be(len(numbers) == _JOBS, f"{len(numbers)} of {_JOBS} jobs were acknowledged: {done.stderr[:200]}")
    return numbers


def _names(number: int) -> Iterator[str]:
    return (f"{number:03}-{index:03}" for index in range(_JOBS))
