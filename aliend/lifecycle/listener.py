"""Binds the daemon's socket, and binds it again if the socket's file was removed.

The login manager removes the runtime directory with the socket in it at the last logout, and a user can delete the
file. A port added to a running grpc.aio server accepts nothing, so each binding has its own server object; a server
that has lost its file exists until its open streams have ended.

A server binds to a short-lived name, and the file then gets its final name: clients never see a socket that does not
accept yet, and a server that stops removes the name that it was bound to, which is no longer the file of its successor.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from aliend.config import SOCKET_PATH_LIMIT
from aliend.errors import ConfigurationError
from aliend.lifecycle.socket_holder import other_holder
from aliend.private_directories import make_private

if TYPE_CHECKING:
    import grpc.aio

log = logging.getLogger(__name__)

_LONGEST_STREAM = 30 * 86400.0
"""Seconds that a stream may continue after its server has lost its socket."""
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def _unknown(_: str) -> str:
    """Return no state directory."""
    return ""


class Listener:
    """The daemon's socket: at `usual`, or at `fallback` if that directory does not exist and cannot be created.

    `build` gives a new server with all services; `announce` is called with the path of each socket that is bound, and
    with an empty text when the daemon stops listening; `interval` is the time between two checks, in seconds;
    `state_directory_of` is as for `other_holder`.
    """

    def __init__(
        self,
        usual: str,
        fallback: str,
        build: Callable[[], Awaitable[grpc.aio.Server]],
        announce: Callable[[str], None],
        interval: float = 30.0,
        state_directory_of: Callable[[str], str] = _unknown,
    ) -> None:
        self.path = ""
        """The path at which clients reach the daemon now."""
        self._places = (usual, fallback)
        self._build = build
        self._announce = announce
        self._interval = interval
        self._state_directory_of = state_directory_of
        self._servers: list[grpc.aio.Server] = []
        """The last one listens; the others still have open streams."""
        self._draining: set[asyncio.Task[None]] = set()
        self._file = (0, 0)
        self._check = asyncio.Event()

    async def open(self) -> None:
        """Bind for the first time. Raises ConfigurationError."""
        await self._bind(self._places[0])

    def check_soon(self) -> None:
        """Check the socket's file now, because a client did not find it."""
        self._check.set()

    async def watch(self) -> None:
        """Check the socket's file on request and once per interval; bind again if it is missing."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._check.wait()
            self._check.clear()
            await self._restore()

    async def close(self, grace: float) -> None:
        """Accept no more calls, wait `grace` seconds for running ones, and remove the socket's file."""
        self._announce("")
        _remove(self.path, self._file)
        await asyncio.gather(*(server.stop(grace) for server in self._servers))

    async def _restore(self) -> None:
        usual, fallback = self._places
        is_there = _file_of(self.path) == self._file
        if is_there and (self.path == usual or not Path(usual).parent.parent.is_dir()):
            return
        log.warning("the socket %s %s, binding again", self.path, "was a substitute" if is_there else "is missing")
        before, file = self.path, self._file
        for place in dict.fromkeys((usual, fallback)):
            if is_there and place == before:
                return
            try:
                await self._bind(place)
            except ConfigurationError as error:
                log.warning("%s", error)
                continue
            _remove(before, file)
            return

    async def _bind(self, path: str) -> None:
        """Listen at `path` with a new server. Raises ConfigurationError, also where another process listens there."""
        make_private(str(Path(path).parent))
        if message := await asyncio.to_thread(other_holder, path, self._state_directory_of):
            raise ConfigurationError(message)
        unfinished = str(Path(path).with_name(_in_base_36(os.getpid())))
        if len(os.fsencode(unfinished)) > SOCKET_PATH_LIMIT:
            unfinished = path  # an ALIEND_SOCKET with a very short name in a very long directory
        server = await self._build()
        try:
            server.add_insecure_port(f"unix:{unfinished}")
            await server.start()
            os.rename(unfinished, path)  # noqa: PTH104 - one system call on a directory in memory
        except (RuntimeError, OSError) as error:
            await server.stop(None)
            raise ConfigurationError(f"cannot bind the socket {path}: {error}") from error
        for old in self._servers[-1:]:
            task = asyncio.create_task(self._drain(old), name="old server")
            self._draining.add(task)
            task.add_done_callback(self._draining.discard)
        self._servers.append(server)
        self.path, self._file = path, _file_of(path)
        self._announce(path)
        log.info("listening on %s", path)

    async def _drain(self, server: grpc.aio.Server) -> None:
        """Stop a server that clients can no longer find, after its streams."""
        await server.stop(_LONGEST_STREAM)
        self._servers.remove(server)


def _file_of(path: str) -> tuple[int, int]:
    """Return device and inode; zeros if the file is missing."""
    try:
        facts = os.lstat(path)
    except OSError:
        return (0, 0)
    return facts.st_dev, facts.st_ino


def _remove(path: str, file: tuple[int, int]) -> None:
    """Remove our socket; keep another file under its name."""
    if _file_of(path) == file != (0, 0):
        Path(path).unlink(missing_ok=True)


def _in_base_36(number: int) -> str:
    """Return a name for this process of at most five characters, which fits where `NAME.sock` fits."""
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits
