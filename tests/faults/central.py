"""The central service loses connections, replies, sessions and certificates at random moments of a mixed load."""

from __future__ import annotations

import time

from aliend.sandbox.protocol.faults import IMMEDIATE, LASTING, ONCE
from tests.faults.campaign import Ground, Order, Report, ground
from tests.faults.checker import check
from tests.faults.load import Load, wait_for

WHAT = "the central service with each of its faults"
ROUNDS, SHORT = 52, 13
_VALUES = {
    "close": ("1013", "1011", "1001"),
    "delay": ("0.2", "1"),
    "throttle": ("300",),
    "expire-certificate": ("token", "user"),
}
_COMMANDS = ("access", "commit", "stat", "find", "mv", "rm", "whereis", "")


def run(order: Order) -> Report:
    """Cause each fault in turn, most of them for a randomly chosen command; then compare."""
    kinds = [*ONCE, *LASTING, *IMMEDIATE]
    with ground(order, ALIEND_REPLY_TIMEOUT="6") as place:
        load = Load(place, largest=100_000)
        load.submit()
        wait_for(place, list(load.promises.jobs))
        for number in range(order.rounds):
            _break(place, load, kinds[number % len(kinds)])
            place.report.faults += 1
        check(place, load.promises)
        return place.report


def _break(place: Ground, load: Load, kind: str) -> None:
    words = ["fault", kind]
    if kind in _VALUES:
        words.append(place.chance.choice(_VALUES[kind]))
    if kind in ONCE:
        words += ["--times", str(place.chance.randrange(1, 4))]
        command = place.chance.choice(_COMMANDS)
        words += ["--command", command] if command else []
    jobs = load.submit()
    time.sleep(place.chance.uniform(0.0, 0.5))
    try:
        place.grid.must(*words)
        time.sleep(place.chance.uniform(0.5, 3.0))
    finally:
        if kind not in ONCE:
            place.grid.must("fault", "clear")
    wait_for(place, jobs, limit=240)
    place.grid.must("fault", "clear")
