"""What users and programs wait for: `ls` beside 16 copies, unary calls of gRPC, and what an idle daemon costs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

from aliend.v1 import daemon_pb2, daemon_pb2_grpc
from tests.bench.stage import Stage, percentile, proportional_memory, timed

COPIES, MIB, LISTINGS, CALLS, PROGRAMS = 16, 64, 60, 2000, 20
IDLE = 20.0
"""Seconds that the idle daemon is looked at."""


def measure(stage: Stage) -> Iterator[str]:
    """Idle first, then calls, then listings while copies run."""
    yield from _idle(stage)
    yield from _calls(stage)
    yield from _listings(stage)


def _idle(stage: Stage) -> Iterator[str]:
    daemon = stage.daemon()
    stage.must("pwd")
    time.sleep(2)
    before = _wake_ups(daemon), _cpu_seconds(daemon)
    time.sleep(IDLE)
    wake_ups = (_wake_ups(daemon) - before[0]) / IDLE
    cpu = (_cpu_seconds(daemon) - before[1]) / IDLE * 100
    yield f"An idle daemon ({IDLE:.0f} s)"
    yield f"  memory                   {_resident(daemon):7.1f} MiB resident, {proportional_memory(daemon):.1f} MiB PSS"
    yield f"  wake-ups of all threads  {wake_ups:7.1f} a second"
    yield f"  CPU                      {cpu:7.2f} % of a core"


def _calls(stage: Stage) -> Iterator[str]:
    socket = stage.json("daemon", "status")["socket"]
    with grpc.insecure_channel(f"unix:{socket}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        hello = daemon_pb2_grpc.DaemonStub(channel).Hello

        def one(_: int) -> float:
            return timed(lambda: hello(daemon_pb2.HelloRequest()))

        one(0)
        took = timed(lambda: [one(number) for number in range(CALLS)])
        with ThreadPoolExecutor(PROGRAMS) as programs:
            waited = list(programs.map(one, range(CALLS)))
    yield "Unary calls (grpcio client)"
    yield f"  one after the other      {CALLS / took:7.0f} a second"
    yield f"  {PROGRAMS} at a time            {_two(waited)}"


def _listings(stage: Stage) -> Iterator[str]:
    home = stage.home()
    for number in range(COPIES):
        stage.must("sandbox", "file", f"{home}bench-latency/{number}", f"{MIB}M", "--copies", "1")
    quiet = [timed(lambda: stage.must("ls", home)) for _ in range(LISTINGS)]
    stage.must("transfers", "limit", f"files={COPIES}", f"se={COPIES}")
    stage.must("sandbox", "fault", "slow", "SE1", "0.3")
    try:
        job = stage.must("cp", "--detach", f"{home}bench-latency/", f"file:{stage.work}/back/")
        busy = [timed(lambda: stage.must("ls", home)) for _ in range(LISTINGS)]
        running = stage.json("transfers", "show", job)["files"]["running"]
    finally:
        stage.must("sandbox", "fault", "clear")
        stage.must("transfers", "limit", "files=default", "se=default")
    stage.must("transfers", "wait", job)
    yield "alienctl ls, from start to end of the command"
    yield f"  nothing else             {_two(quiet)}"
    yield f"  beside {running:2} copies         {_two(busy)}"


def _two(seconds: list[float]) -> str:
    return f"p50 {percentile(seconds, 0.5) * 1000:5.1f} ms, p99 {percentile(seconds, 0.99) * 1000:5.1f} ms"


def _wake_ups(pid: int) -> int:
    """Voluntary context switches of all threads."""
    return sum(
        int(line.split()[1])
        for task in Path(f"/proc/{pid}/task").iterdir()
        for line in (task / "status").read_text().splitlines()
        if line.startswith("voluntary_ctxt_switches")
    )


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _resident(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 2**20
