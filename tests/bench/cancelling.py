"""The time until a cancelled copy has ended: an active, a throttled, and one with a frozen storage element."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.bench.measurement import Stage, timed

MIB = 512
_CASES: dict[str, tuple[str, ...]] = {
    "moving": (),
    "throttled": ("transfers", "limit", "--job", "{job}", "rate=1M"),
    "from a frozen server": ("sandbox", "fault", "freeze", "SE1"),
}
"""The preparation of each copy before it is cancelled."""


def measure(stage: Stage) -> Iterator[str]:
    """Measure the time to the command's answer, and to the removal of the partial file."""
    lfn = f"{stage.home()}bench-cancel"
    stage.must("sandbox", "file", lfn, f"{MIB}M", "--copies", "1")
    yield "Cancelling a download"
    for what, words in _CASES.items():
        place = stage.work / what.replace(" ", "-")
        job = stage.must("cp", "--detach", lfn, f"file:{place}/f")
        part = _moving(place)
        if words:
            stage.must(*(word.format(job=job) for word in words))
        try:
            begin = time.monotonic()
            reported = timed(partial(stage.must, "transfers", "cancel", job))
            while part.exists():
                if time.monotonic() > begin + 60:
                    raise SystemExit("a cancelled copy does not end")
                time.sleep(0.005)
            ended = time.monotonic() - begin
        finally:
            stage.must("sandbox", "fault", "clear")
        yield f"  {what:<24}answered after {reported:5.2f} s, ended after {ended:5.2f} s"


def _moving(directory: Path) -> Path:
    """Wait for a non-empty partial file and return it."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        for path in directory.glob(".*.part"):
            if path.stat().st_blocks:
                return path
        time.sleep(0.002)
    raise SystemExit("a download does not begin")
