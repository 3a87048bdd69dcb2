"""The permission to read a file: requested once, again before it ends, and again if it does not work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from aliend.core.catalogue.entries import Entry, Ticket
from aliend.engine.file_content import FileContent
from aliend.errors import CopyError, ServiceError
from aliend.services.reading.content_stream import ContentStream, Source
from aliend.storage.pool.read_stream import Stream
from aliend.storage.tasks import Read, ReadDone, ReplicaUrl
from aliend.v1 import contents_pb2 as pb

GUID, OTHER = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"


class OneByteReaders:
    """Readers that deliver one byte; the tickets `dead` do not work."""

    def __init__(self) -> None:
        self.dead: set[str] = set()

    @asynccontextmanager
    async def open_read(self, task: Read) -> AsyncGenerator[Stream, None]:
        if task.sources[0].envelope in self.dead:
            raise CopyError("the ticket has ended")
        yield cast("Stream", _OneByte())


class _OneByte:
    def __init__(self) -> None:
        self.result: ReadDone | None = None

    async def read(self) -> bytes:
        if self.result:
            return b""
        self.result = ReadDone(1, "A::B::SE", "")
        return b"x"


class Catalogue:
    """A catalogue with one file; the tickets are numbered."""

    def __init__(self) -> None:
        self.granted = 0
        self.guid = GUID

    async def access_read(self, lfn: str) -> list[Ticket]:
        raise AssertionError(f"the ticket for {lfn} is requested by `content`")

    async def stat(self, lfns: list[str]) -> tuple[list[Entry], list[str]]:
        return [Entry(lfns[0], "file", size=1, guid=self.guid)], []

    async def content(self) -> FileContent:
        self.granted += 1
        return FileContent("/f", 1, "", self.guid, (ReplicaUrl("root://h//p", f"ticket {self.granted}", "A::B::SE"),))


class Context:
    """A call that keeps what it answers."""

    def __init__(self) -> None:
        self.data = b""

    async def write(self, response: pb.ReadResponse) -> None:
        self.data += response.data


def read(stream: ContentStream, catalogue: Catalogue, guid: str = GUID) -> bytes:
    """Read the first byte of the file."""
    context = Context()
    request = pb.ReadRequest(lfn="/f", ranges=[pb.Range(offset=0, length=1)], guid=guid)
    source = Source("/f", guid, "user", catalogue, catalogue.content)
    asyncio.run(stream.stream(request, cast("Any", context), source))
    return context.data


def test_a_permission_is_requested_once_and_again_before_it_ends() -> None:
    now = 1000.0
    stream, catalogue = ContentStream(OneByteReaders(), lambda: now), Catalogue()
    assert [read(stream, catalogue), read(stream, catalogue), catalogue.granted] == [b"x", b"x", 1]
    now += 301.0
    assert [read(stream, catalogue), catalogue.granted] == [b"x", 2]


def test_a_permission_that_has_ended_early_is_replaced() -> None:
    readers, catalogue = OneByteReaders(), Catalogue()
    stream = ContentStream(readers)
    read(stream, catalogue)
    readers.dead.add("ticket 1")
    assert [read(stream, catalogue), catalogue.granted] == [b"x", 2]


def test_a_file_that_was_replaced_is_an_error() -> None:
    stream, catalogue = ContentStream(OneByteReaders()), Catalogue()
    catalogue.guid = OTHER
    with pytest.raises(ServiceError, match="another file now"):
        read(stream, catalogue)
