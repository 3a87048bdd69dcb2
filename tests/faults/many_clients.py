"""500 clients wait for a daemon that is frozen, then for one that is killed: none of them waits for ever."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections import Counter

import grpc

from aliend.v1 import catalogue_pb2, catalogue_pb2_grpc
from tests.faults.campaign import Ground, Order, Report, ground

WHAT = "500 clients of a frozen daemon, and of a killed one"
ROUNDS, SHORT = 20, 1
_CLIENTS, _COMMANDS = 500, 10
_LIMIT = 120.0
"""Seconds for all clients of a round."""


def run(order: Order) -> Report:
    """Freeze and kill the daemon in each round, under the requests of all clients."""
    with ground(order) as place:
        for _ in range(order.rounds):
            place.user.must("pwd")
            asyncio.run(_round(place))
            place.report.faults += 1
        return place.report


async def _round(place: Ground) -> None:
    daemon, socket = place.user.pid(), place.user.json("daemon", "status")["socket"]
    # each client has a connection of its own
    options = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.aio.insecure_channel(f"unix:{socket}", options=options) for _ in range(_CLIENTS)]
    try:
        os.kill(daemon, signal.SIGSTOP)
        waiting = [asyncio.ensure_future(_answer(channel, place.folder)) for channel in channels]
        for done in await _commands(place):
            reported = done.returncode == 107 and "does not respond" in done.stderr
            place.must_be(reported, f"pwd beside a frozen daemon: {done.returncode} {done.stderr}")
        place.must_be(not any(answer.done() for answer in waiting), "a frozen daemon answered")
        os.kill(daemon, signal.SIGCONT)
        counted = Counter(await asyncio.gather(*waiting))
        place.must_be(counted == {"OK": _CLIENTS}, f"after the daemon went on: {dict(counted)}")
        waiting = [asyncio.ensure_future(_answer(channel, place.folder)) for channel in channels]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        os.kill(daemon, signal.SIGKILL)
        counted = Counter(await asyncio.gather(*waiting))
        place.must_be(set(counted) <= {"OK", "UNAVAILABLE"}, f"after the daemon was killed: {dict(counted)}")
        for done in await _commands(place):
            place.must_be(done.returncode == 0, f"pwd after the daemon was killed: {done.returncode} {done.stderr}")
    finally:
        await asyncio.gather(*(channel.close() for channel in channels))


async def _commands(place: Ground) -> list[subprocess.CompletedProcess[str]]:
    return await asyncio.gather(*(asyncio.to_thread(place.user.run, "pwd") for _ in range(_COMMANDS)))


async def _answer(channel: grpc.aio.Channel, folder: str) -> str:
    """Return the status of one request, for example OK."""
    service = catalogue_pb2_grpc.CatalogueServiceStub(channel)
    try:
        await service.StatEntries(catalogue_pb2.StatEntriesRequest(lfns=[folder]), timeout=_LIMIT)
    except grpc.aio.AioRpcError as error:
        return str(error.code().name)
    return "OK"
