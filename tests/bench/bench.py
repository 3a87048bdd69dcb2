"""The figures: start-up of a warm command, and one large file each way, beside alienpy and xrdcp.

Called by `run.sh` with the path of `alien.py` and a directory to work in. `BENCH_MIB` sets the file's size (1024).
Each group is measured in turns in one run on one server; read the ratios, not the seconds.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

BIN = Path(sys.executable).parent
ALIENCTL = str(BIN / "alienctl")
MIB = int(os.environ.get("BENCH_MIB", "1024"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))

Run = Callable[[], None]


def must(*command: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command that must succeed."""
    done = subprocess.run(command, capture_output=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.returncode}\n{done.stdout.decode()}\n{done.stderr.decode()}")
    return done


def cpu_milliseconds(*command: str) -> float:
    """User and system time of one run."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return (usage.ru_utime + usage.ru_stime) * 1000


def opens(*command: str) -> int:
    """How many files one run opens with success."""
    traced = subprocess.run(["strace", "-f", "-e", "trace=open,openat", *command], capture_output=True, text=True)
    return sum(1 for line in traced.stderr.splitlines() if "open" in line and "= -1" not in line and "= " in line)


def start_up(alien_py: str) -> None:
    """CPU and file opens of a warm `alienctl pwd`."""
    ours, bare, theirs = [ALIENCTL, "pwd"], [sys.executable, "-c", "pass"], [alien_py, "pwd"]
    must(*ours)
    pairs = [(cpu_milliseconds(*ours), cpu_milliseconds(*bare)) for _ in range(40)]
    mine, base = (statistics.median(column) for column in zip(*pairs, strict=True))
    incumbent = statistics.median(cpu_milliseconds(*theirs) for _ in range(5))
    print("Start-up (CPU, medians; 40 pairs, 5 of alien.py)")
    print(f"  python3 -c pass    {base:8.1f} ms")
    print(f"  alienctl pwd       {mine:8.1f} ms   {mine / base:5.2f} x python3 -c pass")
    print(f"  alien.py pwd       {incumbent:8.1f} ms   {incumbent / mine:5.1f} x alienctl pwd")
    print(f"  file opens         {opens(*ours) - opens(*bare):+8d} over python3 -c pass")


def timed(run: Run) -> float:
    """Seconds of one run."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def compare(title: str, runs: dict[str, Run], clear: Run) -> None:
    """Run each in turns and print medians and ratios to the first."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            clear()
            seconds[name].append(timed(run))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    first = next(iter(medians.values()))
    print(f"{title} (median of {ROUNDS} in turns)")
    for name, median in medians.items():
        print(f"  {name:<28}{median:6.2f} s   {median / first:5.2f} x alienctl   {MIB / median:6.0f} MiB/s")


def copies(alien_py: str, work: Path) -> None:
    """One large file, down from one replica and up to two."""
    home = must(ALIENCTL, "pwd").stdout.decode().strip()
    source, target = work / "big.bin", work / "down.bin"
    with source.open("wb") as file:
        for _ in range(MIB):
            file.write(os.urandom(1024 * 1024))
    lfn, up = f"{home}big.bin", f"{home}up.bin"
    must(ALIENCTL, "cp", f"file:{source}", f"{lfn}@disk:1")
    pfn = json.loads(must(ALIENCTL, "--json", "whereis", lfn).stdout)["results"][0]["pfn"]
    servers = [
        result["pfn"].split("//")[1]
        for result in json.loads(must(ALIENCTL, "--json", "whereis", _two(home, work)).stdout)["results"]
    ]
    target_text = str(target)
    compare(
        f"{MIB} MiB down",
        {
            "alienctl cp (md5 checked)": lambda: _do(ALIENCTL, "cp", lfn, f"file:{target}"),
            "alien.py cp (md5 checked)": lambda: _do(alien_py, "cp", lfn, f"file:{target}"),
            "xrdcp (no check)": lambda: _do("xrdcp", "-s", "-f", pfn, target_text),
            "xrdcp --cksum md5": lambda: _do("xrdcp", "-s", "-f", "--cksum", "md5:source", pfn, target_text),
        },
        lambda: target.unlink(missing_ok=True),
    )
    compare(
        f"{MIB} MiB up to two replicas",
        {
            "alienctl cp": lambda: _do(ALIENCTL, "cp", f"file:{source}", f"{up}@disk:2"),
            "alien.py cp": lambda: _do(alien_py, "cp", f"file:{source}", f"{up}@disk:2"),
            "xrdcp, twice": lambda: _twice(servers, str(source)),
        },
        lambda: _forget(up),
    )


def _do(*command: str) -> None:
    must(*command)


def _two(home: str, work: Path) -> str:
    """A small file with a replica on each storage element, to learn their addresses."""
    small = work / "small"
    small.write_bytes(b"x")
    must(ALIENCTL, "cp", f"file:{small}", f"{home}small@disk:2")
    return f"{home}small"


def _twice(servers: list[str], source: str) -> None:
    for server in servers:
        must("xrdcp", "-s", "-f", "-p", source, f"root://{server}//bench/up.bin")


def _forget(lfn: str) -> None:
    subprocess.run([ALIENCTL, "rm", lfn], capture_output=True)


if __name__ == "__main__":
    start_up(sys.argv[1])
    copies(sys.argv[1], Path(sys.argv[2]))
