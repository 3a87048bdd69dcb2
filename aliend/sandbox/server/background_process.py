"""The background process of a grid: runs storage elements, catalogue and websocket server until SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import json
import logging
import os
import secrets
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from websockets.asyncio.server import Server

from aliend.sandbox import certificates, grid_size
from aliend.sandbox.errors import SandboxError
from aliend.sandbox.grid_size import GridSize
from aliend.sandbox.layout import READY, USERS, Layout, previous_state
from aliend.sandbox.server.bulk_entries import SHARED_CONTENTS, BulkFiller
from aliend.sandbox.server.connections import WebsocketServer, close_server, server_context
from aliend.sandbox.server.control_socket import ControlSocket
from aliend.sandbox.server.seed import Seeder
from aliend.sandbox.service.call import Service
from aliend.sandbox.state import storage_sites
from aliend.sandbox.state.catalogue import Catalogue
from aliend.sandbox.state.envelopes import Sealer
from aliend.sandbox.state.guids import GuidMaker
from aliend.sandbox.state.storage_sites import SITE
from aliend.sandbox.storage import xrootd_program, xrootd_server
from aliend.sandbox.storage.fleet import StorageElements
from aliend.sandbox.storage.xrootd_server import ElementSetup, XRootDServer

log = logging.getLogger(__name__)

_CLEANING_PERIOD = 2.0
_GARBAGE_THRESHOLD = 100_000
_STOP_LIMIT = 2.0
_LOCK_LIMIT = 1.0


def run(layout: Layout, ready: int) -> int:
    """Serve until SIGTERM and return the exit code.

    `ready` is a descriptor that receives one line: `READY`, or the reason why the start failed.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("websockets").setLevel(logging.WARNING)
    os.umask(0o077)
    # a search creates a million objects, none of them garbage
    gc.set_threshold(_GARBAGE_THRESHOLD)
    with layout.lock.open("a+", encoding="utf-8") as lock:
        try:
            _lock(lock.fileno())
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            asyncio.run(_RunningGrid(layout).serve(ready))
        except BlockingIOError:
            return _report_failure(ready, f"another sandbox grid is up in {layout.root}")
        except (SandboxError, OSError) as error:
            return _report_failure(ready, str(error))
    return 0


def _lock(descriptor: int) -> None:
    # `status` holds a shared lock for a moment
    end = time.monotonic() + _LOCK_LIMIT
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def _report_failure(ready: int, reason: str) -> int:
    log.error("%s", reason)
    _report(ready, reason)
    return 1


