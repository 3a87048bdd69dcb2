"""A directory of 100,000 files, left to the daemon: when it answers, when the first file is there, when all are known.

It has a grid and a daemon of its own, because so many files are there from a grid's start. `BENCH_FILES` (100000).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.stage import Stage, setting

DIRECTORY = "/alice/sim/million/"
_LONGEST = 300.0


class _User:
    """A user with a grid and a daemon of their own below `work`."""

    def __init__(self, stage: Stage) -> None:
        self._alienctl = stage.alienctl
        self.home = stage.work
        places = {name: str(stage.work / name) for name in ("state", "run", "config")}
        for place in places.values():
            Path(place).mkdir(mode=0o700)
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("ALIEN", "JALIEN", "X509"))},
            "HOME": str(stage.work),
            **{
                f"XDG_{'RUNTIME' if name == 'run' else name.upper()}_{_kind(name)}": place
                for name, place in places.items()
            },
        }

    def run(self, *words: str) -> str:
        command = [self._alienctl, "--profile", "sandbox", *words]
        done = subprocess.run(command, env=self._environment, cwd=self.home, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def job(self, number: str) -> dict[str, Any]:
        jobs = json.loads(self.run("transfers", "list", "--all", "--json"))["jobs"]
        return next(job for job in jobs if str(job["job"]) == number)

    def daemon(self) -> int:
        return int(json.loads(self.run("daemon", "status", "--json"))["pid"])


def measure(stage: Stage) -> Iterator[str]:
    """`cp --detach` of the directory, undisturbed and with a kill -9 in the middle."""
    files = setting("BENCH_FILES", 100_000)
    user = _User(stage)
    user.run("sandbox", "up", "--files", str(files))
    try:
        user.run("pwd")
        yield f"A directory of {files} files, left to the daemon (one at a time)"
        yield from _undisturbed(user, files)
        yield from _killed(user, files)
    finally:
        user.run("daemon", "stop")
        user.run("sandbox", "down")


def _undisturbed(user: _User, files: int) -> Iterator[str]:
    begin = time.perf_counter()
    number = user.run("cp", "--detach", "-T", "1", DIRECTORY, "file:first/")
    yield f"  {'the job has a number':<28}{time.perf_counter() - begin:7.2f} s"
    arrived, known = _followed(user, number, begin, user.home / "first")
    yield f"  {'the first file is there':<28}{arrived:7.2f} s"
    yield f"  {'all files are known':<28}{known:7.2f} s   {files / known:6.0f} files/s"
    yield f"  {'memory of the daemon':<28}{_peak(user.daemon()):7.1f} MiB  (the most so far, RSS)"
    user.run("transfers", "cancel", number)


def _killed(user: _User, files: int) -> Iterator[str]:
    number = user.run("cp", "--detach", "-T", "1", DIRECTORY, "file:second/")
    while not 0 < user.job(number)["files"]["total"] < files:
        time.sleep(0.05)
    pid = user.daemon()
    os.kill(pid, signal.SIGKILL)
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        time.sleep(0.02)
    begin = time.perf_counter()
    _, known = _followed(user, number, begin, user.home / "second")
    total = user.job(number)["files"]["total"]
    yield f"  {'all known after kill -9':<28}{known:7.2f} s   {total} files, each once"
    if total != files:
        raise SystemExit(f"{total} files are known, there are {files}")
    user.run("transfers", "cancel", number)


def _followed(user: _User, number: str, begin: float, target: Path) -> tuple[float, float]:
    """Seconds until the first file is there, and until all are known."""
    arrived = known = 0.0
    while not (arrived and known):
        if not arrived and target.is_dir() and any(not path.name.startswith(".") for path in target.rglob("*.*")):
            arrived = time.perf_counter() - begin
        if not known and user.job(number)["state"] != "expanding":
            known = time.perf_counter() - begin
        if time.perf_counter() - begin > _LONGEST:
            raise SystemExit(f"job {number} is not expanded after {_LONGEST:.0f} s")
        time.sleep(0.02)
    return arrived, known


def _peak(pid: int) -> float:
    """The most memory that a process has had (MiB)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def _kind(name: str) -> str:
    return {"state": "HOME", "run": "DIR", "config": "HOME"}[name]
