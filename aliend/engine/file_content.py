"""What a file contains, for those who read it instead of copying it: one ticket, then the bytes as they come."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from aliend.core.catalogue.entries import Entry, Ticket
from aliend.errors import CopyError, ServiceError
from aliend.storage.pool.read_stream import Stream
from aliend.storage.tasks import Download, Read, ReplicaUrl, replica_urls


class Tickets(Protocol):
    """What is needed of the catalogue."""

    async def access_read(self, lfn: str, /) -> list[Ticket]:
        """Tickets for reading, the best replica first."""

    async def stat(self, lfns: list[str], /) -> tuple[list[Entry], list[str]]:
        """Entries that exist, and the names that do not."""


class Readers(Protocol):
    """What is needed of the copying processes."""

    def open_read(self, task: Read, /) -> AbstractAsyncContextManager[Stream]:
        """The bytes of a file as they come."""


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file that may be read: absolute LFN, size in bytes, md5 (empty: unknown), GUID, replicas in their order.

    One without replicas is empty.
    """

    lfn: str
    size: int
    md5: str
    guid: str
    sources: tuple[ReplicaUrl, ...]

    def download_task(self, target: str, umask: int) -> Download:
        """The task that brings it to `target`, an absolute local path."""
        return Download(0, self.sources, target, self.size, self.md5, overwrite="always", umask=umask, lfn=self.lfn)


async def content_of(catalogue: Tickets, lfn: str) -> FileContent:
    """Ask for the right to read `lfn`. Raises CopyError or ServiceError where it is no file that can be read."""
    try:
        tickets = await catalogue.access_read(lfn)
    except ServiceError as error:
        refusal: ServiceError | None = error
    else:
        refusal = None
        if tickets:
            sources = replica_urls(tickets)
            return FileContent(lfn, tickets[0].size, tickets[0].md5, tickets[0].guid, sources)
    entries, _ = await catalogue.stat([lfn])
    if entries and entries[0].type == "file" and entries[0].size == 0:
        return FileContent(lfn, 0, entries[0].md5, entries[0].guid, ())
    if entries and entries[0].type != "file":
        raise ServiceError("access", 21, f"{lfn} is a {entries[0].type}, not a file")
    raise refusal or CopyError(f"{lfn} has no replica that may be read", "permanent")


@asynccontextmanager
async def read_content(
    workers: Readers, content: FileContent, start: int = 0, end: int | None = None
) -> AsyncGenerator[Stream | EmptyStream, None]:
    """The bytes from `start` to `end` (offsets; None: the end), which must be in the file; leave early to stop."""
    last = content.size if end is None else end
    if last <= start:
        yield EmptyStream()
        return
    async with workers.open_read(Read(0, content.sources, content.size, content.md5, start, last)) as stream:
        yield stream


class EmptyStream:
    """The bytes of an empty part, as a `Stream`."""

    result = None

    async def read(self) -> bytes:
        """Nothing."""
        return b""
