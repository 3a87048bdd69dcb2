"""Copying processes are suspended at random moments: each is noticed and replaced, and its copies arrive."""

from __future__ import annotations

import os
import signal
import time

from tests.faults.campaign import Ground, Order, Report, children, ground
from tests.faults.checker import check
from tests.faults.load import Load, wait_for
from tests.harness import alive

WHAT = "copying processes suspended at random moments"
ROUNDS, SHORT = 20, 1
_LONGEST = 0.5


def run(order: Order) -> Report:
    """Suspend so many processes, all of a wave of load at once; then compare."""
    with ground(order) as place:
        load = Load(place, largest=20_000_000)
        waited: list[float] = []
        while place.report.faults < order.rounds:
            jobs = load.submit()
            suspended = _suspend(place)
            begin = time.monotonic()
            wait_for(place, jobs, 300)
            waited.append(time.monotonic() - begin)
            for pid in filter(alive, suspended):  # one without copies is not asked whether it responds
                os.kill(pid, signal.SIGCONT)
        check(place, load.promises)
        place.report.notes.append(f"the slowest wave took {max(waited):.0f} s")
        return place.report


def _suspend(place: Ground) -> list[int]:
    time.sleep(place.chance.uniform(0.0, _LONGEST))
    workers = children(place.user.pid())
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
        place.report.faults += 1
    return workers
