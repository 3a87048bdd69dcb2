"""The services of the contract `aliend.v1` on one channel: the generated stubs, by the names of their modules."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import grpc
import grpc.aio

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
    errors_pb2,
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

_MESSAGES = (
    catalogue_pb2,
    console_pb2,
    contents_pb2,
    credentials_pb2,
    daemon_pb2,
    errors_pb2,
    grid_jobs_pb2,
    network_pb2,
    raw_pb2,
    session_pb2,
    storage_pb2,
    transfers_pb2,
)


class Services:
    """The stubs on one channel, for calls that have no Python method. Their errors are `grpc.RpcError`s.

    Stubs of a synchronous channel block; those of an asynchronous one return awaitables and asynchronous iterators.
    The stubs carry no types themselves.
    """

    def __init__(self, channel: grpc.Channel | grpc.aio.Channel) -> None:
        self.channel: Any = channel
        self.console: Any = console_pb2_grpc.ConsoleServiceStub(channel)
        self.session: Any = session_pb2_grpc.SessionServiceStub(channel)
        self.catalogue: Any = catalogue_pb2_grpc.CatalogueServiceStub(channel)
        self.transfers: Any = transfers_pb2_grpc.TransfersServiceStub(channel)
        self.contents: Any = contents_pb2_grpc.ContentsServiceStub(channel)
        self.storage: Any = storage_pb2_grpc.StorageServiceStub(channel)
        self.grid_jobs: Any = grid_jobs_pb2_grpc.GridJobsServiceStub(channel)
        self.credentials: Any = credentials_pb2_grpc.CredentialsServiceStub(channel)
        self.network: Any = network_pb2_grpc.NetworkServiceStub(channel)
        self.raw: Any = raw_pb2_grpc.RawServiceStub(channel)
        self.daemon: Any = daemon_pb2_grpc.DaemonServiceStub(channel)


def messages() -> dict[str, ModuleType]:
    """Return the modules of the contract's messages by their names (`session_pb2`, ...)."""
    return {module.__name__.rpartition(".")[2]: module for module in _MESSAGES}
