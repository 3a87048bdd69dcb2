"""Streams ranges of a file to a program; the daemon, or a reader on a worker of a cluster, has the permission."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import grpc.aio

from aliend.engine.file_content import FileContent, Readers, Tickets, read_ranges
from aliend.errors import CopyError, ServiceError, UsageError, WrongContent
from aliend.v1 import contents_pb2 as pb

Context = grpc.aio.ServicerContext[Any, Any]

MAX_RANGES = 1000
_OTHER_FILE = 116
"""ESTALE: the name belongs to another file now."""
_REMEMBERED, _VALID = 256, 300.0
"""Permissions to read that are kept, and for how many seconds; the service's tickets are valid for longer."""


class ContentCache:
    """Recently read files, by context and LFN: a caller that reads one file in many calls needs one ticket."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: OrderedDict[tuple[Hashable, str], tuple[float, FileContent]] = OrderedDict()

    def prefer(self, context: Hashable, content: FileContent, se: str) -> None:
        """Prefer `se`, which delivered the bytes, for later reads of a file until its permission expires."""
        until, known = self._known.get((context, content.lfn), (0.0, None))
        if known == content and content.sources[0].se != se:
            sources = tuple(sorted(content.sources, key=lambda source: source.se != se))
            self._known[context, content.lfn] = until, replace(content, sources=sources)

    def find(self, context: Hashable, lfn: str, guid: str) -> FileContent | None:
        """Return the file if it is known with this GUID."""
        until, content = self._known.get((context, lfn), (0.0, None))
        return content if content and guid and content.guid == guid and self._clock() < until else None

    def add(self, context: Hashable, content: FileContent) -> None:
        """Keep a file; forget the oldest of too many."""
        self._known.pop((context, content.lfn), None)
        self._known[context, content.lfn] = self._clock() + _VALID, content
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A range of the request: its number, and the offsets of its first byte and behind its last one."""

    number: int
    start: int
    end: int


class _Pieces:
    """The ranges of a request that were not sent yet; `is_whole` if they are the whole file."""

    def __init__(self, pieces: Sequence[_Piece], size: int) -> None:
        self._left = deque(piece for piece in pieces if piece.start < piece.end)
        self.is_whole = [(piece.start, piece.end) for piece in pieces] == [(0, size)]
        self.has_begun = False

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """Return the offsets of what is left, in order."""
        return tuple((piece.start, piece.end) for piece in self._left)

    def messages(self, data: bytes) -> Iterator[pb.ReadResponse]:
        """Yield the messages for the next bytes: one for each range that they belong to."""
        self.has_begun = True
        taken = 0
        while taken < len(data):
            piece = self._left.popleft()
            part = data[taken : taken + piece.end - piece.start]
            yield pb.ReadResponse(range=piece.number, offset=piece.start, data=part)
            taken += len(part)
            if piece.start + len(part) < piece.end:
                self._left.appendleft(replace(piece, start=piece.start + len(part)))


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read: its LFN, the GUID that it must have (empty: any), and how to request a permission.

    Permissions are kept by `key`: the user for whom they hold.
    """

    lfn: str
    guid: str
    key: Hashable
    catalogue: Tickets
    content: Callable[[], Awaitable[FileContent]]


class ContentStream:
    """Answers `ContentsService.Read` by processes that read from the storage elements; `clock` counts seconds."""

    def __init__(self, workers: Readers, clock: Callable[[], float] = time.monotonic) -> None:
        self._workers = workers
        self._known = ContentCache(clock)

    async def stream(self, request: pb.ReadRequest, context: Context, source: Source) -> None:
        """Stream ranges of a file. Raises AliendError."""
        if len(request.ranges) > MAX_RANGES:
            raise UsageError(f"Read takes at most {MAX_RANGES} ranges, not {len(request.ranges)}")
        known = self._known.find(source.key, source.lfn, source.guid)
        content = known or await self._content(source)
        ses = list(dict.fromkeys(one.se for one in content.sources))
        file = pb.FileContent(lfn=source.lfn, size=content.size, md5=content.md5, guid=content.guid, ses=ses)
        await context.write(pb.ReadResponse(file=file))
        pieces = _Pieces(_pieces(request.ranges, content.size), content.size)
        try:
            await self._send(context, source, content, pieces)
        except CopyError:
            if not known or (pieces.is_whole and pieces.has_begun):
                raise
            await self._send(context, source, await self._content(source), pieces)  # with new tickets

    async def _content(self, source: Source) -> FileContent:
        """Request the right to read a file. Raises ServiceError if another GUID was expected."""
        content, guid = await source.content(), source.guid
        if guid and content.guid != guid:
            entries, _ = await source.catalogue.stat([source.lfn])  # a ticket for a member has the GUID of its archive
            if entries and entries[0].guid == guid:
                content = replace(content, guid=guid)
        if guid and content.guid != guid:
            text = f"{source.lfn} is another file now, with the GUID {content.guid}"
            raise ServiceError("access", _OTHER_FILE, text)
        self._known.add(source.key, content)
        return content

    async def _send(self, context: Context, source: Source, content: FileContent, pieces: _Pieces) -> None:
        async with read_ranges(self._workers, content, pieces.ranges) as stream:
            try:
                while data := await stream.read():
                    for message in pieces.messages(data):
                        await context.write(message)
            except CopyError as error:
                if pieces.is_whole and not pieces.ranges and error.kind == "permanent":
                    raise WrongContent(str(error)) from error  # everything has arrived: the comparison failed
                raise
            if stream.result:
                self._known.prefer(source.key, content, stream.result.se)
                if pieces.is_whole and stream.result.warning:
                    await context.write(pb.ReadResponse(offset=content.size, warning=stream.result.warning))


def _pieces(ranges: Sequence[pb.Range], size: int) -> list[_Piece]:
    """Return the ranges within a file of `size` bytes; the whole file if none is named."""
    if not ranges:
        return [_Piece(0, 0, size)]
    pieces = []
    for number, one in enumerate(ranges):
        start = min(one.offset, size)
        end = min(start + one.length, size) if one.HasField("length") else size
        pieces.append(_Piece(number, start, end))
    return pieces