def _report(ready: int, text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(ready, (text + "\n").encode())
        os.close(ready)


class _RunningGrid:
    """The components of one running grid."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._state = previous_state(layout)
        self._setups = _element_setups(layout, grid_size.load(layout), self._state)
        maker = GuidMaker(os.getpid())
        self._catalogue = _prepare_catalogue(layout, self._setups, maker)
        service = Service(self._catalogue, Sealer(_secret(layout.secret)), _now, SITE, guids=maker, layout=layout)
        service.storage_directories = {number: place.data for number, place in enumerate(self._setups, 1)}
        self._websocket_server = WebsocketServer(service)
        self._storage = StorageElements(self._setups, self._publish)
        self._control = ControlSocket(layout, service, self._websocket_server, self._storage)

    async def serve(self, ready: int) -> None:
        """Start all components, report this, and run until SIGTERM or SIGINT."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        preparing = asyncio.to_thread(certificates.ensure, self._layout)
        try:
            await asyncio.gather(self._storage.start(), preparing)
            server = await self._listen()
            self._state["port"] = next(iter(server.sockets)).getsockname()[1]
            self._publish()
            async with self._control.listening():
                _report(ready, READY)
                log.info("up, with %s", ", ".join(element.url for element in self._storage.elements))
                await self._run_until(stop)
            await close_server(server, _STOP_LIMIT)
            await self._websocket_server.cancel_commands()
        finally:
            await self._storage.stop()
            self._catalogue.close()

    async def _run_until(self, stop: asyncio.Event) -> None:
        self._storage.watch()
        cleaner = asyncio.create_task(self._delete_orphans())
        try:
            await stop.wait()
        finally:
            cleaner.cancel()
            await asyncio.gather(cleaner, return_exceptions=True)

    async def _listen(self) -> Server:
        layout = self._layout
        context = server_context(
            str(layout.certificate(certificates.SERVER)),
            str(layout.key(certificates.SERVER)),
            str(layout.certificate("authority")),
        )
        port = self._state.get("port", 0)
        try:
            return await self._websocket_server.listen(port, context)
        except OSError:
            if not port:
                raise
            log.info("port %d is in use; using a free port", port)
            return await self._websocket_server.listen(0, context)

    def _publish(self) -> None:
        for number, element in enumerate(self._storage.elements, 1):
            self._update_address(number, element)
        elements = [
            {"name": element.setup.name, "url": element.url, "port": element.port, "pid": element.pid}
            for element in self._storage.elements
        ]
        self._state = {
            "pid": os.getpid(),
            "host": xrootd_server.HOST,
            "port": self._state["port"],
            "users": list(USERS),
            "elements": elements,
        }
        _replace(self._layout.state, json.dumps(self._state, indent=2) + "\n")
        _replace(self._layout.profile, _profile(self._layout, self._state["port"]))

    def _update_address(self, number: int, element: XRootDServer) -> None:
        registered = self._catalogue.replicas.numbered(number)
        if registered is not None:
            self._catalogue.replicas.save_element(replace(registered, daemon=element.url))
            self._catalogue.save()

    async def _delete_orphans(self) -> None:
        """Periodically delete files from storage that were removed from the catalogue."""
        while True:
            await asyncio.sleep(_CLEANING_PERIOD)
            for number, pfn in self._catalogue.replicas.take_orphans():
                path = "/" + pfn.split("/", 3)[-1].lstrip("/")
                if number <= len(self._setups) and not path.startswith(SHARED_CONTENTS):
                    (self._setups[number - 1].data / path[1:]).unlink(missing_ok=True)


def _now() -> int:
    return time.time_ns() // 10**6


def _element_setups(layout: Layout, size: GridSize, state: dict[str, Any]) -> list[ElementSetup]:
    ports = {element["name"]: element["port"] for element in state.get("elements", [])}
    names = [storage_sites.element(number).name for number in range(1, size.storage + 1)]
    software = xrootd_program.require(layout, os.environ)
    return [
        ElementSetup(name, layout.storage / name.rpartition(":")[2].lower(), software, ports.get(name, 0))
        for name in names
    ]


def _prepare_catalogue(layout: Layout, setups: Sequence[ElementSetup], guid_maker: GuidMaker) -> Catalogue:
    catalogue, size = Catalogue(layout.catalogue), grid_size.load(layout)
    data = [place.data for place in setups]
    for directory in data:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    storage_sites.register(catalogue.replicas, len(setups))
    if catalogue.is_empty():
        Seeder(catalogue, data, _now, guid_maker).run()
    if catalogue.bulk_count() < size.files:
        BulkFiller(catalogue, data[0], _now(), guid_maker).fill_million(catalogue.bulk_count(), size.files)
    catalogue.save()
    return catalogue


def _secret(file: Path) -> bytes:
    if not file.exists():
        file.write_bytes(secrets.token_bytes(32))
    return file.read_bytes()


def _profile(layout: Layout, port: int) -> str:
    user = USERS[0]
    tables: dict[str, Sequence[tuple[str, str | int]]] = {
        "central": [("host", xrootd_server.HOST), ("port", port)],
        "credentials": [
            ("token_cert", str(layout.certificate(f"token-{user}"))),
            ("token_key", str(layout.key(f"token-{user}"))),
            ("user_cert", str(layout.certificate(f"user-{user}"))),
            ("user_key", str(layout.key(f"user-{user}"))),
        ],
        "tls": [("ca", str(layout.authorities))],
    }
    # JSON strings are valid TOML strings
    lines = [
        f"[{table}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in rows)
        for table, rows in tables.items()
    ]
    return "\n".join(lines)


def _replace(file: Path, text: str) -> None:
    temporary = file.with_suffix(".new")
    temporary.write_text(text, encoding="utf-8")
    temporary.rename(file)
