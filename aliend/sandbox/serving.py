"""The background process: storage elements, catalogue and websocket, from its start until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
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

from aliend.sandbox import certificates, storage
from aliend.sandbox.call import Service
from aliend.sandbox.catalogue import Catalogue
from aliend.sandbox.connections import Front, server_context, stopped
from aliend.sandbox.errors import SandboxError
from aliend.sandbox.guids import GuidMaker
from aliend.sandbox.layout import USERS, Layout
from aliend.sandbox.seed import ELEMENTS, SITE, Seeder
from aliend.sandbox.storage import Place, Storage
from aliend.sandbox.tokens import Sealer

log = logging.getLogger(__name__)

READY = "ready"
"""What is told to whoever waits for the start; anything else is the reason why there is none."""
_CLEANING_PERIOD = 2.0
_RESTART_PAUSE = 0.5
_STOP_LIMIT = 2.0
_LOCK_LIMIT = 1.0


def run(layout: Layout, ready: int) -> int:
    """Serve until SIGTERM; the exit code.

    `ready` is a descriptor that gets one line: `READY` when everything answers, or the reason why it does not.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("websockets").setLevel(logging.WARNING)
    os.umask(0o077)
    with layout.lock.open("a+", encoding="utf-8") as lock:
        try:
            _lock(lock.fileno())
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            asyncio.run(_Grid(layout).serve(ready))
        except BlockingIOError:
            return _give_up(ready, f"Another sandbox grid is up in {layout.root}")
        except (SandboxError, OSError) as error:
            return _give_up(ready, str(error))
    return 0


def previous_state(layout: Layout) -> dict[str, Any]:
    """What the last server told about itself; empty when there was none."""
    try:
        state: dict[str, Any] = json.loads(layout.state.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state


def _lock(descriptor: int) -> None:
    # whoever asks whether we are up holds a shared lock for a moment
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


def _give_up(ready: int, reason: str) -> int:
    log.error("%s", reason)
    _tell(ready, reason)
    return 1


def _tell(ready: int, text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(ready, (text + "\n").encode())
        os.close(ready)


class _Grid:
    """The parts of one running grid."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._state = previous_state(layout)
        self._catalogue = _prepare_catalogue(layout)
        sealer, maker = Sealer(_secret(layout.secret)), GuidMaker(os.getpid())
        service = Service(self._catalogue, sealer, lambda: time.time_ns() // 10**6, SITE, guids=maker)
        service.shelves = {number: place.data for number, place in enumerate(_places(layout), 1)}
        self._front = Front(service)
        self._elements: list[Storage] = []

    async def serve(self, ready: int) -> None:
        """Start everything, say so, and work until SIGTERM or SIGINT."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        preparing = asyncio.to_thread(certificates.ensure, self._layout)
        started, _ = await asyncio.gather(storage.start_all(self._places()), preparing, return_exceptions=False)
        self._elements = started
        try:
            server = await self._listen()
            self._publish(next(iter(server.sockets)).getsockname()[1])
            _tell(ready, READY)
            log.info("up, with %s", ", ".join(element.url for element in started))
            await self._work(stop)
            await stopped(server, _STOP_LIMIT)
        finally:
            await asyncio.gather(*(element.stop() for element in self._elements))
            self._catalogue.close()

    async def _work(self, stop: asyncio.Event) -> None:
        workers = [asyncio.create_task(self._supervise(index)) for index in range(len(self._elements))]
        workers.append(asyncio.create_task(self._clean()))
        try:
            await stop.wait()
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _listen(self) -> Server:
        layout = self._layout
        context = server_context(
            str(layout.certificate(certificates.SERVER)),
            str(layout.key(certificates.SERVER)),
            str(layout.certificate("authority")),
        )
        port = self._state.get("port", 0)
        try:
            return await self._front.listen(port, context)
        except OSError:
            if not port:
                raise
            log.info("port %d is taken by somebody else", port)
            return await self._front.listen(0, context)

    def _publish(self, port: int) -> None:
        for number, element in enumerate(self._elements, 1):
            self._announce(number, element)
        elements = [
            {"name": element.place.name, "url": element.url, "port": element.port, "pid": element.pid}
            for element in self._elements
        ]
        self._state = {
            "pid": os.getpid(),
            "host": storage.HOST,
            "port": port,
            "users": list(USERS),
            "elements": elements,
        }
        _replace(self._layout.state, json.dumps(self._state, indent=2) + "\n")
        _replace(self._layout.profile, _profile(self._layout, port))

    def _announce(self, number: int, element: Storage) -> None:
        known = self._catalogue.replicas.numbered(number)
        if known is not None:
            self._catalogue.replicas.save_element(replace(known, daemon=element.url))
            self._catalogue.save()

    def _places(self) -> list[Place]:
        ports = {element["name"]: element["port"] for element in self._state.get("elements", [])}
        return [replace(place, port=ports.get(place.name, 0)) for place in _places(self._layout)]

    async def _supervise(self, index: int) -> None:
        while True:
            element = self._elements[index]
            code = await element.ended()
            log.warning("the storage element %s ended with %d and is started again", element.place.name, code)
            await asyncio.sleep(_RESTART_PAUSE)
            try:
                self._elements[index] = await storage.start(replace(element.place, port=element.port))
            except SandboxError:
                log.exception("no further attempt")
                return
            self._publish(self._state["port"])

    async def _clean(self) -> None:
        """Delete from storage, some time later, what was removed from the catalogue."""
        while True:
            await asyncio.sleep(_CLEANING_PERIOD)
            for number, pfn in self._catalogue.replicas.take_orphans():
                path = pfn.split("/", 3)[-1].lstrip("/")
                (self._elements[number - 1].place.data / path).unlink(missing_ok=True)


def _places(layout: Layout) -> list[Place]:
    return [Place(name, layout.storage / name.rpartition(":")[2].lower()) for name in ELEMENTS]


def _prepare_catalogue(layout: Layout) -> Catalogue:
    catalogue = Catalogue(layout.catalogue)
    if catalogue.is_empty():
        data = [place.data for place in _places(layout)]
        for directory in data:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        Seeder(catalogue, data, lambda: time.time_ns() // 10**6).run()
    return catalogue


def _secret(file: Path) -> bytes:
    if not file.exists():
        file.write_bytes(secrets.token_bytes(32))
    return file.read_bytes()


def _profile(layout: Layout, port: int) -> str:
    user = USERS[0]
    tables: dict[str, Sequence[tuple[str, str | int]]] = {
        "central": [("host", storage.HOST), ("port", port)],
        "credentials": [
            ("token_cert", str(layout.certificate(f"token-{user}"))),
            ("token_key", str(layout.key(f"token-{user}"))),
            ("user_cert", str(layout.certificate(f"user-{user}"))),
            ("user_key", str(layout.key(f"user-{user}"))),
        ],
        "tls": [("ca", str(layout.authorities))],
    }
    # a JSON string is a TOML string too
    lines = [
        f"[{table}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in rows)
        for table, rows in tables.items()
    ]
    return "\n".join(lines)


def _replace(file: Path, text: str) -> None:
    temporary = file.with_suffix(".new")
    temporary.write_text(text, encoding="utf-8")
    temporary.rename(file)
