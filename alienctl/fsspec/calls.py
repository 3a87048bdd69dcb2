"""Calls to the daemon from asyncio, on a synchronous channel: that one also works in a forked process.

Errors are those of `alienctl.api.errors`. A call that can be repeated is repeated when the daemon ends meanwhile.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import grpc

from alienctl.api.call_kinds import Attempts
from alienctl.api.connection import Connection
from alienctl.api.errors import is_daemon_lost
from alienctl.api.services import Services
from aliend.v1 import daemon_pb2

if TYPE_CHECKING:
    from alienctl.fsspec.cluster import ClusterConnection

Result = TypeVar("Result")


class Calls:
    """Calls through a connection: to the daemon, which is started if none runs, or from a worker of a cluster."""

    def __init__(self, connection: Connection | ClusterConnection) -> None:
        self._connection = connection

    async def unary(self, call: Callable[[Services], Any], request: object, *, is_repeatable: bool = True) -> Any:
        """Return the response to one request. Raises GridError, OutcomeUnknownError if it cannot be repeated."""
        if not is_repeatable:  # a daemon that ended before cannot leave the outcome unknown
            await self.unary(lambda services: services.daemon.Hello, daemon_pb2.HelloRequest())
        attempts = Attempts(is_repeatable=is_repeatable)
        return await self._repeated(lambda services: _answer(call(services).future(request)), attempts)

    async def stream(self, call: Callable[[Services], Any], request: object) -> list[Any]:
        """Return all responses to one request. Raises GridError."""
        found: list[Any] = []

        async def once(services: Services) -> None:
            found.clear()
            await self._consume(call(services)(request), found.append)

        await self._repeated(once, Attempts())
        return found

    async def read(
        self, call: Callable[[Services], Any], request: Callable[[], object], deliver: Callable[[Any], None]
    ) -> None:
        """Deliver the responses to a request in a thread, one by one. Raises GridError.

        If the daemon ends meanwhile, `request` is called again and returns what is left.
        """
        await self._repeated(lambda services: self._consume(call(services)(request()), deliver), Attempts())

    async def upload(self, call: Callable[[Services], Any], messages: Callable[[], Iterator[Any]]) -> Any:
        """Return the response to a stream of requests; `messages` starts it again. Raises GridError."""
        return await self._repeated(lambda services: _answer(call(services).future(messages())), Attempts())

    async def _repeated(self, once: Callable[[Services], Any], attempts: Attempts) -> Any:
        while True:
            services = await asyncio.to_thread(self._connection.services)
            try:
                return await once(services)
            except grpc.RpcError as error:
                if is_daemon_lost(error):
                    self._connection.forget(services)
                attempts.check(error)

    async def _consume(self, call: Any, deliver: Callable[[Any], None]) -> None:
        """Deliver responses in a daemon thread: a thread of a pool would delay the end of the interpreter."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()

        def run() -> None:
            error: BaseException | None = None
            try:
                for response in call:
                    deliver(response)
            except BaseException as raised:  # noqa: BLE001 - it is raised again by the task that waits
                error = raised
            _call_soon(loop, _settle, ended, error)

        threading.Thread(target=run, name="alien-read", daemon=True).start()
        try:
            await ended
        except asyncio.CancelledError:
            call.cancel()
            raise


async def _answer(call: Any) -> Any:
    """Wait for the response to a call that was started; cancelling this cancels the call."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    call.add_done_callback(lambda _: _call_soon(loop, _settle, ended, None))
    try:
        await ended
    except asyncio.CancelledError:
        call.cancel()
        raise
    return call.result()


def _settle(ended: asyncio.Future[None], error: BaseException | None) -> None:
    if ended.done():
        return
    if error:
        ended.set_exception(error)
    else:
        ended.set_result(None)


def _call_soon(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *args: object) -> None:
    """Call something in the loop, unless the program has ended the loop."""
    try:
        loop.call_soon_threadsafe(call, *args)
    except RuntimeError:
        return
