"""The gateway to a Dask cluster (`python -m aliend.storage.cluster.gateway DESCRIPTOR`): the daemon's Dask client.

A process of its own, because `distributed` is large and the daemon must answer while it starts. Standard input gets one
JSON object per line: first the scheduler, then `{"environment": {...}}` for each copying process, after the daemon has
sent a descriptor over the socket. The gateway offers a process to the cluster, then relays its lines over that
descriptor. It writes `{"ready": true}` or `{"fatal": reason}` and ends when the scheduler is lost or its input ends:
closed descriptors tell the daemon that the processes are lost.
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

from distributed import Client, Future
from distributed.comm.core import Comm, connect
from distributed.security import Security

import aliend
from aliend.core.cli.transfer_settings import ClusterSettings
from aliend.process_privacy import close_to_others
from aliend.storage import wire
from aliend.storage.cluster import copier
from aliend.storage.pool.scheduler_address import scheduler_address

CONNECT_LIMIT = 15.0
"""Seconds that the scheduler or a worker has to accept a connection."""
LOST_AFTER = 30.0
"""Seconds without a message of a worker after which its processes are lost; they have ended after `copier.LEASE`."""
_CHECK_INTERVAL = 0.5


class Gateway:
    """The Dask client, and the copying processes that were offered."""

    def __init__(self, client: Client, outputs: socket.socket) -> None:
        self._client = client
        self._outputs = outputs
        self._topic = f"aliend-{uuid.uuid4().hex}"
        self._addresses: dict[str, asyncio.Future[str]] = {}
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
        except Exception as error:  # noqa: BLE001 - the daemon must learn of every error
            _write(writer, {"refused": f"{error or type(error).__name__}"})
        finally:
            first.cancel()
            self._addresses.pop(key, None)
            if comm:
                comm.abort()
            future.release()
            writer.close()

    async def _attached(self, key: str, future: Future[Any], first: asyncio.Task[bytes]) -> Comm | None:
        """Return the connection to the worker that accepts the offer; None if the daemon gives up before."""
        address = self._addresses[key] = asyncio.get_running_loop().create_future()
        failed: asyncio.Task[None] = asyncio.create_task(_outcome(future))
        try:
            await asyncio.wait({address, failed, first}, return_when=asyncio.FIRST_COMPLETED)
            if first.done():
                return None
            if failed.done():
                failed.result()
                raise OSError("the worker gave up")
            at = scheduler_address(address.result())
            arguments = self._client.security.get_connection_args("client")
            comm: Comm = await connect(at, timeout=CONNECT_LIMIT, **arguments)
            await comm.write({"op": copier.HANDLER, "key": key, "reply": False})
            return comm
        finally:
            failed.cancel()

    def _note_address(self, event: tuple[float, dict[str, str]]) -> None:
        _, message = event
        if (waiting := self._addresses.get(message["key"])) and not waiting.done():
            waiting.set_result(message["address"])


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
        if "ended" in message or "refused" in message:
            return


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
    except Exception as error:  # noqa: BLE001 - TLS files, the network, other versions: the daemon must learn of all
        _say({"fatal": " ".join(str(error).split()) or type(error).__name__})
        return
    _say({"ready": True})
    await Gateway(client, outputs).run(requests)


async def _connected(settings: ClusterSettings) -> Client:
    """Return a client that is connected. Raises many kinds of errors."""
    address = scheduler_address(settings.place)
    security = None
    if address.startswith("tls://"):
        security = Security(
            tls_ca_file=settings.ca or None,
            tls_client_cert=settings.cert or None,
            tls_client_key=settings.key or None,
            require_encryption=True,
        )
    client: Client = await Client(
        address, security=security, asynchronous=True, timeout=CONNECT_LIMIT, set_as_default=False, name="aliend"
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
