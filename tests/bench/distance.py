"""Puts storage elements far away: connections to them get a round-trip time and the window of one TCP connection.

The sandbox's catalogue gets the addresses of proxies, so that every ticket names one.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit


@contextmanager
def distant(catalogue: Path, round_trip: float, window: int) -> Iterator[None]:
    """Delay what storage elements receive and send, until the end of the block.

    `round_trip` is in seconds; a connection carries up to `window` bytes in that time, in each direction.
    """
    with closing(sqlite3.connect(catalogue, timeout=60)) as database:
        before = database.execute("SELECT daemon, number FROM se").fetchall()
    proxies = _Proxies(round_trip, window)
    thread = threading.Thread(target=lambda: asyncio.run(proxies.serve([url for url, _ in before])))
    thread.start()
    proxies.are_ready.wait()
    try:
        _set_addresses(catalogue, list(zip(proxies.urls, (number for _, number in before), strict=True)))
        yield
    finally:
        _set_addresses(catalogue, before)
        proxies.stop()
        thread.join()


def _set_addresses(catalogue: Path, addresses: Sequence[tuple[str, int]]) -> None:
    with closing(sqlite3.connect(catalogue, timeout=60)) as database, database:
        database.executemany("UPDATE se SET daemon = ? WHERE number = ?", addresses)


class _Proxies:
    """A proxy for each storage element; `urls` are their addresses once they `are_ready`."""

    def __init__(self, round_trip: float, window: int) -> None:
        self.urls: list[str] = []
        self.are_ready = threading.Event()
        self._round_trip, self._window = round_trip, window
        self._ways: set[asyncio.Task[None]] = set()
        self._stop: Callable[[], object] = lambda: None

    async def serve(self, urls: Sequence[str]) -> None:
        """Listen for each URL until `stop`; then close all connections."""
        stopped, loop = asyncio.Event(), asyncio.get_running_loop()
        self._stop = partial(loop.call_soon_threadsafe, stopped.set)
        for url in urls:
            server = await asyncio.start_server(partial(self._connect, urlsplit(url).port or 0), "127.0.0.1", 0)
            self.urls.append(f"root://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        self.are_ready.set()
        await stopped.wait()

    def stop(self) -> None:
        """End `serve`, from any thread."""
        self._stop()

    async def _connect(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        their_reader, their_writer = await asyncio.open_connection("127.0.0.1", port)
        for source, target in ((reader, their_writer), (their_reader, writer)):
            task = asyncio.create_task(_Way(source, target, self._round_trip, self._window).carry())
            self._ways.add(task)
            task.add_done_callback(self._ways.discard)


class _Way:
    """One direction of a connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, round_trip: float, window: int
    ) -> None:
        self._reader, self._writer = reader, writer
        self._round_trip, self._free = round_trip, window
        self._freed = asyncio.Event()
        self._sent: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def carry(self) -> None:
        """Carry bytes until an end closes its connection."""
        delivery = asyncio.create_task(self._deliver())
        loop = asyncio.get_running_loop()
        data = b"-"
        while data:
            data = b""
            with suppress(ConnectionError):
                data = await self._reader.read(self._free)
            self._free -= len(data)
            self._sent.put_nowait((loop.time() + self._round_trip / 2, data))
            loop.call_later(self._round_trip, self._acknowledge, len(data))
            while not self._free:
                self._freed.clear()
                await self._freed.wait()
        await delivery

    async def _deliver(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await self._sent.get()
            await asyncio.sleep(due - loop.time())
            if not data:
                self._writer.close()
                return
            self._writer.write(data)

    def _acknowledge(self, size: int) -> None:
        self._free += size
        self._freed.set()
