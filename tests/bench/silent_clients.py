"""The latency of a client beside 500 that asked for a long listing and never read it, and the daemon's memory."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack

import grpc

from aliend import CONTRACT
from aliend.v1 import console_pb2, console_pb2_grpc, daemon_pb2, daemon_pb2_grpc
from tests.bench.measurement import Stage, apart, percentile, proportional_memory, timed

CLIENTS, CALLS = 500, 1000
FILES = 3000
"""Files of the listing: more than a connection buffers."""
_PAUSE = 0.01
"""Seconds between calls, so that the daemon is not measured under the load of the calls themselves."""


def measure(stage: Stage) -> Iterator[str]:
    """Measure a call alone, then beside the others."""
    with apart(stage, "--files", str(FILES)) as aside, ExitStack() as open_channels:
        aside.must("pwd")
        daemon, socket = aside.daemon(), aside.json("daemon", "status")["socket"]
        alone = _latency(socket)
        before = proportional_memory(daemon)
        for number in range(CLIENTS):
            channel = open_channels.enter_context(_channel(socket))
            start = console_pb2.RunStart(
                contract=CONTRACT,
                argv=[b"find", b"/alice/sim/million", b"*"],
                cwd=os.fsencode(aside.work),
                session=f"s{number}",
            )
            next(console_pb2_grpc.ConsoleServiceStub(channel).Run(iter([console_pb2.RunRequest(start=start)])))
        beside = _latency(socket)
        yield f"A unary call beside {CLIENTS} clients that never read their listing of {FILES} files"
        yield f"  alone                    p99 {alone * 1000:6.1f} ms"
        yield f"  beside them              p99 {beside * 1000:6.1f} ms   (goal: 100 ms)"
        yield f"  memory of the daemon     {before:.0f} MiB before, {proportional_memory(daemon):.0f} MiB with them"


def _channel(socket: str) -> grpc.Channel:
    options = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
    return grpc.insecure_channel(f"unix:{socket}", options=options)


def _latency(socket: str) -> float:
    """Return the p99 of a call over a connection of its own, in seconds."""
    with _channel(socket) as channel:
        hello = daemon_pb2_grpc.DaemonServiceStub(channel).Hello
        hello(daemon_pb2.HelloRequest())
        seconds = []
        for _ in range(CALLS):
            time.sleep(_PAUSE)
            seconds.append(timed(lambda: hello(daemon_pb2.HelloRequest())))
    return percentile(seconds, 0.99)
