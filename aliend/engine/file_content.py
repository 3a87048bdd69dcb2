"""Reads the content of a file without copying it: one ticket, then a stream of bytes."""

from __future__ import annotations

import errno
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from aliend.core.catalogue.entries import Entry, Ticket
from aliend.errors import CopyError, ServiceError
from aliend.storage.pool.read_stream import Stream
from aliend.storage.tasks import Download, Read, ReplicaUrl, replica_urls


class Tickets(Protocol):
    """The catalogue operations that reading needs."""

    async def access_read(self, lfn: str, /) -> list[Ticket]:
        """Return tickets for reading, the best replica first."""

    async def stat(self, lfns: list[str], /) -> tuple[list[Entry], list[str]]:
        """Return the entries that exist, and the names that do not."""


class Readers(Protocol):
    """The worker operations that reading needs."""

    def open_read(self, task: Read, /) -> AbstractAsyncContextManager[Stream]:
        """Open a stream of the bytes of a file."""


@dataclass(frozen=True, slots=True)
class FileContent:
    """A readable file: absolute LFN, size in bytes, md5 (empty: unknown), GUID, replicas in order.

    A file without replicas is empty.
    """

    lfn: str
    size: int
    md5: str
    guid: str
    sources: tuple[ReplicaUrl, ...]

    def download_task(self, target: str, umask: int) -> Download:
        """Return the task that downloads it to `target`, an absolute local path."""
        return Download(0, self.sources, target, self.size, self.md5, overwrite="always", umask=umask, lfn=self.lfn)


async def content_of(catalogue: Tickets, lfn: str) -> FileContent:
    """Request the right to read `lfn`. Raises CopyError or ServiceError if it is not a readable file."""
    try:
        tickets = await catalogue.access_read(lfn)
    except ServiceError as error:
        denied: ServiceError | None = error
    else:
        denied = None
        if tickets:
            sources = replica_urls(tickets)
            return FileContent(lfn, tickets[0].size, tickets[0].md5, tickets[0].guid, sources)
    entries, _ = await catalogue.stat([lfn])
    if entries and entries[0].type == "file" and entries[0].size == 0:
        return FileContent(lfn, 0, entries[0].md5, entries[0].guid, ())
    if entries and entries[0].type != "file":
        raise ServiceError("access", 21, f"{lfn} is a {entries[0].type}, not a file")
    raise denied or CopyError(f"{lfn} has no readable replica", "permanent").with_errno(errno.ENOENT)


@asynccontextmanager
async def read_content(
    workers: Readers, content: FileContent, start: int = 0, end: int | None = None
) -> AsyncGenerator[Stream | EmptyStream, None]:
    """Stream the bytes from offset `start` to `end` (None: the end of the file); leave early to stop."""
    last = content.size if end is None else end
    async with read_ranges(workers, content, ((start, last),)) as stream:
        yield stream


@asynccontextmanager
async def read_ranges(
    workers: Readers, content: FileContent, ranges: tuple[tuple[int, int], ...]
) -> AsyncGenerator[Stream | EmptyStream, None]:
    """Stream several ranges one after the other; each has the offsets of its first byte and behind its last one."""
    wanted = tuple((start, end) for start, end in ranges if start < end)
    if not wanted:
        yield EmptyStream()
        return
    async with workers.open_read(Read(0, content.sources, content.size, content.md5, wanted)) as stream:
        yield stream


class EmptyStream:
    """The stream of an empty range."""

    result = None

    async def read(self) -> bytes:
        """Return the end of the stream."""
        return b""
