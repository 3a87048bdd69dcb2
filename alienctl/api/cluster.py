"""Serves tickets to the workers of a Dask cluster, which read files of the grid without credentials.

    with serve_tickets(client) as tickets:
        files = fsspec.filesystem("alien", **tickets.options)      # pickles to the workers

The workers connect to this process over TLS, and each side shows a certificate of the cluster's authority. This process
forwards what they ask for to the user's daemon: catalogue entries, and permissions to read. Bytes do not come this way.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import grpc
from cryptography import x509
from cryptography.x509.oid import NameOID

from alienctl.api.connection import Connection
from alienctl.api.errors import ErrorFacts, InvalidRequestError, is_daemon_lost
from aliend.v1 import catalogue_pb2, daemon_pb2, storage_pb2

_CALLS = {
    catalogue_pb2: ("CatalogueService", ("StatEntries", "ListEntries", "FindEntries")),
    storage_pb2: ("StorageService", ("GetFileUrls",)),
    daemon_pb2: ("DaemonService", ("Hello",)),
}
"""What workers may call."""
_THREADS = 32
_ENDLESS = 1e6
"""Seconds."""
_REFUSED = "workers of a cluster can only read: files are written where the daemon runs"
_NO_TLS = (
    "the client of the cluster has no certificate, and tickets are secrets; "
    "pass a `distributed.Security` with the files of `alienctl cluster certs DIRECTORY` to the client"
)

_served: set[str] = set()
"""The addresses that this process serves."""


@dataclass(frozen=True, slots=True)
class TicketServer:
    """Where the workers of a cluster get tickets: `tls://HOST:PORT/NAME`, with the name in the server's certificate."""

    address: str

    @property
    def options(self) -> dict[str, str]:
        """Return the storage options of fsspec for files that workers read."""
        return {"cluster": self.address}


@contextmanager
def serve_tickets(client: Any, host: str = "", port: int = 0, profile: str = "") -> Iterator[TicketServer]:  # noqa: ANN401 - Dask is optional
    """Serve the workers of the cluster of a Dask client until the end of the block.

    `host` is the name or address of this machine for the workers; default: the address towards the scheduler. `port` 0
    selects a free one. Raises InvalidRequestError if the client has no certificates or the address cannot be bound.
    """
    ca, cert, key = _certificates(client.security)
    server = grpc.server(
        ThreadPoolExecutor(_THREADS, thread_name_prefix="alien-tickets"),
        options=(("grpc.so_reuseport", 0), ("grpc.enable_http_proxy", 0)),
    )
    connection = Connection(profile)
    server.add_generic_rpc_handlers((_Forwarder(connection),))
    place = host or _own_address(client.scheduler.address)
    shown = f"[{place}]" if ":" in place else place
    try:
        credentials = grpc.ssl_server_credentials([(key, cert)], ca, require_client_auth=True)
        bound = server.add_secure_port(f"{shown}:{port}", credentials)
    except RuntimeError:
        text = f"cannot listen on {shown}:{port}; choose another `host` or `port`"
        raise InvalidRequestError(text, ErrorFacts(reason="INVALID_REQUEST")) from None
    server.start()
    address = f"tls://{shown}:{bound}/{quote(_name_in(cert))}"
    _served.add(address)
    try:
        yield TicketServer(address)
    finally:
        _served.discard(address)
        server.stop(None).wait()
        connection.close()


def is_served_here(address: str) -> bool:
    """Return whether this process serves the address: it asks the daemon itself."""
    return address in _served


def certificate_text(value: str) -> bytes:
    """Return a certificate or a key, of which Dask has the file or the text itself. Raises OSError."""
    if "\n" in value:
        return value.encode()
    with open(value, "rb") as file:
        return file.read()


