"""Builds the gRPC server with all services of the contract, health checks and reflection.

The only module that imports all servicers. The daemon imports it in a thread while it opens its database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import grpc.aio
from grpc_health.v1 import health as grpc_health
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from aliend.lifecycle.reload import Reloaded
from aliend.runtime import Runtime
from aliend.services.catalogue import CatalogueService
from aliend.services.console import ConsoleService
from aliend.services.daemon import DaemonService
from aliend.services.session import SessionService
from aliend.services.transfers import TransfersService
from aliend.v1 import (
    catalogue_pb2,
    catalogue_pb2_grpc,
    console_pb2,
    console_pb2_grpc,
    daemon_pb2,
    daemon_pb2_grpc,
    session_pb2,
    session_pb2_grpc,
    transfers_pb2,
    transfers_pb2_grpc,
)

_SERVICES = (console_pb2, session_pb2, catalogue_pb2, transfers_pb2, daemon_pb2)
_OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.enable_http_proxy", 0),
    # None: a client that waits for the user's editor, or that the user has stopped, answers no pings.
    ("grpc.keepalive_time_ms", 2**31 - 1),
)


async def create_server(parts: Runtime, stop: asyncio.Event, reload: Callable[[], Reloaded]) -> grpc.aio.Server:
    """Return a server with all services, not yet bound to an address; the call `Stop` sets `stop`."""
    server = grpc.aio.server(options=_OPTIONS)
    console_pb2_grpc.add_ConsoleServiceServicer_to_server(ConsoleService(parts), server)
    session_pb2_grpc.add_SessionServiceServicer_to_server(SessionService(parts), server)
    catalogue_pb2_grpc.add_CatalogueServiceServicer_to_server(CatalogueService(parts), server)
    transfers_pb2_grpc.add_TransfersServiceServicer_to_server(TransfersService(parts), server)
    daemon_pb2_grpc.add_DaemonServiceServicer_to_server(DaemonService(parts, stop, reload), server)
    health = grpc_health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    names = [service.full_name for module in _SERVICES for service in module.DESCRIPTOR.services_by_name.values()]
    reflection.enable_server_reflection([*names, reflection.SERVICE_NAME, grpc_health.SERVICE_NAME], server)
    for name in ["", *names]:
        await health.set(name, health_pb2.HealthCheckResponse.SERVING)
    return server
