"""Channels to the user's daemon: finds it, starts it, and connects again after its restart.

`Connection` is for threads, `AsyncConnection` for one event loop. Both connect when they are first used. After a call
that failed because the daemon ended (`errors.is_daemon_lost`), pass the services of that call to `forget`; the next
`services` finds or starts a daemon and connects to it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import threading
from urllib.parse import quote

import grpc
import grpc.aio

from alienctl import ClientError
from alienctl.api.errors import from_client
from alienctl.api.services import Services
from alienctl.daemon.start import attach
from alienctl.invocation import Invocation
from alienctl.local import interpreter

_OPTIONS = (
    ("grpc.enable_http_proxy", 0),  # a proxy from the environment would break `unix:` targets in some versions
    ("grpc.max_receive_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),  # a new channel must not inherit the back-off of the previous one
)
_START_LIMIT = 60.0
"""Seconds for the program that starts the daemon; it has shorter limits itself."""
_STARTS = 3
"""How often the daemon is started; somebody may stop or restart it meanwhile."""
_FORKED = (
    "the asynchronous API does not work in a forked process that used it before the fork; "
    "use `connect()` there, or the start method `spawn` or `forkserver` of multiprocessing"
)


_FORKED_ITERATOR = (
    "this iterator was created before the fork, and its answers go to the other process; create a new one"
)


class ForkedProcessError(RuntimeError):
    """An operation that began before the fork of this process cannot continue in it."""


def locate(profile: str = "") -> str:
    """Return the socket of the daemon of a profile (empty: ALIEN_PROFILE, else `default`); start the daemon if needed.

    ALIEND_SOCKET replaces the usual socket. Raises NoDaemonError, InvalidRequestError.
    """
    try:
        invocation = Invocation([f"--profile={profile}"] if profile else [], os.environb)
        starts = _STARTS
        while not attach(invocation):  # asked once: a daemon that ends accepts connections for a moment
            if not starts:
                raise ClientError("the daemon ended right after its start; see `alienctl daemon logs`", 107)
            starts -= 1
            _start(invocation.profile)
    except ClientError as error:
        raise from_client(error) from None
    return os.path.abspath(invocation.socket)


def _start(profile: str) -> None:
    """Start the daemon by a program of its own, so that it does not become a child of this process.

    Raises ClientError with the daemon's message.
    """
    done = subprocess.run(
        [*interpreter.command("alienctl.daemon.starter"), profile],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=_START_LIMIT,
        check=False,
    )
    if done.returncode:
        raise ClientError(done.stderr.decode("utf-8", "replace").strip(), done.returncode)


def _target(socket: str) -> str:
    return f"unix:{quote(socket)}"


class Connection:
    """The daemon's services for threads. A forked process opens a channel of its own."""

    def __init__(self, profile: str = "") -> None:
        self._profile = profile
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._services: Services | None = None
        self._inherited: list[object] = []
        """The channels and calls of the process before the fork: closing them here would end its calls."""

    def services(self) -> Services:
        """Return the services, connected. Raises NoDaemonError."""
        if self._process != os.getpid():
            self._inherited.append(self._services)
            self._process, self._lock, self._services = os.getpid(), threading.Lock(), None
        with self._lock:
            if not self._services:
                target = _target(locate(self._profile))
                self._services = Services(grpc.insecure_channel(target, options=_OPTIONS))
            return self._services

    def keep_inherited(self, answers: object) -> None:
        """Keep the answers to a call of the process before the fork: freeing them here would cancel its call."""
        self._inherited.append(answers)

    def forget(self, lost: Services) -> None:
        """Connect again at the next use, unless another thread has done so already."""
        with self._lock:
            if self._services is lost:
                self._services = None

    def close(self) -> None:
        """Close the channel; running calls end. The next use would connect again."""
        if self._process == os.getpid() and self._services:
            self._services.channel.close()
            self._services = None


class AsyncConnection:
    """The daemon's services for the event loop that uses it first."""

    def __init__(self, profile: str = "") -> None:
        _check_process()
        self._profile = profile
        self._lock = asyncio.Lock()
        self._services: Services | None = None
        self._inherited: list[object] = []

    async def services(self) -> Services:
        """Return the services, connected. Raises NoDaemonError, ForkedProcessError."""
        _check_process()
        async with self._lock:
            if not self._services:
                target = _target(await asyncio.to_thread(locate, self._profile))
                self._services = Services(grpc.aio.insecure_channel(target, options=_OPTIONS))
                _AsyncProcess.enter()
            return self._services

    def keep_inherited(self, answers: object) -> None:
        """Keep the answers to a call of the process before the fork: freeing them here would end this process."""
        self._inherited.append(answers)

    def forget(self, lost: Services) -> None:
        """Connect again at the next use, unless another task has done so already."""
        if self._services is lost:
            self._services = None

    async def close(self) -> None:
        """Close the channel; running calls end. The next use would connect again."""
        services, self._services = self._services, None
        if services:
            await services.channel.close()


class _AsyncProcess:
    """The process that has used the asynchronous API; 0: none. Its threads do not survive a fork."""

    number = 0

    @classmethod
    def enter(cls) -> None:
        """Record that this process uses the asynchronous API.

        A child does not free what it inherits: freeing an object of grpc.aio there can end the process.
        """
        if not cls.number:
            os.register_at_fork(before=gc.freeze, after_in_parent=gc.unfreeze)
        cls.number = os.getpid()


def check_iterator(process: int) -> None:
    """Raise ForkedProcessError if an iterator was created in another process."""
    if process != os.getpid():
        raise ForkedProcessError(_FORKED_ITERATOR)


def _check_process() -> None:
    """Raise ForkedProcessError in a forked child of a process that has used the asynchronous API."""
    if _AsyncProcess.number not in (0, os.getpid()):
        raise ForkedProcessError(_FORKED)
