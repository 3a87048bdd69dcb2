"""One frozen storage element of five: its effect on the others, and the time until it is marked unresponsive.

The others are slow, as if they were remote: the rate of a copy then depends on the storage element, not on this
machine.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.bench.measurement import Stage, apart

OTHERS, FILES, KIB = 4, 600, 64
"""The number of storage elements besides the frozen one, and of files on each."""
ALONE, BESIDE = 20.0, 60.0
"""Duration of the measurement in seconds, without and with the frozen one."""
SETTLED = 8.0
"""Seconds after which the frozen element has been noticed, and all processes run."""
PART = "0.1"
"""The fraction of the time that a slow storage element runs."""
RATE = "100M"
"""A bandwidth limit that is never reached."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Files of the others per second, the longest time (s) without one, and when (s) the frozen one was avoided.

    `later_rate` is that after SETTLED seconds; `rested` is 0 when it was not avoided in the `duration` (s) of the job.
    """

    rate: float
    later_rate: float
    gap: float
    rested: float
    duration: float


def measure(stage: Stage) -> Iterator[str]:
    """Measure the other elements alone; then with files of the frozen one in the same job."""
    with apart(stage, "--storage", str(OTHERS + 2)) as aside:
        # the third is a tape
        *others, frozen = (one["seName"] for one in aside.json("listSEs")["results"] if one["qos"] == "disk")
        lfn = _filled(aside, [*others, frozen])
        for se in others:
            aside.must("sandbox", "fault", "slow", se, PART)
        aside.must("daemon", "stop")  # the number of copies that each element has earned starts again
        alone = _watched(aside, "alone", ALONE, frozen, "-exclude_re", "-frozen$", lfn)
        aside.must("sandbox", "fault", "freeze", frozen)
        aside.must("daemon", "stop")
        beside = _watched(aside, "beside", BESIDE, frozen, lfn)
        yield f"A job of {KIB} KiB files on {len(others)} slow storage elements and a frozen one, file by file in turns"
        yield f"  the others without it    {alone.rate:6.1f} files/s"
        ratio = f"{100 * beside.rate / alone.rate:5.0f} %   (goal: 95 %)"
        yield f"  the others beside it     {beside.rate:6.1f} files/s   {ratio}   nothing came for {beside.gap:.0f} s"
        later = 100 * beside.later_rate / alone.later_rate
        yield f"    after {SETTLED:.0f} s              {beside.later_rate:6.1f} files/s   {later:5.0f} %"
        yield f"  it is put to rest        {_rest(beside)}"
        aside.must("daemon", "stop")  # it would remember that the element is backing off
        aside.must("transfers", "limit", f"rate={RATE}")
        yield f"  with a limit on bandwidth {_rest(_watched(aside, 'metered', BESIDE, frozen, lfn))}"


def _filled(stage: Stage, ses: Sequence[str]) -> str:
    """Create a directory whose files are on these storage elements alternately; return its name."""
    lfn = f"{stage.home()}stalled/"
    for place, se in enumerate(ses):
        source = stage.work / f"source-{place}"
        source.mkdir()
        for number in range(FILES):
            name = f"{number:04}-{'frozen' if se == ses[-1] else place}"
            (source / name).write_bytes(os.urandom(KIB << 10))
        stage.must("cp", f"file:{source}/", f"{lfn}@{se}")
    return lfn


def _watched(stage: Stage, name: str, seconds: float, frozen: str, *words: str) -> Watched:
    """Run `cp` with these arguments until the others' files are copied, at most `seconds`; cancel the rest."""
    target, came, rested = stage.work / name, [(0.0, 0)], 0.0
    begin = time.monotonic()
    job = stage.must("cp", "--detach", *words, f"file:{target}/")
    while came[-1][0] < seconds and came[-1][1] < FILES * OTHERS:
        time.sleep(0.2)
        there = sum(not path.name.startswith(".") and path.is_file() for path in target.rglob("*-?"))
        came.append((time.monotonic() - begin, there))
        if not rested and _rests(stage, frozen):
            rested = time.monotonic() - begin
    stage.must("transfers", "cancel", job)
    moved = [0.0, *(after[0] for before, after in pairwise(came) if after[1] > before[1]), came[-1][0]]
    settled = next(one for one in came if one[0] >= min(SETTLED, came[-1][0] / 2))
    later_rate = (came[-1][1] - settled[1]) / (came[-1][0] - settled[0])
    gap, duration = max(after - before for before, after in pairwise(moved)), came[-1][0]
    return Watched(came[-1][1] / duration, later_rate, gap, rested, duration)


def _rests(stage: Stage, se: str) -> bool:
    elements = stage.json("transfers", "limit")["elements"]
    return any(one["se"] == se and one["state"] == "resting" for one in elements)


def _rest(watched: Watched) -> str:
    reported = f"after {watched.rested:4.0f} s" if watched.rested else f"not within {watched.duration:.0f} s"
    return f"{reported}   (goal: 60 s)"
