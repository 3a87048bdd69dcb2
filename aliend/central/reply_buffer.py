"""Takes a reply off the wire also while its reader rests: what does not fit into a little memory goes to a file.

The service gives up a connection whose reply is not taken for some 20 s, but a user may read a long listing page by
page.
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
"""Characters kept in memory."""
SPILL_AFTER = 5.0
"""Seconds that a reader may rest before a file is begun: most readers are only a little slower than the wire."""
_LENGTH = struct.Struct("<Q")


async def buffer_reply(pieces: AsyncGenerator[str, None], *, grace: float) -> AsyncGenerator[str, None]:
    """The same pieces, read in the background; an error of theirs is raised after what came before it.

    A reader may rest for `grace` seconds before a file is begun.
    Whoever stops early must close the iterator.
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
    """A queue of texts: the oldest in memory, the others in a file that has no name."""

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
        """Add a text; returns at once where the reader keeps up, and within the grace where it does not."""
        if self._file is None and self._size >= MEMORY_LIMIT:
            await self._wait_for_space()
        if self._file is not None or self._size >= MEMORY_LIMIT:
            self._write(piece)
        else:
            self._in_memory.append(piece)
            self._size += len(piece)
        self._changed.set()

    async def get(self) -> str | None:
        """The next text; None after the last one."""
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
        """Nothing will be added."""
        self._ended = True
        self._changed.set()

    def close(self) -> None:
        """Forget everything."""
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
            self._file = tempfile.TemporaryFile(prefix="aliend-reply-")  # noqa: SIM115 (closed when it was read)
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
