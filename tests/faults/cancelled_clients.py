"""Clients of foreground copies are interrupted or killed at random moments; the same copy is then made again.

A cancelled download keeps only partial files that its job knows. A cancelled upload leaves all replicas or none. Every
third round ends the client about when it submits its job; a job that went on would take longer than the part waits.
"""

from __future__ import annotations

import signal
import time

from tests.faults.campaign import Ground, Order, Report, ground, md5
from tests.faults.checker import Promises, check
from tests.harness import eventually

WHAT = "clients of copies interrupted and killed"
ROUNDS, SHORT = 30, 2
_SIZE = 12_000_000
_LIMIT = "8M"
"""Bytes per second, so that a copy takes more than a second."""
_LONGEST = 2.5
_EARLY, _EARLY_LIMIT = 0.6, "20K"
_END_LIMIT = 240
"""Seconds for the end of the job of an interrupted client; a storage element may have to rest meanwhile."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)


def run(order: Order) -> Report:
    """Interrupt so many copies, make each again; then compare."""
    with ground(order) as place:
        promises = Promises()
        for number in range(order.rounds):
            _interrupt(place, promises, number)
            place.report.faults += 1
        eventually(lambda: _is_clean(place), 90)
        check(place, promises)
        return place.report


def _interrupt(place: Ground, promises: Promises, number: int) -> None:
    content = place.chance.randbytes(_SIZE)
    source, lfn = place.user.home / f"source{number}", f"{place.folder}f{number}"
    source.write_bytes(content)
    words = (f"file:source{number}", f"{lfn}@disk:2")
    if number % 2:
        place.user.must("cp", *words)
        promises.local[place.user.home / "targets" / f"down{number}"] = md5(content)
        words = (lfn, f"file:targets/down{number}")
    is_early = number % 3 == 2
    process = place.user.start("cp", "--limit", _EARLY_LIMIT if is_early else _LIMIT, *words)
    time.sleep(place.chance.uniform(0.0, _EARLY if is_early else _LONGEST))
    process.send_signal(place.chance.choice(_SIGNALS))
    process.communicate(timeout=60)
    _wait_for_end(place)
    done = place.user.run("cp", *words)
    place.must_be(done.returncode == 0, f"{words} after an interrupt: {done.returncode}: {done.stderr}")
    promises.entries[lfn] = md5(content)


def _wait_for_end(place: Ground) -> None:
    """Wait until no job is unfinished; add to the failure what the jobs wait for."""
    try:
        eventually(lambda: not place.user.json("transfers", "list")["jobs"], _END_LIMIT)
    except AssertionError as error:
        facts = [place.user.run("transfers", *words).stdout for words in (("list",), ("why",))]
        raise AssertionError(f"jobs of interrupted clients do not end: {facts}") from error


def _is_clean(place: Ground) -> bool:
    """Remove all jobs and what they keep; return whether none is left."""
    place.user.run("transfers", "clean")
    return not place.user.json("transfers", "list", "--all")["jobs"]
