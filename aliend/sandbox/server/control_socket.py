"""How a running grid is told to fail, to count, to change its settings: one line of JSON each way on a unix socket.

Whoever may enter the grid's directory may do that; that is its owner.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aliend.sandbox import expired_certificates
from aliend.sandbox.errors import SandboxError
from aliend.sandbox.layout import Layout
from aliend.sandbox.protocol import faults
from aliend.sandbox.protocol.settings import Settings
from aliend.sandbox.server.connections import Front
from aliend.sandbox.server.seed import File, Seeder
from aliend.sandbox.service.call import Service
from aliend.sandbox.storage import storage_faults
from aliend.sandbox.storage.fleet import Fleet
from aliend.sandbox.storage.storage_faults import Breakage

log = logging.getLogger(__name__)

ACTIONS = {
    "expire-session": "close every connection as the session's limit does (1013)",
    "expire-certificate": "let the `token` (or, as VALUE, the `user`) certificates expire",
}
"""What happens at once."""


class Steering:
    """Does what it is told to a grid's parts."""

    def __init__(self, layout: Layout, service: Service, front: Front, fleet: Fleet) -> None:
        self._layout = layout
        self._service = service
        self._front = front
        self._fleet = fleet
        self._breakage = Breakage(fleet)
        expired_certificates.restore(layout)
        front.set(load_settings(layout))

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen on the socket; on the way out, mend what is broken."""
        self._layout.control.unlink(missing_ok=True)
        directory = os.open(self._layout.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # a socket's address is short, the directory's name need not be
            path = f"/proc/self/fd/{directory}/{self._layout.control.name}"
            server = await asyncio.start_unix_server(self._serve, path)
            async with server:
                yield
        finally:
            self._layout.control.unlink(missing_ok=True)
            os.close(directory)
            await self._clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            try:
                answer = await self.obey(json.loads(await reader.readline()))
            except SandboxError as error:
                answer = {"error": str(error)}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        except (OSError, ValueError, KeyError, TypeError):
            log.exception("an order that was not understood")
        finally:
            writer.close()

    async def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Carry out one order; what there is to tell. Raises SandboxError with what is wrong."""
        match order["do"]:
            case "fault":
                await self._fault(order)
                return self._faults()
            case "faults":
                return self._faults()
            case "clear":
                await self._clear()
                return self._faults()
            case "stats":
                document = self._front.around.counters.document()
                if order.get("reset"):
                    self._front.around.counters.reset()
                return document
            case "set":
                return {"settings": self._set(order["words"])}
            case "file":
                return await self._add_file(order)
        raise SandboxError(f"{order['do']}: there is no such order")

    async def _fault(self, order: dict[str, Any]) -> None:
        kind, value = order["kind"], order.get("value") or ""
        if kind in storage_faults.KINDS:
            await self._break(kind, order.get("element") or "", value)
        elif kind == "expire-session":
            await self._front.expire_sessions()
        elif kind == "expire-certificate":
            await self._expire_certificate(value or "token")
        else:
            fault = faults.parse(kind, value, order.get("command") or "", order.get("times"))
            if kind == "throttle":
                self._front.begin_throttle(fault.value)
            self._front.around.faults.add(fault)

    async def _break(self, kind: str, name: str, value: str) -> None:
        index = self._fleet.index(name)
        if kind == "slow" and value:
            try:
                part = float(value)
            except ValueError:
                part = 0.0
            if not 0 < part < 1:
                raise SandboxError(f"slow: the part of the time is between 0 and 1, not {value!r}")
            await self._breakage.break_one(kind, index, part=part)
        elif kind == "corrupt" and value:
            await self._breakage.break_one(kind, index, files=[self._replica(value, index)])
        elif value:
            raise SandboxError(f"{kind} takes no value, but was given {value!r}")
        else:
            await self._breakage.break_one(kind, index)

    def _replica(self, lfn: str, index: int) -> Path:
        entry = self._service.catalogue.names.get(lfn)
        for replica in self._service.catalogue.replicas.of((entry.guid if entry else None) or ""):
            if replica.se is not None and replica.se.number == index + 1:
                return self._fleet.elements[index].place.data / replica.pfn.split("/", 3)[-1].lstrip("/")
        raise SandboxError(f"{lfn} has no replica on {self._fleet.elements[index].place.name}")

    async def _expire_certificate(self, kind: str) -> None:
        if kind not in expired_certificates.KINDS:
            raise SandboxError(f"expire-certificate: token or user, not {kind!r}")
        await asyncio.to_thread(expired_certificates.expire, self._layout, kind)
        await self._front.expire_certificates(are_tokens=kind == "token")

    def _faults(self) -> dict[str, Any]:
        active: list[dict[str, Any]] = [asdict(fault) for fault in self._front.around.faults.active]
        active += [{"kind": kind, "element": element} for kind, element in self._breakage.active]
        if self._front.expired:
            active.append({"kind": "expire-certificate"})
        return {"faults": active}

    async def _clear(self) -> None:
        self._front.around.faults.clear()
        self._front.expired.clear()
        expired_certificates.restore(self._layout)
        await self._breakage.clear()

    def _set(self, words: list[str]) -> list[str]:
        settings = self._front.around.settings.changed(words)
        self._front.set(settings)
        self._layout.settings.write_text("\n".join(settings.words()) + "\n", encoding="utf-8")
        return settings.words()

    async def _add_file(self, order: dict[str, Any]) -> dict[str, Any]:
        data = [element.place.data for element in self._fleet.elements]
        copies = min(int(order["copies"]), len(data))
        file = File(order["lfn"], int(order["size"]), copies)
        if not file.lfn.startswith("/") or file.lfn.endswith("/"):
            raise SandboxError(f"{file.lfn}: an absolute name of a file is needed")
        seeder = Seeder(self._service.catalogue, data, self._service.now, self._service.guids)
        seeder.add(file)
        return {"lfn": file.lfn, "size": file.size, "copies": copies}


def load_settings(layout: Layout) -> Settings:
    """The settings that were made last; those of a new grid when there are none. Raises SandboxError."""
    try:
        words = layout.settings.read_text(encoding="utf-8").split()
    except FileNotFoundError:
        words = []
    return Settings().changed(words)
