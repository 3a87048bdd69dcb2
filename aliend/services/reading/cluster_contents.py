"""The `ContentsService` of a reader on a worker of a cluster.

The tickets come from the process that serves the cluster, which asks the user's daemon; the bytes come from the storage
elements directly. Nothing else is served here.
"""

from __future__ import annotations

import errno
from typing import Any

import grpc
import grpc.aio
from grpc_status import rpc_status

from aliend.core.catalogue.entries import Entry, Ticket
from aliend.core.catalogue.replica_url import split_printed_url
from aliend.engine.file_content import Readers, content_of
from aliend.errors import AliendError, CopyError, ServiceError
from aliend.services.grpc_errors import abort
from aliend.services.reading.content_stream import ContentStream, Context, Source
from aliend.v1 import (
    catalogue_pb2,
    catalogue_pb2_grpc,
    contents_pb2,
    contents_pb2_grpc,
    errors_pb2,
    storage_pb2,
    storage_pb2_grpc,
)

_READ_ONLY = "workers of a cluster can only read: files are written where the daemon runs"


def create_reader(channel: grpc.aio.Channel, workers: Readers) -> grpc.aio.Server:
    """Return a server, not yet bound, that reads with the tickets that come through `channel`."""
    server = grpc.aio.server(options=(("grpc.enable_http_proxy", 0), ("grpc.so_reuseport", 0)))
    contents_pb2_grpc.add_ContentsServiceServicer_to_server(ClusterContents(channel, workers), server)
    return server


class ClusterContents(contents_pb2_grpc.ContentsServiceServicer):
    """Reads files with the role of the session that the request names."""

    def __init__(self, channel: grpc.aio.Channel, workers: Readers) -> None:
        self._channel = channel
        self._contents = ContentStream(workers)

    async def Read(self, request: contents_pb2.ReadRequest, context: Context) -> None:
        """Stream ranges of a file."""
        catalogue = _RemoteCatalogue(self._channel, request.session)
        lfn = request.lfn
        try:
            source = Source(lfn, request.guid.lower(), request.session, catalogue, lambda: content_of(catalogue, lfn))
            await self._contents.stream(request, context, source)
        except AliendError as error:
            await abort(context, error, lfn)

    async def Write(self, _requests: object, context: Context) -> None:
        """Refuse to write."""
        await abort(context, ServiceError("write", errno.EACCES, _READ_ONLY))


class _RemoteCatalogue:
    """What reading needs of the catalogue, through the process that serves the cluster."""

    def __init__(self, channel: grpc.aio.Channel, session: str) -> None:
        self._storage: Any = storage_pb2_grpc.StorageServiceStub(channel)
        self._catalogue: Any = catalogue_pb2_grpc.CatalogueServiceStub(channel)
        self._session = session

    async def access_read(self, lfn: str) -> list[Ticket]:
        """Return tickets for reading, the best replica first. Raises ServiceError, CopyError."""
        request = storage_pb2.GetFileUrlsRequest(lfn=lfn, session=self._session)
        try:
            answer = await self._storage.GetFileUrls(request)
        except grpc.aio.AioRpcError as error:
            raise _error(error) from None  # its text may have secrets
        return [_ticket(one) for one in answer.urls]

    async def stat(self, lfns: list[str]) -> tuple[list[Entry], list[str]]:
        """Return the entries that exist, and the names that do not. Raises ServiceError, CopyError."""
        request = catalogue_pb2.StatEntriesRequest(lfns=lfns, session=self._session)
        try:
            answer = await self._catalogue.StatEntries(request)
        except grpc.aio.AioRpcError as error:
            raise _error(error) from None
        return [_entry(one) for one in answer.entries], list(answer.missing)


def _ticket(one: storage_pb2.FileUrl) -> Ticket:
    url, envelope = split_printed_url(one.url)
    return Ticket(url, envelope, one.guid, one.se, one.size, one.md5)


def _entry(one: catalogue_pb2.Entry) -> Entry:
    is_file, is_directory = (
        one.type == catalogue_pb2.ENTRY_TYPE_FILE,
        one.type == catalogue_pb2.ENTRY_TYPE_DIRECTORY,
    )
    return Entry(
        one.lfn,
        "file" if is_file else "directory" if is_directory else "collection",
        size=one.size,
        md5=one.md5,
        guid=one.guid,
    )


def _error(error: grpc.aio.AioRpcError) -> AliendError:
    """Return the daemon's error for a call that failed; without one, the process that serves tickets is lost."""
    info = errors_pb2.ErrorInfo()
    status = rpc_status.from_call(error)
    if status and any(detail.Unpack(info) for detail in status.details):
        return ServiceError("access", info.error_number or errno.EIO, error.details() or "")
    lost = f"the process that serves tickets to this cluster does not answer ({error.code().name.lower()})"
    return CopyError(lost, "transient").with_errno(errno.ECONNREFUSED)
