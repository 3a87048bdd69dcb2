"""Builds the parts of the daemon, wires them, and runs until it receives a request or signal to stop.

Order matters at both ends: the lock is taken before the socket is bound and released after the server has stopped;
the process ends within five seconds after the request to stop, even if XRootD or grpcio block.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import socket
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from aliend.central.sessions import CentralSessions
from aliend.config import Settings, fallback_socket
from aliend.engine import Engine
from aliend.engine.retention import prune_history
from aliend.errors import ConfigurationError, StoreError
from aliend.lifecycle.idle_exit import stop_when_idle
from aliend.lifecycle.listener import Listener
from aliend.lifecycle.metrics_file import write_metrics
from aliend.lifecycle.module_loader import load_remaining_modules
from aliend.lifecycle.reload import Reloader
from aliend.lifecycle.state_directory import Lock, read_record, take_lock
from aliend.lifecycle.systemd_notify import Notifier
from aliend.private_directories import make_private
from aliend.runtime import Runtime
from aliend.storage.pool.worker_pool import WorkerPool
from aliend.store import Store

if TYPE_CHECKING:
    from aliend.storage.pool.cluster_pool import ClusterPool

log = logging.getLogger(__name__)

DRAINING_LIMIT = 10.0
"""Seconds to wait for the lock of a daemon that is stopping."""
STOP_LIMIT = 5.0
"""Seconds from the request to stop to the end of the process."""
_GRACE = 1.5
"""Seconds that running calls have to complete during the stop."""


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


async def serve(settings: Settings, lock: Lock, ready: Callable[[], None], umask: int) -> None:
    """Run the daemon until SIGTERM, SIGINT or the `Stop` call; `ready` is called once the socket answers.

    `lock` is the lock of the state directory; its record always names the socket. `umask` is that of the caller, for
    the files of requests without their own.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    notifier = Notifier(settings.environment)
    limits = settings.limits
    centrals = CentralSessions()
    workers = _workers(settings)
    # grpcio needs as much time as the database needs for its writes to the disk
    server_imported = asyncio.create_task(asyncio.to_thread(import_module, "aliend.services.server"))
    async with Store(Path(settings.state_directory) / "aliend.db") as store:
        engine = Engine(store, workers, centrals.bulk_catalogue_of, clock=time.time, chance=random.random)
        engine.set_limits(files=limits.files, files_per_se=limits.files_per_se, keep_free_mib=limits.keep_free_mib)
        parts = Runtime(settings, store, centrals, engine, workers, umask)
        await asyncio.to_thread(parts.scratch.remove_leftovers)
        async with workers, engine:
            try:
                await parts.stdin_files.adopt()
            except StoreError as error:
                log.warning("cannot clean up the files of uploads from standard input: %s", error)
            reloader = Reloader(parts)
            loop.add_signal_handler(signal.SIGHUP, reloader.on_signal)
            await server_imported
            listener = _listener(parts, stop, lock, reloader)
            loop.add_signal_handler(signal.SIGUSR1, listener.check_soon)
            await listener.open()
            work = (
                listener.watch(),
                prune_history(store, time.time, lambda: parts.settings.limits.keep_days),
                stop_when_idle(parts, stop, reloader.reloaded),
                _restore_bridge(parts),
                write_metrics(parts, reloader.metrics_changed),
                parts.tokens.watch(centrals.contexts),
                load_remaining_modules(),
            )
            background = [asyncio.create_task(each) for each in work]
            ready()
            notifier.send("READY=1")
            log.info("ready: profile %s, socket %s, pid %d", settings.profile, listener.path, os.getpid())
            await _until_stopped(stop, notifier)
            log.info("stopping")
            notifier.send("STOPPING=1")
            loop.call_later(STOP_LIMIT, _leave_at_once)
            parts.stopping = True
            for task in background:
                task.cancel()
            if parts.bridge is not None:
                await parts.bridge.close()
            await listener.close(_GRACE)
            await parts.stdin_files.close()
        await centrals.close()
    log.info("stopped")


def _workers(settings: Settings) -> WorkerPool:
    """Return the worker processes, on this machine and on the clusters that jobs use."""
    processes, environment = settings.limits.worker_processes, settings.environment

    def connect(scheduler: str, local: WorkerPool) -> ClusterPool:
        from aliend.storage.cluster.executor import cluster_pool

        return cluster_pool(settings.cluster(scheduler), processes, environment, settings.state_directory, local)

    return WorkerPool(processes, environment=environment, executor=settings.executor, connect=connect)


async def _restore_bridge(parts: Runtime) -> None:
    """Turn the bridge on if it was on when the last daemon ended; only then is its code imported."""
    if await asyncio.to_thread((Path(parts.settings.state_directory) / "bridge").exists):
        await import_module("aliend.commands.grid.bridge").restore(parts)


def _listener(parts: Runtime, stop: asyncio.Event, lock: Lock, reloader: Reloader) -> Listener:
    from aliend.services.daemon import state_directory_of
    from aliend.services.server import create_server

    def announce(path: str) -> None:
        parts.socket = path
        lock.write(path)

    settings = parts.settings
    return Listener(
        settings.socket,
        fallback_socket(settings.profile),
        lambda: create_server(parts, stop, reloader.reload),
        announce,
        state_directory_of=state_directory_of,
    )


async def _until_stopped(stop: asyncio.Event, notifier: Notifier) -> None:
    if not notifier.watchdog_interval:
        await stop.wait()
        return
    while not stop.is_set():
        notifier.send("WATCHDOG=1")
        try:
            async with asyncio.timeout(notifier.watchdog_interval):
                await stop.wait()
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
