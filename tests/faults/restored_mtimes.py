"""Sources are rewritten while they are sent, with their mtime put back: one whole version is registered."""

from __future__ import annotations

import os
import sqlite3
import time
from collections import Counter

from tests.faults.campaign import Ground, Order, Report, ground, md5
from tests.faults.checker import Promises, check
from tests.faults.load import unfinished
from tests.harness import eventually

WHAT = "sources rewritten with their mtime put back"
ROUNDS, SHORT = 30, 2
_SIZE = 8_000_000
_LONGEST = 1.5


def run(order: Order) -> Report:
    """Rewrite so many sources; then compare."""
    with ground(order) as place:
        found: Counter[str] = Counter()
        promises = Promises()
        for number in range(order.rounds):
            found[_rewrite(place, promises, number)] += 1
            place.report.faults += 1
        check(place, promises)
        place.report.notes += [f"{count} {what}" for what, count in found.items()]
        return place.report


def _rewrite(place: Ground, promises: Promises, number: int) -> str:
    old, new = place.chance.randbytes(_SIZE), place.chance.randbytes(_SIZE)
    source, lfn = place.user.home / f"source{number}", f"{place.folder}f{number}"
    source.write_bytes(old)
    before = source.stat()
    job = place.detach("--limit", "8M", f"file:source{number}", f"{lfn}@disk:2")
    time.sleep(place.chance.uniform(0.0, _LONGEST))
    with source.open("r+b") as file:
        file.write(new)
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    place.user.must("transfers", "limit", "--job", str(job), "rate=unlimited")
    eventually(lambda: not unfinished(place, [job]), 90)
    registered = _registered(place, lfn)
    state = place.user.json("transfers", "show", str(job))["state"]
    if state == "done":
        place.must_be(registered in (md5(old), md5(new)), f"round {number}: a mixture was registered as done")
    if registered != md5(new):
        done = place.user.run("cp", "-f", f"file:source{number}", f"{lfn}@disk:2")
        place.must_be(done.returncode == 0, f"round {number}: the new version: {done.stderr}")
    promises.entries[lfn] = md5(new)
    return {md5(old): "old versions", md5(new): "new versions", "": "refused"}.get(registered, "mixtures")


def _registered(place: Ground, lfn: str) -> str:
    """Return the md5 that the catalogue has for a name; empty if it does not have the name."""
    database = sqlite3.connect(f"file:{place.grid.directory}/catalogue.sqlite?mode=ro", uri=True)
    try:
        row = database.execute("SELECT md5 FROM lfn WHERE path = ?", (lfn,)).fetchone()
    finally:
        database.close()
    return str(row[0]) if row else ""
