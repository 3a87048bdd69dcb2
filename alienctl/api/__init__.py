"""The Python API for other programs."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import grpc
import grpc.aio

from alienctl.api.connection import _OPTIONS, _target, locate
from alienctl.api.services import Services, messages


def connect(profile: str = "") -> grpc.Channel:
    """Return a channel to the daemon of `profile`."""
    return grpc.insecure_channel(_target(locate(profile)), options=_OPTIONS)


def connect_async(profile: str = "") -> grpc.aio.Channel:
    """Return the same for asyncio; to be called in the event loop."""
    return grpc.aio.insecure_channel(_target(locate(profile)), options=_OPTIONS)


class Client(Services):
    """The daemon's services, called one after the other. Closes the channel at the end of its `with` block."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.channel.close()


class AsyncClient(Services):
    """The daemon's services for asyncio. Closes the channel at the end of its `async with` block."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.channel.close()


__all__ = ["AsyncClient", "Client", "connect", "connect_async", "messages"]
