"""One large file each way, beside alienpy and xrdcp. BENCH_MIB sets its size (1024), BENCH_ROUNDS the rounds (3)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.bench.measurement import Stage, compared, in_turns, must, setting


def measure(stage: Stage) -> Iterator[str]:
    """Measure a download from one replica, and an upload to two."""
    size, rounds, home = setting("BENCH_MIB", 1024), setting("BENCH_ROUNDS", 3), stage.home()
    source, target = stage.work / "big.bin", stage.work / "down.bin"
    with source.open("wb") as file:
        for _ in range(size):
            file.write(os.urandom(1024 * 1024))
    lfn, up = f"{home}big.bin", f"{home}up.bin"
    stage.must("cp", f"file:{source}", f"{lfn}@disk:1")
    pfn = stage.json("whereis", lfn)["results"][0]["pfn"]
    down = in_turns(
        {
            "alienctl cp (md5 checked)": partial(stage.must, "cp", lfn, f"file:{target}"),
            "alien.py cp (md5 checked)": partial(must, stage.alien_py, "cp", lfn, f"file:{target}"),
            "xrdcp (no check)": partial(must, "xrdcp", "-s", "-f", pfn, str(target)),
            "xrdcp --cksum md5": partial(must, "xrdcp", "-s", "-f", "--cksum", "md5:source", pfn, str(target)),
        },
        rounds,
        lambda: target.unlink(missing_ok=True),
    )
    yield f"{size} MiB down (median of {rounds} in turns)"
    goals = {"alien.py cp (md5 checked)": "1.5 x", "xrdcp (no check)": "0.95 x, better 1 x"}
    yield from compared(down, lambda seconds: f"{size / seconds:6.0f} MiB/s", goals)
    servers = _servers(stage, home)
    there = in_turns(
        {
            "alienctl cp": partial(stage.must, "cp", f"file:{source}", f"{up}@disk:2"),
            "alien.py cp": partial(must, stage.alien_py, "cp", f"file:{source}", f"{up}@disk:2"),
            "xrdcp, twice": partial(_twice, servers, source),
        },
        rounds,
        lambda: subprocess.run([stage.alienctl, "rm", up], capture_output=True),
    )
    yield f"{size} MiB up to two replicas (median of {rounds} in turns)"
    yield from compared(there, lambda seconds: f"{size / seconds:6.0f} MiB/s", {"alien.py cp": "2.5 x"})


def _servers(stage: Stage, home: str) -> list[str]:
    """Return the addresses of the storage elements, from a small file with a replica on each."""
    small = stage.work / "small"
    small.write_bytes(b"x")
    stage.must("cp", f"file:{small}", f"{home}one@disk:2")
    return [result["pfn"].split("//")[1] for result in stage.json("whereis", f"{home}one")["results"]]


def _twice(servers: list[str], source: Path) -> None:
    for server in servers:
        must("xrdcp", "-s", "-f", "-p", str(source), f"root://{server}//bench/up.bin")
