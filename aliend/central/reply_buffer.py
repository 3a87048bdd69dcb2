"""Buffers a reply while its consumer pauses: in memory up to a limit, then in a temporary file.

The service closes a connection whose reply is not read for some 20 s, but a user may read a long listing page by page.
"""

from __future__ import annotations

import asyncio
import struct
import tempfile
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import IO

MEMORY_LIMIT = 1 << 20
"""Characters that are buffered in memory."""
SPILL_AFTER = 5.0
"""Seconds that the consumer may pause before a file is used: most consumers are only slightly slower."""
_LENGTH = struct.Struct("<Q")


async def buffer_reply(pieces: AsyncGenerator[str, None], *, grace: float) -> AsyncGenerator[str, None]:
    """Yield the same pieces, read in the background; an error is raised after the pieces before it.

    The consumer may pause for `grace` seconds before a file is used. Close the iterator to stop early.
    """
    spool = _Spool(grace)
    reader = asyncio.create_task(_read(pieces, spool))
    try:
        while (piece := await spool.get()) is not None:
            yield piece
        await reader
    finally:
        reader.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await reader
        spool.close()


async def _read(pieces: AsyncGenerator[str, None], spool: _Spool) -> None:
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                await spool.put(piece)
    finally:
        spool.end()


class _Spool:
    """A queue of texts: the oldest in memory, the rest in an unnamed file."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._in_memory: deque[str] = deque()
        self._size = 0
        self._file: IO[bytes] | None = None
        self._read_at = 0
        self._written_to = 0
        self._ended = False
        self._changed = asyncio.Event()

    async def put(self, piece: str) -> None:
        """Add a text. Return at once if the consumer keeps up, otherwise within the grace period."""
        if self._file is None and self._size >= MEMORY_LIMIT:
            await self._wait_for_space()
        if self._file is not None or self._size >= MEMORY_LIMIT:
            self._write(piece)
        else:
            self._in_memory.append(piece)
            self._size += len(piece)
        self._changed.set()

    async def get(self) -> str | None:
        """Return the next text; None after the last one."""
        while not self._in_memory and self._file is None:
            if self._ended:
                return None
            self._changed.clear()
            await self._changed.wait()
        if not self._in_memory:
            return self._from_file()
        piece = self._in_memory.popleft()
        self._size -= len(piece)
        self._changed.set()
        return piece

    def end(self) -> None:
        """Mark the end: no text will be added."""
        self._ended = True
        self._changed.set()

    def close(self) -> None:
        """Discard everything."""
        if self._file is not None:
            self._file.close()
            self._file = None

    async def _wait_for_space(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._grace):
                while self._size >= MEMORY_LIMIT:
                    self._changed.clear()
                    await self._changed.wait()

    def _write(self, piece: str) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="aliend-reply-")  # noqa: SIM115 (closed once it was read)
            self._read_at = self._written_to = 0
        content = piece.encode("utf-8", "surrogatepass")
        self._file.seek(self._written_to)
        self._file.write(_LENGTH.pack(len(content)) + content)
        self._written_to = self._file.tell()

    def _from_file(self) -> str | None:
        if self._file is None:
            return None
        self._file.seek(self._read_at)
        (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
        piece = self._file.read(length).decode("utf-8", "surrogatepass")
        self._read_at = self._file.tell()
        if self._read_at == self._written_to:
            self.close()
        return piece
