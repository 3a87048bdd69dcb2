"""The target that passes requests to the servicers in this process; the input has the central service's reply, too."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from unittest import mock

import grpc.aio
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message

from aliend import config
from aliend.central.session import CentralSession, OnEnd
from aliend.central.sessions import CentralSessions
from aliend.core.connection.context import Context
from aliend.core.protocol import replies
from aliend.core.protocol.replies import Reply, Result, parse
from aliend.core.protocol.reply_stream import ReplyReader
from aliend.core.protocol.requests import Request, encode, refuse_change
from aliend.engine import Engine
from aliend.errors import CopyError
from aliend.lifecycle.reload import Reloader
from aliend.private_directories import make_private
from aliend.runtime import Runtime
from aliend.services import grpc_errors, server
from aliend.services.messages import submit
from aliend.storage.pool.worker_pool import WorkerPool
from aliend.store import Store
from tests.fuzz import rpc_inputs
from tests.fuzz.target import Target, must_be

_LIMIT = 20.0
"""Seconds within which a call must end."""
_PATIENCE = 0.02
"""Seconds for a call that waits for events."""
_SERVICES = {"ConsoleService": "console", "DaemonService": "daemon", **server.LAZY}


class _Central(CentralSession):
    """A session whose service answers every request with one text."""

    reply = ""

    async def _request(self, request: Request, *_: object, bulk: bool) -> Reply:
        return parse(_Central.reply, request)

    async def stream(
        self,
        request: Request,
        *,
        directory: str = "",
        bulk: bool = True,
        timeout: float | None = None,
        on_end: OnEnd = lambda _: None,
    ) -> AsyncGenerator[list[Result], None]:
        refuse_change(request)
        encode(request, directory)
        reader = ReplyReader(request)
        if found := reader.feed(_Central.reply):
            yield found
        rest, reply = reader.finish()
        if rest:
            yield rest
        on_end(reply)
        reply.checked(request)

    async def ping(self) -> tuple[float, str]:
        return 0.001, "127.0.0.1"

    async def connect_once(self) -> tuple[float, str]:
        return 0.001, "127.0.0.1"


class _Centrals(CentralSessions):
    """Sessions that are connected."""

    def of(self, context: Context) -> CentralSession:
        return self._centrals.setdefault(context, _Central(context))

    def is_connected(self, context: Context) -> bool:
        return True


class _Call:
    """One call: its further requests, its messages and its status."""

    def __init__(self, message: Message) -> None:
        self._left = [message]
        self.status: grpc.Status | None = None

    async def read(self) -> object:
        return self._left.pop() if self._left else grpc.aio.EOF

    async def write(self, message: Message) -> None:
        message.SerializeToString()
        await asyncio.sleep(0)

    async def abort_with_status(self, status: grpc.Status) -> None:
        self.status = status
        raise grpc.aio.AbortError


class _Services:
    """The servicers with a database, without copies, programs and network."""

    def __init__(self, runtime: Runtime) -> None:
        others = {"DaemonService": (asyncio.Event(), Reloader(runtime).reload)}
        self._servicers = {
            name: getattr(import_module(f"aliend.services.{module}"), name)(runtime, *others.get(name, ()))
            for name, module in _SERVICES.items()
        }
        self._background: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, facts: self._background.append(str(facts)))

    async def check(self, data: bytes) -> None:
        given = rpc_inputs.parse(data)
        if given.method is None:
            return
        message = message_factory.GetMessageClass(given.method.input_type)()
        try:
            message.ParseFromString(given.message)
        except DecodeError:
            return
        _Central.reply = given.reply.decode("utf-8", "replace")
        before = asyncio.all_tasks()
        try:
            await self._call(given.method, message)
        finally:
            for task in asyncio.all_tasks() - before:
                task.cancel()
        must_be(not self._background, f"in the background: {self._background}")

    async def _call(self, method: MethodDescriptor, message: Message) -> None:
        serve = getattr(self._servicers[method.containing_service.name], method.name)
        call, waits = _Call(message), rpc_inputs.waits(method)
        try:
            async with asyncio.timeout(_PATIENCE if waits else _LIMIT):
                answer = await serve(None if method.client_streaming else message, call)
        except TimeoutError:
            must_be(waits, f"{method.full_name} did not end within {_LIMIT:.0f} s")
        except grpc.aio.AbortError:
            must_be(
                bool(call.status and call.status.trailing_metadata), f"{method.full_name}: a status without details"
            )
        else:
            must_be(method.server_streaming or answer.IsInitialized(), f"{method.full_name} returned {answer!r}")


class _Place:
    """The services and the loop of this process."""

    services: _Services | None = None
    loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    def check(cls, data: bytes) -> None:
        assert cls.services
        assert cls.loop
        cls.loop.run_until_complete(cls.services.check(data))


def _no_program(*_: object, **__: object) -> None:
    raise OSError(1, "no program is started")


def _no_copy(*_: object, **__: object) -> None:
    raise CopyError("no server is asked", "permanent")


def _no_address(*_: object, **__: object) -> None:
    raise socket.gaierror(-2, "no name is resolved")


def _raise_cause(cause: Exception) -> None:
    raise cause


@contextmanager
def _opened(_defect: str) -> Iterator[None]:
    logging.disable()
    with ExitStack() as stack:
        shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        home = stack.enter_context(tempfile.TemporaryDirectory(dir=shared))
        for place, name, instead in (
            (asyncio, "create_subprocess_exec", _no_program),
            (socket, "getaddrinfo", _no_address),
            (grpc_errors, "InternalError", _raise_cause),
            *((WorkerPool, name, _no_copy) for name in ("run", "start_batch", "open_read")),
        ):
            stack.enter_context(mock.patch.object(place, name, instead))
        loop = _Place.loop = asyncio.new_event_loop()
        stack.callback(loop.close)
        opening = _runtime(Path(home))
        runtime = loop.run_until_complete(anext(opening))
        stack.callback(loop.run_until_complete, opening.aclose())

        async def serve() -> _Services:
            return _Services(runtime)

        _Place.services = loop.run_until_complete(serve())
        yield
    logging.disable(logging.NOTSET)


async def _runtime(home: Path) -> AsyncGenerator[Runtime, None]:
    settings = config.load("default", {"HOME": str(home), "XDG_RUNTIME_DIR": str(home), "TMPDIR": str(home)})
    make_private(settings.state_directory)
    centrals, workers = _Centrals(), WorkerPool()
    async with Store(home / "aliend.db") as store:
        engine = Engine(store, workers, centrals.bulk_catalogue_of, clock=time.time, chance=random.random)
        yield Runtime(settings, store, centrals, engine, workers)


def _index_of_bound(message: object, least: str, most: str) -> tuple[int, int]:
    return range(1)[getattr(message, least)], getattr(message, most)


def _number(result: Result, key: str, *_: int) -> int:
    return int(result.get(key) or 0)


TARGETS = (
    Target(
        "grpc-requests",
        _Place.check,
        {
            "bounds have no limit": lambda: mock.patch.object(submit, "_bounds", _index_of_bound),
            "numbers of the service have no range": lambda: mock.patch.object(replies, "_number", _number),
        },
        place=_opened,
        change=rpc_inputs.change,
        examples=300,
    ),
)
