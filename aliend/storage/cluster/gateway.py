"""The gateway to a Dask cluster (`python -m aliend.storage.cluster.gateway DESCRIPTOR`): the daemon's Dask client.

A process of its own, because `distributed` is large and the daemon must answer while it starts. Standard input gets one
JSON object per line: first the scheduler, then `{"environment": {...}}` for each copying process, after the daemon has
sent a descriptor over the socket. The gateway offers a process to the cluster, then relays its lines over that
descriptor. It writes `{"ready": id of the scheduler}` or `{"fatal": reason}`, and ends when the scheduler is lost or
its input ends: closed descriptors tell the daemon that the processes are lost.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import uuid
from typing import Any

from distributed import Client, Future, KilledWorker
from distributed.client import FutureCancelledError
from distributed.comm.core import Comm, connect
from distributed.security import Security

import aliend
from aliend.core.cli.transfer_settings import ClusterSettings
from aliend.process_privacy import close_to_others
from aliend.storage import wire
from aliend.storage.cluster import copier
from aliend.storage.cluster.diagnosis import Unusable, require_usable
from aliend.storage.pool.scheduler_address import scheduler_address

SCHEDULER_LIMIT, WORKER_LIMIT = 15.0, 5.0
"""Seconds that the scheduler, and a worker at each try, has to accept a connection."""
LOST_AFTER = 30.0
"""Seconds without a message of a worker after which its processes are lost."""
PATIENCE = 2.0
"""Seconds after which the reason is looked for why the scheduler does not answer."""
REACH_LIMIT = 40.0
"""Seconds within which a worker must be reached after its offer."""
_RECONNECT_INTERVAL = 1.0
_CHECK_INTERVAL = 0.5


class WorkerFailed(Exception):
    """One worker cannot run a process; another one may."""


class Gateway:
    """The Dask client, and the copying processes that were offered."""

    def __init__(self, client: Client, outputs: socket.socket) -> None:
        self._client = client
        self._outputs = outputs
        self._topic = f"aliend-{uuid.uuid4().hex}"
        self._addresses: dict[str, asyncio.Queue[str]] = {}
        self._serving: set[asyncio.Task[None]] = set()

    async def run(self, requests: asyncio.StreamReader) -> None:
        """Serve requests until the daemon ends or the scheduler is lost."""
        self._client.subscribe_topic(self._topic, self._note_address)
        watching = asyncio.create_task(self._until_lost())
        reading = asyncio.create_task(self._read(requests))
        await asyncio.wait({watching, reading}, return_when=asyncio.FIRST_COMPLETED)

    async def _until_lost(self) -> None:
        while self._client.status == "running":  # noqa: ASYNC110 - the client has no event for it
            await asyncio.sleep(_CHECK_INTERVAL)

    async def _read(self, requests: asyncio.StreamReader) -> None:
        while line := await requests.readline():
            _, descriptors, _, _ = socket.recv_fds(self._outputs, 1, 1)
            serving = asyncio.create_task(self._serve(socket.socket(fileno=descriptors[0]), json.loads(line)))
            self._serving.add(serving)
            serving.add_done_callback(self._serving.discard)

    async def _serve(self, end: socket.socket, request: dict[str, Any]) -> None:
        """Offer one process and relay its lines until it, the daemon or the worker ends."""
        reader, writer = await asyncio.open_unix_connection(sock=end, limit=wire.LONGEST_LINE)
        # empty before the process is there: the daemon has given up
        first = asyncio.create_task(reader.readline())
        key = f"aliend-copies-{uuid.uuid4().hex}"
        future = self._client.submit(copier.offer, key, aliend.VERSION, self._topic, key=key, pure=False)
        comm: Comm | None = None
        try:
            if comm := await self._attached(key, future, first):
                await comm.write({"environment": request["environment"]})
                await _relay(comm, first, reader, writer)
        except FutureCancelledError:
            pass  # the scheduler is lost: the closed descriptor says so
        except (WorkerFailed, KilledWorker, OSError, TimeoutError) as error:
            _write(writer, {"failed": _text(error)})
        except Exception as error:  # noqa: BLE001 - the daemon must learn of every error
            _write(writer, {"refused": _text(error)})
        finally:
            first.cancel()
            self._addresses.pop(key, None)
            if comm:
                comm.abort()
            future.release()
            writer.close()

    async def _attached(self, key: str, future: Future[Any], first: asyncio.Task[bytes]) -> Comm | None:
        """Return the connection to the worker that accepts the offer; None if the daemon gives up before.

        A worker that ends after its offer has a successor, which offers the same with its own address. Raises
        WorkerFailed if no worker can be reached; an error of the offer is raised as it is.
        """
        addresses = self._addresses[key] = asyncio.Queue()
        failed: asyncio.Task[None] = asyncio.create_task(_outcome(future))
        newer = asyncio.create_task(addresses.get())
        address, problem = "", ""
        try:
            async with asyncio.timeout(None) as limit:
                while True:
                    pause = _RECONNECT_INTERVAL if address else None
                    await asyncio.wait({newer, failed, first}, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
                    if first.done():
                        return None
                    if newer.done():
                        address, newer = scheduler_address(newer.result()), asyncio.create_task(addresses.get())
                        limit.reschedule(asyncio.get_running_loop().time() + REACH_LIMIT)
                    elif failed.done():
                        failed.result()
                        raise WorkerFailed(problem or "it gave up")
                    try:
                        return await self._connect(address, key)
                    except OSError as error:
                        problem = f"cannot connect to {address}: {error}"
        except TimeoutError:
            raise WorkerFailed(problem) from None
        finally:
            failed.cancel()
            newer.cancel()

    async def _connect(self, address: str, key: str) -> Comm:
        arguments = self._client.security.get_connection_args("client")
        comm: Comm = await connect(address, timeout=WORKER_LIMIT, **arguments)
        await comm.write({"op": copier.HANDLER, "key": key, "reply": False})
        return comm

    def _note_address(self, event: tuple[float, dict[str, str]]) -> None:
        _, message = event
        if addresses := self._addresses.get(message["key"]):
            addresses.put_nowait(message["address"])


async def _outcome(future: Future[Any]) -> None:
    """Wait for the end of an offer. Raises what it has raised."""
    await future


async def _relay(
    comm: Comm, first: asyncio.Task[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Relay lines in both directions until one side ends."""

    coming = [first]

    async def next_line() -> bytes:
        return await (coming.pop() if coming else reader.readline())

    sending = asyncio.create_task(copier.send_lines(comm, next_line))
    receiving = asyncio.create_task(_receive(comm, writer))
    await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
    if any(task.done() and task.exception() for task in (sending, receiving)):
        _write(writer, {"failed": "the connection to it was lost"})
    for task in (sending, receiving):
        task.cancel()
    await asyncio.wait({sending, receiving})


