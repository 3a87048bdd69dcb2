"""The cost of a warm command: CPU and file opens of `alienctl pwd`, compared with `python3 -c pass` and `alien.py pwd`.
Also the times until a started daemon is ready, and of the first command, which starts the daemon.

As a program (`make demo`): the first two only, without the incumbent.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measurement import Stage, has_ended, timed, wait_until

PAIRS = 40
FIRST = 5
"""The number of daemons that each command starts."""


def cpu_milliseconds(*command: str) -> float:
    """Return the user and system time of one run (milliseconds)."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return (usage.ru_utime + usage.ru_stime) * 1000


def opens(*command: str) -> int:
    """Return the number of files that one run opens successfully."""
    traced = subprocess.run(["strace", "-f", "-e", "trace=open,openat", *command], capture_output=True, text=True)
    return sum(1 for line in traced.stderr.splitlines() if "open" in line and "= -1" not in line and "= " in line)


def warm(alienctl: str, pairs: int) -> tuple[float, float]:
    """Return the CPU time of `alienctl pwd` and of `python3 -c pass`: medians of pairs, in milliseconds."""
    ours, bare = (alienctl, "pwd"), (sys.executable, "-c", "pass")
    cpu_milliseconds(*ours)
    measured = [(cpu_milliseconds(*ours), cpu_milliseconds(*bare)) for _ in range(pairs)]
    mine, base = (statistics.median(column) for column in zip(*measured, strict=True))
    return mine, base


def measure(stage: Stage) -> Iterator[str]:
    """Measure CPU and file opens, also of the incumbent; then commands without a daemon."""
    home = stage.home()
    mine, base = warm(stage.alienctl, PAIRS)
    incumbent = statistics.median(cpu_milliseconds(stage.alien_py, "pwd") for _ in range(5))
    more = opens(stage.alienctl, "pwd") - opens(sys.executable, "-c", "pass")
    yield f"Start-up (CPU, medians; {PAIRS} pairs, 5 of alien.py)"
    yield f"  python3 -c pass    {base:8.1f} ms"
    yield f"  alienctl pwd       {mine:8.1f} ms   {mine / base:5.2f} x python3 -c pass   (goal: 1.5 x, better 1.2 x)"
    yield f"  alien.py pwd       {incumbent:8.1f} ms   {incumbent / mine:5.1f} x alienctl pwd   (goal: 20 x)"
    yield f"  file opens         {more:+8d} over python3 -c pass   (goal: +10)"
    ready = [_timed_start(stage, "daemon", "start") for _ in range(FIRST)]
    yield f"A started daemon ({FIRST} times)"
    yield f"  ready after        {statistics.median(ready):8.2f} s, at most {max(ready):.2f} s   (goal: 0.6 s)"
    first = [_timed_start(stage, "ls", home) for _ in range(FIRST)]
    yield f"The first command, which starts the daemon, which logs in ({FIRST} times)"
    yield f"  alienctl ls        {statistics.median(first):8.2f} s, at most {max(first):.2f} s   (goal: 1 s)"


def _timed_start(stage: Stage, *command: str) -> float:
    """Return the seconds of a command that starts the daemon."""
    daemon = stage.daemon()
    stage.must("daemon", "stop")
    wait_until(lambda: has_ended(daemon), "a daemon that was stopped does not end")
    os.sync()  # the daemon flushes its database, and would wait for earlier writes
    return timed(lambda: stage.must(*command))


def main() -> None:
    """Measure the warm command and the bare interpreter."""
    mine, base = warm(str(Path(sys.executable).with_name("alienctl")), 20)
    print(f"  alienctl pwd      {mine:6.1f} ms of CPU")
    print(f"  python3 -c pass   {base:6.1f} ms of CPU   ratio {mine / base:.2f}")


if __name__ == "__main__":
    main()
