"""The daemon is killed at random moments of a mixed load: what was acknowledged arrives once, and nothing else does."""

from __future__ import annotations

import time

from tests.faults.campaign import Ground, Order, Report, ground
from tests.faults.checker import check
from tests.faults.load import Load, unfinished, wait_for

WHAT = "kill -9 of the daemon at random moments"
ROUNDS, SHORT = 200, 8
_LONGEST = 0.8
"""Seconds that a daemon lives at most, from when it answers."""


def run(order: Order) -> Report:
    """Kill so many times, in waves of load; then compare."""
    with ground(order) as place:
        load = Load(place)
        while place.report.faults < order.rounds:
            jobs = load.submit()
            while place.report.faults < order.rounds and unfinished(place, jobs):
                _kill_once(place)
        wait_for(place, list(load.promises.jobs))
        check(place, load.promises)
        place.report.notes.append(f"{sum(load.promises.jobs.values())} files in {len(load.promises.jobs)} jobs")
        return place.report


def _kill_once(place: Ground) -> None:
    time.sleep(place.chance.uniform(0.0, _LONGEST))
    place.user.kill_daemon()
    place.report.faults += 1
