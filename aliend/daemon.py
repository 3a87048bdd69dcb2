"""Builds the parts of the daemon, wires them, and runs until it receives a request or signal to stop.

Order matters at both ends: the lock is taken before the socket is bound and released after the server has stopped;
the process ends within five seconds after the request to stop, even if XRootD or grpcio block.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import grpc.aio
from grpc_health.v1 import health as grpc_health
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from aliend.central.sessions import CentralSessions
from aliend.commands.grid import bridge
from aliend.config import Settings, fallback_socket
from aliend.engine import Engine
from aliend.engine.retention import prune_history
from aliend.errors import ConfigurationError, StoreError
from aliend.lifecycle.idle_exit import stop_when_idle
from aliend.lifecycle.listener import Listener
from aliend.lifecycle.reload import Reloader
from aliend.lifecycle.state_directory import Lock, make_private, read_record, take_lock
from aliend.lifecycle.systemd_notify import Notifier
from aliend.runtime import Runtime
from aliend.services.catalogue import CatalogueService
from aliend.services.console import ConsoleService
from aliend.services.daemon import DaemonService, state_directory_of
from aliend.services.session import SessionService
from aliend.services.transfers import TransfersService
from aliend.storage.pool.worker_pool import WorkerPool
from aliend.store import Store
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

log = logging.getLogger(__name__)

DRAINING_LIMIT = 10.0
"""Seconds to wait for the lock of a daemon that is stopping."""
STOP_LIMIT = 5.0
"""Seconds from the request to stop to the end of the process."""
_GRACE = 1.5
"""Seconds that running calls have to complete during the stop."""

_SERVICES = (console_pb2, session_pb2, catalogue_pb2, transfers_pb2, daemon_pb2)
_OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.enable_http_proxy", 0),
    # None: a client that waits for the user's editor, or that the user has stopped, answers no pings.
    ("grpc.keepalive_time_ms", 2**31 - 1),
)


def acquire(settings: Settings) -> Lock | None:
    """Create the directories and take the lock; return None if a daemon of this profile already runs.

    Waits up to ten seconds for a daemon that is stopping. Raises ConfigurationError.
    """
    # A client that does not find the socket of a lock's holder sends this signal, perhaps before the loop handles it.
    signal.signal(signal.SIGUSR1, _ignore)
    make_private(str(Path(settings.socket).parent))
    make_private(settings.state_directory)
    limit = time.monotonic() + DRAINING_LIMIT
    while (lock := take_lock(settings.state_directory)) is None:
        record = read_record(settings.state_directory)
        if _answers(record.socket if record and record.socket else settings.socket):
            return None
        if time.monotonic() > limit:
            holder = f"aliend (pid {record.pid})" if record else "another aliend"
            raise ConfigurationError(
                f"{holder} uses {settings.state_directory} and does not respond; "
                "end it with `alienctl daemon stop --force`"
            )
        time.sleep(0.05)
    return lock


async def serve(settings: Settings, lock: Lock, ready: Callable[[], None]) -> None:
    """Run the daemon until SIGTERM, SIGINT or the `Stop` call; `ready` is called once the socket answers.

    `lock` is the lock of the state directory; its record always names the socket.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    notifier = Notifier(settings.environment)
    limits = settings.limits
    centrals = CentralSessions()
    workers = WorkerPool(processes=limits.worker_processes, environment=settings.environment)
    async with Store(Path(settings.state_directory) / "aliend.db") as store:
        engine = Engine(store, workers, centrals.bulk_catalogue_of, clock=time.time, chance=random.random)
        engine.set_limits(files=limits.files, files_per_se=limits.files_per_se, keep_free_mib=limits.keep_free_mib)
        parts = Runtime(settings, store, centrals, engine, workers)
        await asyncio.to_thread(parts.scratch.remove_leftovers)
        async with workers, engine:
            try:
                await parts.stdin_files.adopt()
            except StoreError as error:
                log.warning("cannot clean up the files of uploads from standard input: %s", error)
            reloader = Reloader(parts)
            loop.add_signal_handler(signal.SIGHUP, reloader.on_signal)
            listener = _listener(parts, stop, lock, reloader)
            loop.add_signal_handler(signal.SIGUSR1, listener.check_soon)
            await listener.open()
            finding = asyncio.create_task(listener.watch(), name="listener")
            forgetting = asyncio.create_task(
                prune_history(store, time.time, lambda: parts.settings.limits.keep_days), name="history"
            )
            idle = asyncio.create_task(stop_when_idle(parts, stop, reloader.reloaded), name="idle exit")
            bridging = asyncio.create_task(bridge.restore(parts), name="bridge")
            watching = asyncio.create_task(parts.tokens.watch(centrals.contexts), name="tokens")
            # What lives as long as the daemon need not be looked at by every collection.
            gc.collect()
            gc.freeze()
            ready()
            notifier.send("READY=1")
            log.info("ready: profile %s, socket %s, pid %d", settings.profile, listener.path, os.getpid())
            await _until_stopped(stop, notifier)
            log.info("stopping")
            notifier.send("STOPPING=1")
            loop.call_later(STOP_LIMIT, _leave_at_once)
            parts.stopping = True
            for task in (watching, forgetting, finding, idle, bridging):
                task.cancel()
            await bridge.close(parts)
            await listener.close(_GRACE)
            await parts.stdin_files.close()
        await centrals.close()
    log.info("stopped")


def _listener(parts: Runtime, stop: asyncio.Event, lock: Lock, reloader: Reloader) -> Listener:
    def announce(path: str) -> None:
        parts.socket = path
        lock.write(path)

    settings = parts.settings
    return Listener(
        settings.socket,
        fallback_socket(settings.profile),
        lambda: _server(parts, stop, reloader),
        announce,
        state_directory_of=state_directory_of,
    )


async def _server(parts: Runtime, stop: asyncio.Event, reloader: Reloader) -> grpc.aio.Server:
    """Return a server with all services, not yet bound to an address."""
    server = grpc.aio.server(options=_OPTIONS)
    console_pb2_grpc.add_ConsoleServicer_to_server(ConsoleService(parts), server)
    session_pb2_grpc.add_SessionServicer_to_server(SessionService(parts), server)
    catalogue_pb2_grpc.add_CatalogueServicer_to_server(CatalogueService(parts), server)
    transfers_pb2_grpc.add_TransfersServicer_to_server(TransfersService(parts), server)
    daemon_pb2_grpc.add_DaemonServicer_to_server(DaemonService(parts, stop, reloader.reload), server)
    health = grpc_health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    names = [service.full_name for module in _SERVICES for service in module.DESCRIPTOR.services_by_name.values()]
    reflection.enable_server_reflection([*names, reflection.SERVICE_NAME, grpc_health.SERVICE_NAME], server)
    for name in ["", *names]:
        await health.set(name, health_pb2.HealthCheckResponse.SERVING)
    return server


async def _until_stopped(stop: asyncio.Event, notifier: Notifier) -> None:
    if not notifier.watchdog_interval:
        await stop.wait()
        return
    while not stop.is_set():
        notifier.send("WATCHDOG=1")
        try:
            await asyncio.wait_for(stop.wait(), notifier.watchdog_interval)
        except TimeoutError:
            continue


def _ignore(*_: object) -> None:
    """Do nothing; unlike SIG_IGN, child processes do not inherit a handler."""


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
        return True


def _leave_at_once() -> None:
    log.warning("not stopped within %.0f s, exiting; unfinished transfers continue after the next start", STOP_LIMIT)
    logging.shutdown()
    os._exit(0)
