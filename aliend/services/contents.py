"""The `ContentsService` servicer: streams the content of files to and from other programs."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import grpc.aio

from aliend.commands.following.foreground import cancel_with_command, submit_in_foreground
from aliend.commands.grid.refusals import read_error
from aliend.core.connection.context import Context as CentralContext
from aliend.core.copying.locations import parse_storage_spec
from aliend.core.transfers.job import JobSpec, JobState
from aliend.engine.file_content import FileContent, content_of, read_ranges
from aliend.engine.views import JobView, TransferView
from aliend.errors import AliendError, CopyError, RequestIdReused, ServiceError, UsageError, WrongContent
from aliend.runtime import Runtime
from aliend.services.caller import Caller
from aliend.services.catalogue import require_guid
from aliend.services.grpc_errors import Servicer, abort
from aliend.services.messages.entries import entry_message
from aliend.services.messages.enumerations import require_known_values
from aliend.services.messages.submit import OVERWRITES
from aliend.services.transfers import require_request_id
from aliend.v1 import contents_pb2 as pb
from aliend.v1 import contents_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

MAX_RANGES = 1000
_IS_DIRECTORY, _EXISTS = 21, 17
_NAMED = frozenset({1, 13, 17, 20, 21, 22, 122})
"""Errors of an upload that have a reason of their own in the contract."""
_OTHER_FILE = 116
"""ESTALE: the name belongs to another file now."""
_REMEMBERED, _VALID = 256, 300.0
"""Permissions to read that are kept, and for how many seconds; the service's tickets are valid for longer."""


class ContentCache:
    """Recently read files, by context and LFN: a caller that reads one file in many calls needs one ticket."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[CentralContext, str], tuple[float, FileContent]] = OrderedDict()

    def prefer(self, context: CentralContext, content: FileContent, se: str) -> None:
        """Prefer the storage element that delivered for the next reads of a file, until its permission expires."""
        until, known = self._known.get((context, content.lfn), (0.0, None))
        if known == content and content.sources[0].se != se:
            sources = tuple(sorted(content.sources, key=lambda source: source.se != se))
            self._known[context, content.lfn] = until, replace(content, sources=sources)

    def find(self, context: CentralContext, lfn: str, guid: str) -> FileContent | None:
        """Return the file if it is known with this GUID."""
        until, content = self._known.get((context, lfn), (0.0, None))
        return content if content and guid and content.guid == guid and time.monotonic() < until else None

    def add(self, context: CentralContext, content: FileContent) -> None:
        """Keep a file; forget the oldest of too many."""
        self._known.pop((context, content.lfn), None)
        self._known[context, content.lfn] = time.monotonic() + _VALID, content
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


class ContentsService(Servicer, contents_pb2_grpc.ContentsServiceServicer):
    """Reads through the worker processes, and stores files as transfer jobs."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self._known = ContentCache()

    async def Read(self, request: pb.ReadRequest, context: Context) -> None:
        """Stream ranges of a file."""
        if len(request.ranges) > MAX_RANGES:
            raise UsageError(f"Read takes at most {MAX_RANGES} ranges, not {len(request.ranges)}")
        caller = await Caller.of(self._runtime, request.session)
        lfn = await caller.required_lfn(request.lfn)
        guid = require_guid(request.guid) if request.guid else ""
        known = self._known.find(caller.context, lfn, guid)
        content = known or await self._content(caller, lfn, guid)
        ses = list(dict.fromkeys(source.se for source in content.sources))
        file = pb.FileContent(lfn=lfn, size=content.size, md5=content.md5, guid=content.guid, ses=ses)
        await context.write(pb.ReadResponse(file=file))
        pieces = _Pieces(_pieces(request.ranges, content.size), content.size)
        try:
            await self._send(context, caller, content, pieces)
        except CopyError:
            if not known or (pieces.is_whole and pieces.has_begun):
                raise
            await self._send(context, caller, await self._content(caller, lfn, guid), pieces)  # with new tickets

    async def Write(self, _requests: object, context: Context) -> pb.WriteResponse:
        """Store a file from the caller's data."""
        first = await context.read()
        if not isinstance(first, pb.WriteRequest) or first.WhichOneof("part") != "start":
            raise UsageError("the first message of Write must be `start`")
        try:
            return await self._store(first.start, context)
        except AliendError as error:
            await abort(context, error, first.start.lfn)

    async def _store(self, start: pb.WriteStart, context: Context) -> pb.WriteResponse:
        require_known_values(start)
        require_request_id(start.request_id)
        caller = await Caller.of(self._runtime, start.session)
        spec = await _spec(caller, start)
        if not await self._runtime.engine.submitted(start.request_id):
            await _check_target(caller, spec)
        received = _Received(start)
        kept = await self._runtime.stdin_files.store(received.pieces(context))
        sources = (str(kept),)
        spec = replace(spec, sources=sources)
        submit = partial(self._runtime.engine.submit_once, spec, start.request_id, ("sources",))
        try:
            (job,) = await submit_in_foreground(self._runtime, submit)
        except BaseException:
            self._runtime.stdin_files.discard(kept)
            raise
        if job.sources != sources:
            self._runtime.stdin_files.discard(kept)  # the answer to a repeated request
        else:
            self._runtime.stdin_files.discard_after(job.id, kept)
        async with cancel_with_command(self._runtime, job.id):
            final = await self._runtime.engine.wait(job.id)
        stored = await self._stored(final)
        if (stored.size, stored.md5 or received.md5) != (received.size, received.md5):
            raise RequestIdReused(start.request_id, job.id, ("content",))
        entries, _ = await caller.catalogue.stat([spec.target])
        return pb.WriteResponse(entry=entry_message(entries[0]) if entries else None, job_id=job.id)

    async def _content(self, caller: Caller, lfn: str, guid: str) -> FileContent:
        """Request the right to read a file. Raises ServiceError if another GUID was expected."""
        try:
            content = await content_of(caller.catalogue, lfn)
        except ServiceError as error:
            raise await read_error(caller.catalogue, error, lfn) from error
        if guid and content.guid != guid:
            entries, _ = await caller.catalogue.stat([lfn])  # a ticket for a member has the GUID of its archive
            if entries and entries[0].guid == guid:
                content = replace(content, guid=guid)
        if guid and content.guid != guid:
            raise ServiceError("access", _OTHER_FILE, f"{lfn} is another file now, with the GUID {content.guid}")
        self._known.add(caller.context, content)
        return content

    async def _send(self, context: Context, caller: Caller, content: FileContent, pieces: _Pieces) -> None:
        async with read_ranges(self._runtime.workers, content, pieces.ranges) as stream:
            try:
                while data := await stream.read():
                    for message in pieces.messages(data):
                        await context.write(message)
            except CopyError as error:
                if pieces.is_whole and not pieces.ranges and error.kind == "permanent":
                    raise WrongContent(str(error)) from error  # everything has arrived: the comparison failed
                raise
            if stream.result:
                self._known.prefer(caller.context, content, stream.result.se)
                if pieces.is_whole and stream.result.warning:
                    await context.write(pb.ReadResponse(offset=content.size, warning=stream.result.warning))

    async def _stored(self, job: JobView) -> TransferView:
        """Return the transfer of a job. Raises CopyError or ServiceError unless the file was stored."""
        transfers = await self._runtime.engine.transfers(job.id, 1)
        if job.state is JobState.DONE:
            return transfers[0]
        reason = (transfers[0].message if transfers else "") or job.message or f"the job is {job.state}"
        failures = await self._runtime.engine.last_failures([one.id for one in transfers])
        for failed in failures.values():
            if failed.kind == "permanent" and failed.error_number in _NAMED:
                raise ServiceError("write", failed.error_number, f"{job.target}: {reason}")
            raise CopyError(f"{job.target}: {reason}", failed.kind or "permanent").with_errno(failed.error_number)
        raise CopyError(f"{job.target}: {reason}", "permanent")