async def _receive(comm: Comm, writer: asyncio.StreamWriter) -> None:
    """Pass on what the worker sends: lines of the process, and messages about it."""
    while True:
        async with asyncio.timeout(LOST_AFTER):
            message = await comm.read()
        if line := message.get("line"):
            writer.write(bytes(line))
        elif message:
            _write(writer, message)
        await writer.drain()
        if "ended" in message or "failed" in message:
            return


def _text(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _write(writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
    writer.write(wire.encode(message))


def _say(message: dict[str, Any]) -> None:
    sys.stdout.buffer.write(wire.encode(message))
    sys.stdout.buffer.flush()


async def _serve_daemon(outputs: socket.socket) -> None:
    requests = asyncio.StreamReader(limit=wire.LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(requests), sys.stdin)
    settings = ClusterSettings(**json.loads(await requests.readline()))
    try:
        client = await _connected(settings)
    except Unusable as error:
        _say({"fatal": str(error), "unreachable": error.is_unreachable})
        return
    except Exception as error:  # noqa: BLE001 - TLS files, the network, other versions: the daemon must learn of all
        _say({"fatal": f"cannot use the Dask scheduler {settings.scheduler}: {_text(error)}"})
        return
    _say({"ready": client.scheduler_info()["id"]})
    await Gateway(client, outputs).run(requests)


async def _connected(settings: ClusterSettings) -> Client:
    """Return a client that is connected. Raises Unusable with the reason if that is found, or many kinds of errors."""
    address = scheduler_address(settings.scheduler)
    connecting = asyncio.create_task(_connect(address, settings))
    try:
        await asyncio.wait({connecting}, timeout=PATIENCE)
        if not connecting.done() or connecting.exception():
            await asyncio.to_thread(require_usable, address, settings)
        return await connecting
    except Unusable:
        if not connecting.done() or connecting.exception():
            raise
        return connecting.result()
    finally:
        connecting.cancel()


async def _connect(address: str, settings: ClusterSettings) -> Client:
    security = None
    if address.startswith("tls://"):
        security = Security(
            tls_ca_file=settings.ca or None,
            tls_client_cert=settings.cert or None,
            tls_client_key=settings.key or None,
            require_encryption=True,
        )
    client: Client = await Client(
        address, security=security, asynchronous=True, timeout=SCHEDULER_LIMIT, set_as_default=False, name="aliend"
    )
    return client


def main() -> None:
    """Serve until the daemon or the scheduler has gone; end at once then."""
    close_to_others(os.environ)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    code = 1
    try:
        asyncio.run(_serve_daemon(socket.socket(fileno=int(sys.argv[1]))))
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
