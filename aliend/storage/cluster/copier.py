"""Runs on a Dask worker: starts a copying process, and relays its lines to and from the gateway of the daemon.

The gateway submits `offer`, an ordinary Dask task that occupies one thread of a worker as long as the process runs: the
cluster counts and places it like any other. Tickets do not pass through the scheduler: the gateway connects to the
worker itself, whose server gets the handler `aliend_copies`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any

from distributed import Worker, get_worker
from distributed.comm.core import Comm
from distributed.core import Status

import aliend
from aliend.errors import CopyError
from aliend.storage.pool.local_process import LocalExecutor, LocalProcess

HANDLER = "aliend_copies"
LEASE = 20.0
"""Seconds without a message of the gateway after which a copying process is killed."""
ALIVE_INTERVAL = 5.0
"""Seconds after which a side without a message sends an empty one."""
_ATTACH_LIMIT = 60.0
"""Seconds that the gateway has to connect."""
_LOOK_INTERVAL = 1.0
"""Seconds after which an offer without a gateway looks whether it is still wanted."""

_offers: dict[str, asyncio.Event] = {}
"""The offers of this Dask worker by key, each with an event for its end; used in the worker's event loop only."""


async def offer(key: str, version: str, topic: str) -> None:
    """Offer one copying process; return at its end. `topic` receives the address of this worker.

    `key` is also the key of this task. An offer that is no longer wanted ends by itself, because Dask stops no running
    task: it may be the repetition of one that was lost with its worker, and the gateway has already released that one.

    Raises RuntimeError if the daemon has another version than this worker.
    """
    if version != aliend.VERSION:
        raise RuntimeError(f"this worker has aliend {aliend.VERSION}, the daemon {version}; install the same version")
    worker = get_worker()
    worker.handlers[HANDLER] = attach
    ended = _offers[key] = asyncio.Event()
    try:
        worker.log_event(topic, {"key": key, "address": worker.address})
        limit = time.monotonic() + _ATTACH_LIMIT
        while key in _offers and time.monotonic() < limit and _is_wanted(worker, key):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_INTERVAL):
                    await ended.wait()
        if key not in _offers:  # the gateway has connected
            await ended.wait()
    finally:
        _offers.pop(key, None)


def _is_wanted(worker: Worker, key: str) -> bool:
    task = worker.state.tasks.get(key)
    return task is not None and task.state != "cancelled"


async def attach(comm: Comm, key: str) -> Status:
    """Serve one gateway on this connection until either side ends; a handler of the worker's server."""
    ended = _offers.pop(key, None)
    if ended is None:
        await comm.write({"failed": "it does not know this offer"})
        return Status.dont_reply
    try:
        async with asyncio.timeout(LEASE):
            environment = (await comm.read())["environment"]
        try:
            process = await LocalExecutor().start(environment)
        except CopyError as error:
            await comm.write({"failed": str(error)})
            return Status.dont_reply
        await comm.write({"pid": process.pid, "host": socket.gethostname()})
        await _serve(comm, process)
    except (OSError, TimeoutError):
        comm.abort()
    finally:
        ended.set()
    return Status.dont_reply


async def _serve(comm: Comm, process: LocalProcess) -> None:
    """Relay lines until the process or the connection ends; the process ends in any case."""
    sending = asyncio.create_task(send_lines(comm, process.receive))
    receiving = asyncio.create_task(_receive(comm, process))
    try:
        await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done() and not sending.exception():
            await comm.write({"ended": (await process.ended()).text})
    finally:
        process.kill()
        process.release()
        for task in (sending, receiving):
            task.cancel()
        await asyncio.wait({sending, receiving})
        await process.ended()
        comm.abort()


async def _receive(comm: Comm, process: LocalProcess) -> None:
    """Pass lines to the process. Raises OSError or TimeoutError when the gateway is lost."""
    while True:
        async with asyncio.timeout(LEASE):
            message = await comm.read()
        if line := message.get("line"):
            process.send(bytes(line))


async def send_lines(comm: Comm, next_line: Callable[[], Coroutine[Any, Any, bytes]]) -> None:
    """Send lines until `next_line` returns an empty one; while none comes, empty messages. Raises OSError."""
    waiting = asyncio.create_task(next_line())
    try:
        while True:
            done, _ = await asyncio.wait({waiting}, timeout=ALIVE_INTERVAL)
            if not done:
                await comm.write({})
            elif line := waiting.result():
                await comm.write({"line": line})
                waiting = asyncio.create_task(next_line())
            else:
                return
    finally:
        waiting.cancel()
