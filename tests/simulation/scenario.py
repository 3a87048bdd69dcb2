"""The scenario of `make simulation`: six jobs, a third of the workers leaves, the busiest storage element leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import fmean

from tests.simulation.simulation import SAMPLE, Change, Figures, Sample, Simulation
from tests.simulation.waiting_files import SimulatedJob

WORKERS_LEAVE, WORKERS_RETURN, ELEMENT_LEAVES, ELEMENT_RETURNS, URGENT_BEGINS = 500.0, 750.0, 950.0, 1200.0, 300.0
"""Virtual seconds."""
URGENT, LIMITED = 5, 6
"""The job of higher priority, and the one with its own limit."""
_EQUAL = (1, 2, 3)
_FAIR_OVER = _MINUTE = 60.0
_LONGEST = 20000.0


def simulation(workers: int, files: int, elements: int = 20, pace: float = 1.0) -> Simulation:
    """Return the scenario with `files` files; all its times are multiplied by `pace`."""
    part = files / 1_000_000
    jobs = [
        SimulatedJob(1, int(250_000 * part), 200_000_000),
        SimulatedJob(2, int(60_000 * part), 1_000_000_000),
        SimulatedJob(3, int(400_000 * part), 50_000_000),
        SimulatedJob(4, int(190_000 * part), 500_000),
        SimulatedJob(URGENT, int(50_000 * part), 200_000_000, priority=1, begins=URGENT_BEGINS * pace),
        SimulatedJob(LIMITED, int(50_000 * part), 200_000_000, parallel=max(1, workers // 10)),
    ]
    changes = [
        Change(WORKERS_LEAVE * pace, workers=workers - workers // 3),
        Change(WORKERS_RETURN * pace, workers=workers),
        Change(ELEMENT_LEAVES * pace, busiest_is_up=False),
        Change(ELEMENT_RETURNS * pace, busiest_is_up=True),
    ]
    return Simulation(jobs, workers, elements, changes)


def run(simulated: Simulation) -> Figures:
    """Run to the end."""
    return simulated.run(_LONGEST)


def report(figures: Figures, workers: int) -> Iterator[str]:
    """Yield the lines of the report on a run at the normal pace."""
    cpu = sum(seconds for seconds, _ in figures.decisions)
    starts = sum(count for _, count in figures.decisions)
    longest = max(seconds for seconds, _ in figures.decisions)
    samples = figures.samples
    yield f"  files                    {figures.done} done, {figures.failed} failed, in {samples[-1].at:.0f} virtual s"
    yield f"  starts decided           {starts / cpu:8.0f} a second of CPU   (the longest pass: {longest * 1e3:.0f} ms)"
    yield f"  state changes decided    {figures.steps / figures.step_seconds:8.0f} a second of CPU"
    urgent = urgent_part(figures)
    for limited, limit in ((True, "workers"), (False, "storage elements")):
        if fair := fairness(figures, limited_by_workers=limited):
            worst, mean = min(fair), fmean(fair)
            yield f"  fairness (Jain)          {worst:8.3f} at worst, {mean:.3f} in the mean, while {limit} limit"
    yield f"  higher priority          {100 * urgent:8.1f} % of the bytes that start while that job has files"
    yield from _workers_leave(figures, workers)
    yield from _element_leaves(figures)


def _workers_leave(figures: Figures, workers: int) -> Iterator[str]:
    left = workers - workers // 3
    again = _first(figures.samples, WORKERS_LEAVE, lambda one: one.copies >= 0.99 * left)
    back = _first(figures.samples, WORKERS_RETURN, lambda one: one.copies >= 0.99 * workers)
    yield f"  {workers // 3} of {workers} workers leave"
    yield f"    copies                 {figures.lost:8.0f} lost with them; {left} run again within {again:.0f} s"
    yield f"    after their return     {workers:8.0f} run again within {back:.0f} s"


def _element_leaves(figures: Figures) -> Iterator[str]:
    before = _rate(figures.samples, ELEMENT_LEAVES - 100, ELEMENT_LEAVES)
    during = _rate(figures.samples, ELEMENT_LEAVES + 50, ELEMENT_RETURNS)
    back = _first(figures.samples, ELEMENT_RETURNS, lambda one: one.rate >= 0.95 * before)
    yield "  the busiest storage element leaves"
    yield f"    bytes per second       {100 * during / before:8.0f} % of before; {figures.charged} failures charged"
    yield f"    after its return             95 % again within {back:.0f} s"
    lowest = 100 * rate_after_return(figures)
    yield f"    after its return       {lowest:8.0f} % of before in the slowest minute, while files are left to start"


def rate_after_return(figures: Figures, pace: float = 1.0) -> float:
    """Return the part of the bytes per second before that flows in the slowest minute after the element's return.

    Only the time while files are left to start counts.
    """
    before = _rate(figures.samples, (ELEMENT_LEAVES - 100) * pace, ELEMENT_LEAVES * pace)
    size = max(1, int(_MINUTE * pace / SAMPLE))
    rates = [one.rate for one in figures.samples if one.at > ELEMENT_RETURNS * pace and one.jobs_with_files]
    return min(fmean(rates[first : first + size]) for first in range(max(1, len(rates) - size + 1))) / before


def fairness(figures: Figures, *, limited_by_workers: bool) -> list[float]:
    """Return Jain's index of the bytes that the equal jobs start, for each minute in which all of them have files.

    Workers are the limit in a minute in which nearly all of them copy. Minutes of the job of higher priority do not
    count: nothing else starts then.
    """
    size = int(_FAIR_OVER / SAMPLE)
    having = [
        one
        for one in figures.samples
        if one.jobs_with_files.issuperset(_EQUAL) and URGENT not in one.jobs_with_files | one.started.keys()
    ]
    minutes = [having[n : n + size] for n in range(0, len(having) - size + 1, size)]
    return [
        _jain([sum(one.started[job] for one in minute) for job in _EQUAL])
        for minute in minutes
        if limited_by_workers == (sum(one.copies for one in minute) > 0.95 * sum(one.workers for one in minute))
    ]


def urgent_part(figures: Figures) -> float:
    """Return the part of the bytes that belongs to the job of higher priority while it has files."""
    having = [one.started for one in figures.samples if URGENT in one.jobs_with_files][1:]
    total = sum(started.total() for started in having)
    return sum(started[URGENT] for started in having) / total if total else 0.0


def _jain(values: Sequence[float]) -> float:
    return sum(values) ** 2 / max(1.0, len(values) * sum(value * value for value in values))


def _rate(samples: Sequence[Sample], begin: float, end: float) -> float:
    return fmean(one.rate for one in samples if begin < one.at <= end)


def _first(samples: Sequence[Sample], begin: float, holds: Callable[[Sample], bool]) -> float:
    """Return the seconds from `begin` to the first sample for which `holds` is true."""
    return next((one.at - begin for one in samples if one.at > begin and holds(one)), float("inf"))
