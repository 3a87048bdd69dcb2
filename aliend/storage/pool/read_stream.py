"""The bytes of a file that a copying process gives, as the daemon reads them: a pipe, no faster than they are taken."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from aliend.storage.tasks import ReadDone

PIECE = 256 << 10
"""Bytes in one piece at most."""


class PipeWriter:
    """The end of a pipe that is given away; `close` may be called twice."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._closed = False

    def close(self) -> None:
        """The reader sees the end as soon as the receiver has closed its own."""
        if not self._closed:
            self._closed = True
            os.close(self.descriptor)


class Stream:
    """A file's bytes. `delivered` is there after the end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.Task[ReadDone]) -> None:
        self._reader = reader
        self._writer = writer
        self.result: ReadDone | None = None

    async def read(self) -> bytes:
        """The next piece; empty at the end. Raises CopyError after the last byte that came."""
        if data := await self._reader.read(PIECE):
            return data
        self.result = await self._writer
        return b""


@asynccontextmanager
async def open_stream(
    write: Callable[[PipeWriter], Coroutine[Any, Any, ReadDone]],
) -> AsyncGenerator[Stream, None]:
    """Have `give` write into a pipe, and read along; leaving the block early stops it."""
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
