"""Tools of all parts of `make bench`. A part is a module of this folder with

    def measure(stage: Stage) -> Iterator[str]:

whose lines are printed immediately: a heading, then two-space indented lines, with the goal after a figure that has
one. It runs if `bench.PARTS` contains its name; alone with `make bench ONLY=NAME`. Compared programs are
measured alternately in one run; the ratios are what counts.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

Run = Callable[[], object]


@dataclass(frozen=True)
class Stage:
    """The wheel's `alienctl` and `alien.py`, both on one running sandbox grid, and a directory.

    The environment (HOME, XDG_..., those of `sandbox env`) is that of this process and of all that it starts, unless
    there is another one (`apart`).
    """

    alien_py: str
    work: Path
    alienctl: str = str(Path(sys.executable).with_name("alienctl"))
    environment: Mapping[str, str] | None = None

    def must(self, *words: str) -> str:
        """Run `alienctl ARGS`, which must succeed, and return its output without the last newline."""
        return must(self.alienctl, *words, environment=self.environment).rstrip("\n")

    def json(self, *words: str) -> dict[str, Any]:
        """Return the document of `alienctl ARGS --json`."""
        document: dict[str, Any] = json.loads(self.must(*words, "--json"))
        return document

    def home(self) -> str:
        """Return the user's directory in the catalogue, with a final slash."""
        return self.must("home").rstrip("/") + "/"

    def commands(self) -> dict[str, int]:
        """Return the numbers of commands that the central service has received since the last call, by name."""
        counted: dict[str, int] = self.json("sandbox", "stats", "--reset")["commands"]
        return counted

    def daemon(self) -> int:
        """Return the daemon's process id."""
        return int(self.json("daemon", "status")["pid"])


@contextmanager
def apart(stage: Stage, *args: str) -> Iterator[Stage]:
    """Create a stage with a separate grid (`sandbox up ARGS`) and daemon, below the directory of `stage`."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("ALIEN", "JALIEN", "X509"))}
    own |= {"HOME": str(stage.work), "ALIEN_PROFILE": "sandbox"}
    for name in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        own[name] = str(stage.work / name.lower())
        Path(own[name]).mkdir(mode=0o700)
    aside = replace(stage, environment=own)
    aside.must("sandbox", "up", *args)
    try:
        yield aside
    finally:
        for words in (("daemon", "stop"), ("sandbox", "down")):
            subprocess.run([stage.alienctl, *words], env=own, capture_output=True)


@contextmanager
def busy(stage: Stage, name: str, copies: int) -> Iterator[list[str]]:
    """Start downloads of one file from a slow storage element; yield the jobs and cancel them at the end."""
    lfn, jobs = f"{stage.home()}{name}", list[str]()
    stage.must("sandbox", "file", lfn, "512M", "--copies", "1")
    try:
        stage.must("transfers", "limit", f"files={copies + 1}", f"se={copies}")  # one slot is for users
        stage.must("sandbox", "fault", "slow", "SE1", "0.2")
        for number in range(copies):
            jobs.append(stage.must("cp", "--detach", lfn, f"file:{stage.work}/back/{number}"))
        wait_until(lambda: running(stage) == copies, f"{copies} copies do not run")
        yield jobs
    finally:
        for job in jobs:
            stage.must("transfers", "cancel", job)
        stage.must("sandbox", "fault", "clear")
        stage.must("transfers", "limit", "files=default", "se=default")


def running(stage: Stage) -> int:
    """Return the number of running copies."""
    return int(stage.json("daemon", "status")["running_transfers"])


def must(*command: str, environment: Mapping[str, str] | None = None) -> str:
    """Run a command that must succeed, and return its output."""
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, env=environment)
    if done.returncode:
        output = (done.stdout + done.stderr).decode(errors="replace")
        raise SystemExit(f"{' '.join(command)}: {done.returncode}\n{output}")
    return done.stdout.decode(errors="replace")


def children(pid: int) -> list[int]:
    """Return the child processes of a process (of the daemon: its worker processes)."""
    text = "".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children"))
    return [int(word) for word in text.split()]


def has_ended(pid: int) -> bool:
    """Return whether a process has ended (a zombie counts as ended)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("Z", "X")
    except OSError:
        return True


def wait_until(condition: Callable[[], object], complaint: str, limit: float = 60.0) -> None:
    """Wait until `condition` is true; end the part with `complaint` after `limit` seconds."""
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"{complaint} ({limit:.0f} s)")
        time.sleep(0.005)


def timed(run: Run) -> float:
    """Return the seconds of one run."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def in_turns(runs: Mapping[str, Run], rounds: int, clear: Run) -> dict[str, float]:
    """Run alternately and return the median seconds of each; call `clear` and flush the disk before each run."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            clear()
            # unwritten gigabytes of an earlier run would delay every fsync
            os.sync()
            seconds[name].append(timed(run))
    return {name: statistics.median(values) for name, values in seconds.items()}


def compared(
    medians: Mapping[str, float], rate: Callable[[float], str], goals: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Yield one line each, with the ratio to the first; `rate` formats the rate for a number of seconds."""
    first = next(iter(medians.values()))
    for name, median in medians.items():
        line = f"  {name:<28}{median:7.2f} s   {median / first:5.2f} x alienctl   {rate(median)}"
        yield line + (f"   (goal: {goals[name]})" if goals and name in goals else "")


def md5(path: Path) -> str:
    """Return the md5 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def proportional_memory(pid: int) -> float:
    """Return the proportional memory (PSS) of a process in MiB."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0.0
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))


def cpu_with_children(pid: int) -> float:
    """Return the seconds of CPU that a process and its children have used, those that have ended included."""
    seconds = 0.0
    for one in (pid, *children(pid)):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        seconds += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return seconds


def percentile(values: list[float], part: float) -> float:
    """Return the least value that at least `part` (0 to 1) do not exceed: of 100, the p99 is the second largest."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * part) - 1)]


def setting(name: str, default: int) -> int:
    """Return a number that the caller of `make bench` may set, for example BENCH_MIB."""
    return int(os.environ.get(name) or default)
