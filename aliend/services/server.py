"""Builds the gRPC server with all services of the contract, health checks and reflection.

The daemon imports it in a thread while it opens its database. The servicers that commands of `alienctl` do not use are
imported with the first call of their service.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from grpc_health.v1 import health as grpc_health
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from aliend.lifecycle.reload import Reloaded
from aliend.runtime import Runtime
from aliend.services.console import ConsoleService
from aliend.services.daemon import DaemonService
from aliend.v1 import (
    catalogue_pb2,
    console_pb2,
    console_pb2_grpc,
    contents_pb2,
    credentials_pb2,
    daemon_pb2,
    daemon_pb2_grpc,
    grid_jobs_pb2,
    network_pb2,
    raw_pb2,
    session_pb2,
    storage_pb2,
    transfers_pb2,
)

LAZY = {
    "SessionService": "session",
    "CatalogueService": "catalogue",
    "ContentsService": "contents",
    "StorageService": "storage",
    "TransfersService": "transfers",
    "GridJobsService": "grid_jobs",
    "CredentialsService": "credentials",
    "NetworkService": "network",
    "RawService": "raw",
}
"""Services by name, with their module in this package, which is named like that of the contract."""
MODULES = (
    *(console_pb2, session_pb2, catalogue_pb2, contents_pb2, storage_pb2, transfers_pb2),
    *(grid_jobs_pb2, credentials_pb2, network_pb2, daemon_pb2, raw_pb2),
)
"""The modules of the contract that have a service."""
_OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.enable_http_proxy", 0),
    # None: a client that waits for the user's editor, or that the user has stopped, answers no pings.
    ("grpc.keepalive_time_ms", 2**31 - 1),
    # A client may ping every 5 s, with some tolerance, also without a call; more frequent pings end its connection.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 4000),
)


async def create_server(parts: Runtime, stop: asyncio.Event, reload: Callable[[], Reloaded]) -> grpc.aio.Server:
    """Return a server with all services, not yet bound to an address; the call `Stop` sets `stop`."""
    server = grpc.aio.server(options=_OPTIONS)
    handlers: dict[str, Any] = {}
    collector = HandlerCollector(handlers)
    console_pb2_grpc.add_ConsoleServiceServicer_to_server(ConsoleService(parts), collector)
    daemon_pb2_grpc.add_DaemonServiceServicer_to_server(DaemonService(parts, stop, reload), collector)
    server.add_generic_rpc_handlers((LazyServices(parts, handlers),))
    health = grpc_health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    names = [service.full_name for module in MODULES for service in module.DESCRIPTOR.services_by_name.values()]
    reflection.enable_server_reflection([*names, reflection.SERVICE_NAME, grpc_health.SERVICE_NAME], server)
    for name in ["", *names]:
        await health.set(name, health_pb2.HealthCheckResponse.SERVING)
    return server


class LazyServices(grpc.GenericRpcHandler):
    """Finds the handler of a call, and imports its servicer with the first call of the service."""

    def __init__(self, parts: Runtime, handlers: dict[str, Any]) -> None:
        self._parts = parts
        self._handlers = handlers
        self._missing = dict(LAZY)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the handler of `/aliend.v1.SERVICE/METHOD`; None for other services."""
        method = str(handler_call_details.method)
        service = method.lstrip("/").partition("/")[0].removeprefix("aliend.v1.")
        if module := self._missing.pop(service, ""):
            servicer = getattr(import_module(f"aliend.services.{module}"), service)(self._parts)
            register = getattr(import_module(f"aliend.v1.{module}_pb2_grpc"), f"add_{service}Servicer_to_server")
            register(servicer, HandlerCollector(self._handlers))
        return self._handlers.get(method)


class HandlerCollector:
    """Replaces the server in the generated registration functions, and adds their handlers to `handlers` by method."""

    def __init__(self, handlers: dict[str, Any]) -> None:
        self._handlers = handlers

    def add_generic_rpc_handlers(self, handlers: tuple[Any, ...]) -> None:
        """Do nothing: the same handlers are registered by name."""

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        """Add the handlers of a service, which get what they cannot decode as a DecodeError instead of a request."""
        for name, handler in handlers.items():
            decode = handler.request_deserializer if handler.request_streaming else _or_error(handler)
            self._handlers[f"/{service}/{name}"] = handler._replace(request_deserializer=decode)


def _or_error(handler: Any) -> Callable[[bytes], object]:  # noqa: ANN401 - a handler of grpcio
    """Return the function that decodes a request, or returns the error: grpcio would end the call without details."""

    def decode(content: bytes) -> object:
        try:
            return handler.request_deserializer(content)
        except DecodeError as error:
            return error

    return decode
