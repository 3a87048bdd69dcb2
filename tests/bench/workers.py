"""Copying processes: their memory while 16 copies run, and how soon one that was killed is replaced."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from tests.bench.stage import Stage, children, proportional_memory

COPIES, MIB = 16, 64


def measure(stage: Stage) -> Iterator[str]:
    """16 downloads from one slow storage element."""
    home = stage.home()
    for number in range(COPIES):
        stage.must("sandbox", "file", f"{home}bench-workers/{number}", f"{MIB}M", "--copies", "1")
    stage.must("transfers", "limit", f"files={COPIES}", f"se={COPIES}")
    stage.must("sandbox", "fault", "slow", "SE1", "0.3")
    try:
        yield f"Copying processes while {COPIES} downloads of {MIB} MiB run"
        job = stage.must("cp", "--detach", f"{home}bench-workers/", f"file:{stage.work}/back/")
        most = _most_memory(stage, job, seconds=6.0)
        yield f"  memory of all of them, at most   {most:6.0f} MiB (PSS)"
        yield f"  one killed, its replacement is there after {_replaced(stage) * 1000:6.0f} ms"
    finally:
        stage.must("sandbox", "fault", "clear")
        stage.must("transfers", "limit", "files=default", "se=default")
    stage.must("transfers", "wait", job)


def _most_memory(stage: Stage, job: str, seconds: float) -> float:
    most, end, daemon = 0.0, time.monotonic() + seconds, stage.daemon()
    while time.monotonic() < end and stage.json("transfers", "show", job)["state"] in ("expanding", "active"):
        most = max(most, sum(proportional_memory(pid) for pid in children(daemon)))
        time.sleep(0.1)
    return most


def _replaced(stage: Stage) -> float:
    daemon = stage.daemon()
    before = children(daemon)
    begin = time.monotonic()
    os.kill(before[0], 9)
    while not set(children(daemon)) - set(before):
        if time.monotonic() > begin + 20:
            raise SystemExit("a copying process that was killed is not replaced")
        time.sleep(0.001)
    return time.monotonic() - begin
