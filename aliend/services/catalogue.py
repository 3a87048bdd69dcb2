"""The `Catalogue` servicer: read access to the file catalogue for other programs."""

from __future__ import annotations

from typing import Any

import grpc.aio

from aliend.core.catalogue import paths
from aliend.core.catalogue.entries import Entry
from aliend.core.cli.numbers import parse_whole
from aliend.errors import UsageError
from aliend.runtime import Runtime
from aliend.services.grpc_errors import errors_to_status
from aliend.services.messages.times import timestamp
from aliend.v1 import catalogue_pb2, catalogue_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

PAGE = 1000
_TYPES = {
    "file": catalogue_pb2.ENTRY_TYPE_FILE,
    "directory": catalogue_pb2.ENTRY_TYPE_DIRECTORY,
    "collection": catalogue_pb2.ENTRY_TYPE_COLLECTION,
}


class CatalogueService(catalogue_pb2_grpc.CatalogueServiceServicer):
    """Reads the catalogue in the daemon's own context."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @errors_to_status
    async def ListEntries(self, request: catalogue_pb2.ListEntriesRequest, context: Context) -> None:
        """Stream the entries of a directory."""
        own = self._runtime.context(None)
        (lfn,) = await self._absolute([request.lfn or "."], request.session)
        entries = await self._runtime.central_sessions.catalogue_of(own).list(lfn, all=request.all)
        for start in range(0, len(entries), PAGE):
            page = [_message(entry) for entry in entries[start : start + PAGE]]
            await context.write(catalogue_pb2.ListEntriesResponse(entries=page))

    @errors_to_status
    async def StatEntries(
        self, request: catalogue_pb2.StatEntriesRequest, _context: Context
    ) -> catalogue_pb2.StatEntriesResponse:
        """Return entries by name."""
        if not 0 < len(request.lfns) <= PAGE:
            raise UsageError(f"StatEntries takes 1 to {PAGE} names, not {len(request.lfns)}")
        lfns = await self._absolute(list(request.lfns), request.session)
        entries, missing = await self._runtime.central_sessions.catalogue_of(self._runtime.context(None)).stat(lfns)
        return catalogue_pb2.StatEntriesResponse(entries=[_message(entry) for entry in entries], missing=missing)

    async def _absolute(self, lfns: list[str], session: str) -> list[str]:
        if all(lfn.startswith("/") for lfn in lfns):
            return [paths.resolve(lfn, "/", "/") for lfn in lfns]
        state = await self._runtime.sessions.state(session or "default", self._runtime.context(None))
        return [paths.resolve(lfn, state.directory, state.home) for lfn in lfns]


def _message(entry: Entry) -> catalogue_pb2.Entry:
    return catalogue_pb2.Entry(
        lfn=entry.lfn,
        type=_TYPES[entry.type],
        size=entry.size,
        owner=entry.owner,
        group=entry.group,
        permissions=entry.permissions,
        change_time=timestamp(entry.changed_ms),
        md5=entry.md5,
        guid=entry.guid,
        grid_job_id=parse_whole(entry.job) or 0,
    )