async def _spec(caller: Caller, start: pb.WriteStart) -> JobSpec:
    """Return the job without its source. Raises UsageError."""
    lfn = await caller.required_lfn(start.lfn)
    overwrite = OVERWRITES.get(start.overwrite, "never")
    return JobSpec(
        direction="upload",
        sources=(),
        target=lfn,
        overwrite=overwrite,
        storage=parse_storage_spec(start.storage),
        context=caller.context,
        umask=0o077,
        touch_empty=True,
        interactive=True,
    )


async def _check_target(caller: Caller, spec: JobSpec) -> None:
    """Raise ServiceError for a target that cannot be written."""
    lfn = spec.target
    entries, _ = await caller.catalogue.stat([lfn])
    if lfn.endswith("/") or any(entry.is_directory for entry in entries):
        raise ServiceError("write", _IS_DIRECTORY, f"{lfn} is a directory")
    if entries and spec.overwrite == "never":
        raise ServiceError("write", _EXISTS, f"{lfn} exists")


class _Received:
    """The data of a call; size and md5 are those of the pieces so far."""

    def __init__(self, start: pb.WriteStart) -> None:
        self._start = start
        self._digest = hashlib.md5(usedforsecurity=False)
        self.size = 0

    @property
    def md5(self) -> str:
        """Return the md5, hexadecimal."""
        return self._digest.hexdigest()

    async def pieces(self, context: Context) -> AsyncIterator[bytes]:
        """Yield the data. Raises UsageError if it is not what `start` says."""
        start = self._start
        while isinstance(part := await context.read(), pb.WriteRequest):
            if part.WhichOneof("part") != "data":
                raise UsageError("only the first message of Write may be `start`")
            self.size += len(part.data)
            self._digest.update(part.data)
            yield part.data
        if start.HasField("size") and self.size != start.size:
            raise UsageError(f"{self.size} bytes arrived instead of {start.size}; nothing was stored")
        if start.md5 and self.md5 != start.md5.lower():
            raise UsageError(f"the data has the md5 {self.md5} instead of {start.md5.lower()}; nothing was stored")


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
