"""Workers are killed at random moments of a mixed load: their copies are retried, the others continue.

A wave has fewer kills than a file has attempts: a file that is alone in every process that dies is rightly given up in
the end.
"""

from __future__ import annotations

import time

from aliend.core.transfers.transfer import MAX_FAILURES
from tests.faults.campaign import Ground, Order, Report, children, ground, kill
from tests.faults.checker import check
from tests.faults.load import Load, unfinished, wait_for

WHAT = "kill -9 of copying processes at random moments"
ROUNDS, SHORT = 100, 6
_LONGEST = 0.3
_WAVE = MAX_FAILURES - 2
"""Kills in a wave of load."""


def run(order: Order) -> Report:
    """Kill so many times, in waves of load; then compare."""
    with ground(order) as place:
        load = Load(place, largest=20_000_000)
        while place.report.faults < order.rounds:
            jobs = load.submit()
            most = min(order.rounds, place.report.faults + _WAVE)
            while place.report.faults < most and unfinished(place, jobs):
                _kill_one(place)
            wait_for(place, jobs)
        check(place, load.promises)
        place.report.notes.append(f"{sum(load.promises.jobs.values())} files in {len(load.promises.jobs)} jobs")
        return place.report


def _kill_one(place: Ground) -> None:
    time.sleep(place.chance.uniform(0.0, _LONGEST))
    workers = children(place.user.pid())
    if workers:
        kill(place.chance.choice(workers))
        place.report.faults += 1
