"""The bandwidth limit: its accuracy over a few seconds, fairness between copies, and delay of a change.

`BENCH_RATE_MIB` (20) is the limit in MiB a second.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.measurement import Stage, setting, wait_until

MIB = 1 << 20
WINDOW, WATCHED = 5.0, 9.0
"""Seconds over which a limit must hold, and duration of the measurement."""
SHORT, NEAR = 1.0, 0.1
"""A new limit holds once the rate of each window of SHORT seconds complies with it, within the fraction NEAR."""
CHANGING = 4
"""The number of copies while the limit changes."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The bytes of each copy at the time `at` (seconds, monotonic)."""

    at: float
    copies: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """Return the bytes of all copies."""
        return sum(self.copies)


def measure(stage: Stage) -> Iterator[str]:
    """Measure the limit with 1, 4 and 16 copies of a file, then a change of the limit."""
    rate, lfn = setting("BENCH_RATE_MIB", 20), f"{stage.home()}bench-limited"
    # a single copy must not end during the measurement
    stage.must("sandbox", "file", lfn, f"{int(rate * (WATCHED + 8))}M", "--copies", "1")
    stage.must("transfers", "limit", f"rate={rate}M", "files=17", "se=17")
    try:
        yield f"rate={rate}M: the worst and the best {WINDOW:.0f} s of {WATCHED:.0f} s, and Jain's index of the files"
        for number in (1, 4, 16):
            with _copies(stage, lfn, number) as target:
                yield _held(watched(target, number, WATCHED), number, rate * MIB)
        yield f"rate={rate}M changed while {CHANGING} files move: until every {SHORT:.0f} s has the new rate (+-10 %)"
        with _copies(stage, lfn, CHANGING) as target:
            for new in (rate // 4, rate):
                yield _changed(stage, target, new)
    finally:
        stage.must("transfers", "limit", "rate=default", "files=default", "se=default")


@contextmanager
def _copies(stage: Stage, lfn: str, number: int) -> Iterator[Path]:
    """Start jobs that download the file `number` times; yield their directory; cancel the jobs at the end."""
    target = stage.work / f"limited-{number}"
    target.mkdir()
    jobs = [stage.must("cp", "--detach", lfn, f"file:{target}/{copy}") for copy in range(number)]
    try:
        wait_until(lambda: all(_sizes(target, number)), f"{number} copies do not all move")
        time.sleep(1)  # the bandwidth granted before the other copies started is used up by then
        yield target
    finally:
        for job in jobs:
            stage.must("transfers", "cancel", job)
        shutil.rmtree(target, ignore_errors=True)  # a process may be removing a partial file just now


def watched(target: Path, number: int, seconds: float, pause: float = 0.05) -> list[Seen]:
    """Return samples of the bytes of the copies `0` to `number` - 1 in `target`, every `pause` seconds."""
    seen, until = [Seen(time.monotonic(), _sizes(target, number))], time.monotonic() + seconds
    while seen[-1].at < until:
        time.sleep(pause)
        seen.append(Seen(time.monotonic(), _sizes(target, number)))
    return seen


def _sizes(target: Path, number: int) -> tuple[int, ...]:
    """Return the lengths of the partial files, which are written in order."""
    sizes = [0] * number
    for path in target.iterdir():
        copy = path.name.removeprefix(".").partition(".")[0]
        sizes[int(copy)] = max(sizes[int(copy)], path.stat().st_size)
    return tuple(sizes)


def _held(seen: Sequence[Seen], number: int, limit: int) -> str:
    rates = windows(seen, WINDOW)
    came = [after - before for before, after in zip(seen[0].copies, seen[-1].copies, strict=True)]
    low, high = (100 * rate / limit for rate in (min(rates), max(rates)))
    line = f"  {number:2} files  {low:6.1f} % to {high:6.1f} % of the limit   (goal: 95 % to 105 %)"
    return line + (f"   Jain {jain(came):.3f}   (goal: 0.95)" if number > 1 else "")


def _changed(stage: Stage, target: Path, new: int) -> str:
    begin = time.monotonic()
    stage.must("transfers", "limit", f"rate={new}M")
    seen = watched(target, CHANGING, 4.0, pause=0.02)
    after = followed(seen, new * MIB)
    reported = f"after {(after - begin) * 1000:5.0f} ms" if after else "not within 3 s"
    return f"  to {new:3} MiB/s   {reported}, the command's own time included   (goal: 1000 ms)"


def windows(seen: Sequence[Seen], length: float) -> list[float]:
    """Return the bytes per second in each window of at least `length` seconds that starts at a sample."""
    rates, end = [], 0
    for begin in seen:
        while end < len(seen) and seen[end].at < begin.at + length:
            end += 1
        if end == len(seen):
            break
        rates.append((seen[end].bytes - begin.bytes) / (seen[end].at - begin.at))
    return rates


def followed(seen: Sequence[Seen], limit: int) -> float | None:
    """Return the time of the sample from which on all windows comply with the limit, or None."""
    near = [abs(rate - limit) <= NEAR * limit for rate in windows(seen, SHORT)]
    wrong = max((number for number, is_near in enumerate(near) if not is_near), default=-1)
    return seen[wrong + 1].at if wrong + 1 < len(near) else None


def jain(values: Sequence[int]) -> float:
    """Return Jain's fairness index: 1 if all are equal, 1/n if one has everything."""
    return sum(values) ** 2 / (len(values) * sum(value * value for value in values))
