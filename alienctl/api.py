"""The Python API for other programs: channels to the user's daemon with the stubs of the contract on them.

    with Client(connect()) as client:
        print(client.session.GetSession(session_pb2.GetSessionRequest()).session.directory)

    async with AsyncClient(connect_async()) as client:
        answer = await client.session.GetSession(session_pb2.GetSessionRequest())

It does not start a daemon (`alienctl daemon start` does). Errors of calls are `grpc.RpcError`s.
"""

import os
from collections.abc import Callable
from types import ModuleType, TracebackType
from typing import Self, TypeVar

import grpc
import grpc.aio

from alienctl import NoDaemonError
from alienctl.daemon.start import attach
from alienctl.invocation import Invocation
from aliend.v1 import (
    catalogue_pb2,
    catalogue_pb2_grpc,
    console_pb2,
    console_pb2_grpc,
    daemon_pb2,
    daemon_pb2_grpc,
    errors_pb2,
    session_pb2,
    session_pb2_grpc,
    transfers_pb2,
    transfers_pb2_grpc,
)

Stub = TypeVar("Stub")
_MESSAGES = (catalogue_pb2, console_pb2, daemon_pb2, errors_pb2, session_pb2, transfers_pb2)
_OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1))
"""A proxy from the environment would break `unix:` targets in some versions of grpcio."""


def _target(profile: str) -> str:
    invocation = Invocation([f"--profile={profile}"], os.environb)
    if not attach(invocation):
        raise NoDaemonError(f"no daemon runs for profile {profile}; start one with `alienctl daemon start`", 107)
    return f"unix:{os.path.abspath(invocation.socket)}"


def connect(profile: str = "default") -> grpc.Channel:
    """Return a channel to the daemon of `profile`. Raises ClientError if its socket is missing or unsafe."""
    return grpc.insecure_channel(_target(profile), options=_OPTIONS)


def connect_async(profile: str = "default") -> grpc.aio.Channel:
    """Return the same for asyncio; to be called in the event loop. Raises ClientError as `connect`."""
    return grpc.aio.insecure_channel(_target(profile), options=_OPTIONS)


def messages() -> dict[str, ModuleType]:
    """Return the modules of the contract's messages by their names (`session_pb2`, ...)."""
    return {module.__name__.rpartition(".")[2]: module for module in _MESSAGES}


def _stub(kind: Callable[..., Stub], channel: grpc.Channel | grpc.aio.Channel) -> Stub:
    """Return a generated stub; they carry no types themselves."""
    return kind(channel)


class _Stubs:
    """The services of the contract on one channel."""

    def __init__(self, channel: grpc.Channel | grpc.aio.Channel) -> None:
        self.console = _stub(console_pb2_grpc.ConsoleServiceStub, channel)
        self.session = _stub(session_pb2_grpc.SessionServiceStub, channel)
        self.catalogue = _stub(catalogue_pb2_grpc.CatalogueServiceStub, channel)
        self.transfers = _stub(transfers_pb2_grpc.TransfersServiceStub, channel)
        self.daemon = _stub(daemon_pb2_grpc.DaemonServiceStub, channel)


class Client(_Stubs):
    """The daemon's services, called one after the other. Closes the channel at the end of its `with` block."""

    def __init__(self, channel: grpc.Channel) -> None:
        super().__init__(channel)
        self._channel = channel

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()


class AsyncClient(_Stubs):
    """The daemon's services for asyncio. Closes the channel at the end of its `async with` block."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        super().__init__(channel)
        self._channel = channel

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close()
