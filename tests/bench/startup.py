"""CPU seconds of `alienctl pwd` (warm) and of `python3 -c pass`, in turns; prints both medians and their ratio."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

RUNS = 20


def cpu_seconds(command: list[str]) -> float:
    """User and system time of one run, in seconds."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measure and print."""
    python = Path(sys.executable)
    ours = [str(python.with_name("alienctl")), "pwd"]
    base = [str(python), "-c", "pass"]
    cpu_seconds(ours)
    pairs = [(cpu_seconds(ours), cpu_seconds(base)) for _ in range(RUNS)]
    mine, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"  alienctl pwd      {mine * 1000:6.1f} ms of CPU")
    print(f"  python3 -c pass   {bare * 1000:6.1f} ms of CPU   ratio {mine / bare:.2f}")


if __name__ == "__main__":
    main()
