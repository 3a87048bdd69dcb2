"""Streams a file from a worker process to the daemon through a pipe, no faster than it is consumed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aliend.storage.tasks import ReadDone

PIECE = 256 << 10
"""The largest number of bytes in one piece."""


class PipeWriter:
    """The write end of a pipe, for a worker process; `close` may be called twice."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._closed = False

    def close(self) -> None:
        """Close our copy; the reader sees the end once the worker has closed its own."""
        if not self._closed:
            self._closed = True
            os.close(self.descriptor)


class Stream:
    """The bytes of a file. `result` is set at the end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.Task[ReadDone]) -> None:
        self._reader = reader
        self._writer = writer
        self.result: ReadDone | None = None

    async def read(self) -> bytes:
        """Return the next piece, empty at the end. Raises CopyError after the last byte that was delivered."""
        if data := await self._reader.read(PIECE):
            return data
        self.result = await self._writer
        return b""


@asynccontextmanager
async def open_stream(
    write: Callable[[PipeWriter], Coroutine[Any, Any, ReadDone]],
) -> AsyncGenerator[Stream, None]:
    """Yield a stream of what `write` writes into a pipe; leaving the block early stops it."""
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    output = PipeWriter(writing)
    reader = asyncio.StreamReader(limit=PIECE)
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", buffering=0)
    )
    writer = loop.create_task(write(output))
    try:
        yield Stream(reader, writer)
    finally:
        transport.close()
        writer.cancel()
        await asyncio.wait([writer])
        output.close()
        if not writer.cancelled():
            writer.exception()