class _Forwarder(grpc.GenericRpcHandler):
    """Forwards the calls that workers may make, as bytes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._handlers = dict(self._all())

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:  # noqa: ANN401 - a handler of grpcio
        """Return the handler of a call; that of others refuses it."""
        return self._handlers.get(str(handler_call_details.method), grpc.unary_unary_rpc_method_handler(_refuse))

    def _all(self) -> Iterator[tuple[str, Any]]:
        for module, (name, methods) in _CALLS.items():
            service = module.DESCRIPTOR.services_by_name[name]
            for method in methods:
                path = f"/{service.full_name}/{method}"
                if service.methods_by_name[method].server_streaming:
                    yield path, grpc.unary_stream_rpc_method_handler(self._stream(path))
                else:
                    yield path, grpc.unary_unary_rpc_method_handler(self._unary(path))

    def _unary(self, path: str) -> Callable[[bytes, Any], Any]:
        def forward(request: bytes, context: Any) -> Any:  # noqa: ANN401 - of grpcio
            if path.endswith("/GetFileUrls") and _is_for_writing(request):
                _refuse(request, context)
            services = self._connection.services()
            try:
                return services.channel.unary_unary(path)(request, timeout=_time_left(context))
            except grpc.RpcError as error:
                if not is_daemon_lost(error):
                    _end(error, context)
            self._connection.forget(services)
            try:  # the next daemon
                return self._connection.services().channel.unary_unary(path)(request, timeout=_time_left(context))
            except grpc.RpcError as error:
                _end(error, context)

        return forward

    def _stream(self, path: str) -> Callable[[bytes, Any], Iterator[Any]]:
        def forward(request: bytes, context: Any) -> Iterator[Any]:  # noqa: ANN401 - of grpcio
            services = self._connection.services()
            call = services.channel.unary_stream(path)(request, timeout=_time_left(context))
            context.add_callback(call.cancel)
            try:
                yield from call
            except grpc.RpcError as error:
                if is_daemon_lost(error):  # the worker calls again
                    self._connection.forget(services)
                _end(error, context)

        return forward


def _time_left(context: Any) -> float | None:  # noqa: ANN401 - of grpcio
    """Return the seconds that the caller waits; None: without end, of which grpcio makes a very large number."""
    left = context.time_remaining()
    return None if left is None or left > _ENDLESS else float(left)


def _end(error: Any, context: Any) -> None:  # noqa: ANN401 - of grpcio
    """End a call as the daemon has ended it."""
    context.set_trailing_metadata(tuple(error.trailing_metadata() or ()))
    context.abort(error.code(), error.details())


def _refuse(_request: bytes, context: Any) -> None:  # noqa: ANN401 - of grpcio
    context.abort(grpc.StatusCode.PERMISSION_DENIED, _REFUSED)


def _is_for_writing(request: bytes) -> bool:
    return storage_pb2.GetFileUrlsRequest.FromString(request).purpose == storage_pb2.URL_PURPOSE_WRITE


def _certificates(security: Any) -> tuple[bytes, bytes, bytes]:  # noqa: ANN401 - Dask is optional
    """Return authority, certificate and key of a Dask client. Raises InvalidRequestError."""
    names = [getattr(security, name, None) for name in ("tls_ca_file", "tls_client_cert", "tls_client_key")]
    names[2] = names[2] or names[1]
    if not all(names):
        raise InvalidRequestError(_NO_TLS, ErrorFacts(reason="INVALID_REQUEST"))
    try:
        ca, cert, key = (certificate_text(os.fspath(name)) for name in names if name)
    except OSError as error:
        text = f"cannot read {error.filename}: {error.strerror}"
        raise InvalidRequestError(text, ErrorFacts(error.errno or 0, reason="INVALID_REQUEST")) from None
    return ca, cert, key


def _name_in(certificate: bytes) -> str:
    """Return the name by which workers recognise the certificate."""
    parsed = x509.load_pem_x509_certificate(certificate)
    try:
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        if found := names.get_values_for_type(x509.DNSName):
            return str(found[0])
    except x509.ExtensionNotFound:
        pass
    return str(parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _own_address(scheduler: str) -> str:
    """Return the address of this machine towards the scheduler."""
    parts = urlsplit(scheduler)
    found = socket.getaddrinfo(parts.hostname, parts.port or 8786, type=socket.SOCK_DGRAM)
    family, kind, protocol, _, place = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.connect(place)
        return str(probe.getsockname()[0])
