"""Adds all services of the contract to a server, with health checks and reflection."""

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
from aliend.services.contents import ContentsService
from aliend.services.credentials import CredentialsService
from aliend.services.daemon import DaemonService
from aliend.services.grid_jobs import GridJobsService
from aliend.services.network import NetworkService
from aliend.services.raw import RawService
from aliend.services.session import SessionService
from aliend.services.storage import StorageService
from aliend.services.transfers import TransfersService
from aliend.v1 import (
    catalogue_pb2,
    catalogue_pb2_grpc,
    console_pb2,
    console_pb2_grpc,
    contents_pb2,
    contents_pb2_grpc,
    credentials_pb2,
    credentials_pb2_grpc,
    daemon_pb2,
    daemon_pb2_grpc,
    grid_jobs_pb2,
    grid_jobs_pb2_grpc,
    network_pb2,
    network_pb2_grpc,
    raw_pb2,
    raw_pb2_grpc,
    session_pb2,
    session_pb2_grpc,
    storage_pb2,
    storage_pb2_grpc,
    transfers_pb2,
    transfers_pb2_grpc,
)

MODULES = (
    console_pb2,
    session_pb2,
    catalogue_pb2,
    contents_pb2,
    storage_pb2,
    transfers_pb2,
    grid_jobs_pb2,
    credentials_pb2,
    network_pb2,
    daemon_pb2,
    raw_pb2,
)
"""The modules of the contract that have a service."""


async def add_services(
    server: grpc.aio.Server, runtime: Runtime, stop: asyncio.Event, reload: Callable[[], Reloaded]
) -> None:
    """Add the services to a server that is not bound yet; `stop` is set to end the daemon."""
    console_pb2_grpc.add_ConsoleServiceServicer_to_server(ConsoleService(runtime), server)
    session_pb2_grpc.add_SessionServiceServicer_to_server(SessionService(runtime), server)
    catalogue_pb2_grpc.add_CatalogueServiceServicer_to_server(CatalogueService(runtime), server)
    contents_pb2_grpc.add_ContentsServiceServicer_to_server(ContentsService(runtime), server)
    transfers_pb2_grpc.add_TransfersServiceServicer_to_server(TransfersService(runtime), server)
    storage_pb2_grpc.add_StorageServiceServicer_to_server(StorageService(runtime), server)
    grid_jobs_pb2_grpc.add_GridJobsServiceServicer_to_server(GridJobsService(runtime), server)
    credentials_pb2_grpc.add_CredentialsServiceServicer_to_server(CredentialsService(runtime), server)
    network_pb2_grpc.add_NetworkServiceServicer_to_server(NetworkService(runtime), server)
    raw_pb2_grpc.add_RawServiceServicer_to_server(RawService(runtime), server)
    daemon_pb2_grpc.add_DaemonServiceServicer_to_server(DaemonService(runtime, stop, reload), server)
    health = grpc_health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    names = [service.full_name for module in MODULES for service in module.DESCRIPTOR.services_by_name.values()]
    reflection.enable_server_reflection([*names, reflection.SERVICE_NAME, grpc_health.SERVICE_NAME], server)
    for name in ["", *names]:
        await health.set(name, health_pb2.HealthCheckResponse.SERVING)
