"""The `ContentsService` servicer: streams the content of files to and from other programs."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any

import grpc.aio

from aliend.commands.following.foreground import cancel_with_command, submit_in_foreground
from aliend.commands.grid.refusals import read_error
from aliend.core.copying.locations import parse_storage_spec
from aliend.core.transfers.job import JobSpec, JobState
from aliend.engine.file_content import FileContent, content_of
from aliend.engine.views import JobView, TransferView
from aliend.errors import AliendError, CopyError, RequestIdReused, ServiceError, UsageError
from aliend.runtime import Runtime
from aliend.services.caller import Caller
from aliend.services.catalogue import require_guid
from aliend.services.grpc_errors import Servicer, abort
from aliend.services.messages.entries import entry_message
from aliend.services.messages.enumerations import require_known_values
from aliend.services.messages.submit import OVERWRITES
from aliend.services.reading.content_stream import ContentStream, Source
from aliend.services.transfers import require_request_id
from aliend.v1 import contents_pb2 as pb
from aliend.v1 import contents_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

_IS_DIRECTORY, _EXISTS = 21, 17
_WITH_REASON = frozenset({1, 13, 17, 20, 21, 22, 122})
"""Errors of an upload that have a reason of their own in the contract."""


class ContentsService(Servicer, contents_pb2_grpc.ContentsServiceServicer):
    """Reads through the worker processes, and stores files as transfer jobs."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self._contents = ContentStream(runtime.workers)

    async def Read(self, request: pb.ReadRequest, context: Context) -> None:
        """Stream ranges of a file."""
        caller = await Caller.of(self._runtime, request.session)
        lfn = await caller.required_lfn(request.lfn)

        async def content() -> FileContent:
            try:
                return await content_of(caller.catalogue, lfn)
            except ServiceError as error:
                raise await read_error(caller.catalogue, error, lfn) from error

        guid = require_guid(request.guid) if request.guid else ""
        await self._contents.stream(request, context, Source(lfn, guid, caller.context, caller.catalogue, content))

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

    async def _stored(self, job: JobView) -> TransferView:
        """Return the transfer of a job. Raises CopyError or ServiceError unless the file was stored."""
        transfers = await self._runtime.engine.transfers(job.id, 1)
        if job.state is JobState.DONE:
            return transfers[0]
        reason = (transfers[0].message if transfers else "") or job.message or f"the job is {job.state}"
        failures = await self._runtime.engine.last_failures([one.id for one in transfers])
        for failed in failures.values():
            if failed.kind == "permanent" and failed.error_number in _WITH_REASON:
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
