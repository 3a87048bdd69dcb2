"""Runs the scheduler against a simulated cluster: `make simulation`, or `python -m tests.simulation [--files N]`."""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

from aliend.core.transfers.scheduler import Candidate, Limits, Load, RoundRobin, choose_transfers
from tests.simulation import scenario
from tests.simulation.plot import svg


def main() -> None:
    """Print the figures; write the plot if a file is named."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--plot", type=Path, help="the SVG file to write")
    flags = parser.parse_args()
    print(f"The scheduler with {flags.workers} simulated workers and {flags.files} files, in virtual time", flush=True)
    simulated = scenario.simulation(flags.workers, flags.files)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.process_time()
    figures = scenario.run(simulated)
    seconds = time.process_time() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for line in scenario.report(figures, flags.workers):
        print(line)
    more = (peak - before) / 1024
    print(f"  memory                   {peak / 1024:8.1f} MiB at most, {more:.1f} MiB more than before the run")
    print(f"  CPU of the whole run     {seconds:8.1f} s")
    for jobs, free in ((10, 1), (64, 1), (10, flags.workers), (64, flags.workers)):
        milliseconds = _decision(jobs, free, flags.workers) * 1e3
        print(f"  one decision             {milliseconds:8.2f} ms   {jobs} jobs, {free} free slots")
    if flags.plot:
        flags.plot.write_text(svg(figures.samples, flags.workers))


def _decision(jobs: int, free: int, slots: int) -> float:
    """Return the seconds of CPU of one decision, with 72 candidates of each job, the best of three."""
    candidates = [
        Candidate(1000 * job + n, job, 0, 0, f":/{job}/{n}", size=10**8)
        for job in range(1, jobs + 1)
        for n in range(72)
    ]
    load = Load({1: slots - free}, frozenset(f":/running/{n}" for n in range(slots - free)))
    times = []
    for _ in range(3):
        begin = time.process_time()
        choose_transfers(candidates, load, Limits(files=slots + 1), RoundRobin())
        times.append(time.process_time() - begin)
    return min(times)


if __name__ == "__main__":
    main()
