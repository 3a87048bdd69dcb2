"""The latency of calls and listings, alone and during 16 copies, and the cost of an idle daemon."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc

from aliend.v1 import daemon_pb2, daemon_pb2_grpc
from tests.bench.measurement import Stage, busy, must, percentile, proportional_memory, running, timed

COPIES, LISTINGS, CALLS, PROGRAMS = 16, 100, 2000, 20
SETTLING, IDLE = 10.0, 20.0
"""Seconds that the daemon is idle before the measurement, and duration of the measurement."""
_GRPC = ("event_engine", "grpc_", "lifeguard")
"""The prefix of the names of grpcio's threads."""


def measure(stage: Stage) -> Iterator[str]:
    """Measure the idle daemon, then calls, then listings during copies."""
    yield from _idle(stage)
    yield from _calls(stage)
    yield from _listings(stage)


def _idle(stage: Stage) -> Iterator[str]:
    daemon = stage.daemon()
    stage.must("pwd")
    time.sleep(SETTLING)
    before = _wake_ups(daemon), _cpu_seconds(daemon)
    time.sleep(IDLE)
    loop, grpcio, process = ((now - then) / IDLE for now, then in zip(_wake_ups(daemon), before[0], strict=True))
    cpu = (_cpu_seconds(daemon) - before[1]) / IDLE * 100
    resident, proportional = _resident(daemon), proportional_memory(daemon)
    yield f"An idle daemon ({IDLE:.0f} s)"
    yield f"  memory                   {resident:7.1f} MiB resident   (goal: 80 MiB), {proportional:.1f} MiB PSS"
    yield f"  wake-ups of the loop     {loop:7.1f} a second   (goal: 1)"
    yield f"  wake-ups of all threads  {process:7.1f} a second   (goal: 12), {grpcio:.1f} of grpcio's own"
    yield f"  CPU                      {cpu:7.2f} % of a core   (goal: 0.2 %)"


@contextmanager
def _hello(stage: Stage) -> Iterator[Callable[[int], float]]:
    """Return a function that times a unary call over an open connection (seconds)."""
    socket = stage.json("daemon", "status")["socket"]
    with grpc.insecure_channel(f"unix:{socket}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        hello = daemon_pb2_grpc.DaemonServiceStub(channel).Hello
        hello(daemon_pb2.HelloRequest())
        yield lambda _: timed(lambda: hello(daemon_pb2.HelloRequest()))


def _calls(stage: Stage) -> Iterator[str]:
    with _hello(stage) as one:
        took = timed(lambda: [one(number) for number in range(CALLS)])
        with ThreadPoolExecutor(PROGRAMS) as programs:
            waited = list(programs.map(one, range(CALLS)))
    yield "Unary calls (grpcio client)"
    yield f"  one after the other      {CALLS / took:7.0f} a second   (goal: 800)"
    yield f"  {PROGRAMS} at a time            {_two(waited)}   (goal: p99 50 ms)"


def _listings(stage: Stage) -> Iterator[str]:
    home = stage.home()
    quiet = [timed(lambda: stage.must("ls", home)) for _ in range(LISTINGS)]
    with busy(stage, "bench-latency", COPIES):
        with _hello(stage) as one:
            called = [one(number) for number in range(CALLS // 4)]
        beside, bare = list[float](), list[float]()
        for _ in range(LISTINGS):
            beside.append(timed(lambda: stage.must("ls", home)))
            bare.append(timed(lambda: must(sys.executable, "-c", "pass")))
        still = running(stage)
    yield f"What is waited for while {COPIES} files are copied ({still} of them to the end of it)"
    yield f"  alienctl ls, alone       {_two(quiet)}   (from start to end of the command)"
    yield f"  alienctl ls, beside them {_two(beside)}   (goal: p99 50 ms)"
    yield f"  python3 -c pass, so too  {_two(bare)}   (what the machine itself takes for a command)"
    yield f"  a unary call             {_two(called)}   (goal: p99 10 ms, of the loop's lag in it)"


def _two(seconds: list[float]) -> str:
    return f"p50 {percentile(seconds, 0.5) * 1000:5.1f} ms, p99 {percentile(seconds, 0.99) * 1000:5.1f} ms"


def _wake_ups(pid: int) -> tuple[int, int, int]:
    """Return the voluntary context switches of the event loop's thread, of grpcio's threads, and of all threads."""
    loop = grpcio = process = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        lines = (task / "status").read_text().splitlines()
        count = next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))
        process += count
        loop += count * (int(task.name) == pid)
        grpcio += count * (task / "comm").read_text().startswith(_GRPC)
    return loop, grpcio, process


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _resident(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 2**20
