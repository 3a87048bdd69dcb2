"""Serves the control socket, on which clients inject faults, read counters and change settings of a running grid.

Request and answer are one line of JSON each. Only the grid's owner can enter the directory of the socket.
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
from aliend.sandbox.server.connections import WebsocketServer
from aliend.sandbox.server.seed import File, Seeder
from aliend.sandbox.service.call import Service
from aliend.sandbox.state import paths
from aliend.sandbox.storage.fleet import StorageElements
from aliend.sandbox.storage.storage_faults import StorageFaults

log = logging.getLogger(__name__)


class ControlSocket:
    """Carries out control requests on the parts of a grid."""

    def __init__(self, layout: Layout, service: Service, front: WebsocketServer, fleet: StorageElements) -> None:
        self._layout = layout
        self._service = service
        self._front = front
        self._fleet = fleet
        self._storage_faults = StorageFaults(fleet)
        expired_certificates.restore(layout)
        front.apply_settings(load_settings(layout))

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen on the socket; clear all faults at the end."""
        self._layout.control.unlink(missing_ok=True)
        directory = os.open(self._layout.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # a socket address is limited to 108 bytes, a directory name is not
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
                answer = await self.handle(json.loads(await reader.readline()))
            except SandboxError as error:
                answer = {"error": str(error)}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        except (OSError, ValueError, KeyError, TypeError):
            log.exception("invalid control request")
        finally:
            writer.close()

    async def handle(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out one request and return the answer. Raises SandboxError with the reason of a refusal."""
        match request["do"]:
            case "fault":
                await self._inject_fault(request)
                return self._active_faults()
            case "faults":
                return self._active_faults()
            case "clear":
                await self._clear()
                return self._active_faults()
            case "stats":
                document = self._front.shared.counters.document()
                if request.get("reset"):
                    self._front.shared.counters.reset()
                return document
            case "set":
                return {"settings": self._set(request["settings"])}
            case "file":
                return await self._add_file(request)
        raise SandboxError(f"unknown control request {request['do']!r}")

    async def _inject_fault(self, request: dict[str, Any]) -> None:
        kind, value = request["kind"], request.get("value") or ""
        if kind in faults.STORAGE:
            await self._inject_storage_fault(kind, request.get("element") or "", value)
        elif kind == "expire-session":
            await self._front.expire_sessions()
        elif kind == "expire-certificate":
            await self._expire_certificate(value or "token")
        else:
            fault = faults.parse(kind, value, request.get("command") or "", request.get("times"))
            if kind == "throttle":
                self._front.reset_throttle(fault.value)
            self._front.shared.faults.add(fault)

    async def _inject_storage_fault(self, kind: str, name: str, value: str) -> None:
        index = self._fleet.index_of(name)
        if kind == "slow" and value:
            try:
                fraction = float(value)
            except ValueError:
                fraction = 0.0
            if not 0 < fraction < 1:
                raise SandboxError(f"slow needs a fraction of the time between 0 and 1, not {value!r}")
            await self._storage_faults.inject(kind, index, fraction=fraction)
        elif kind == "corrupt" and value:
            await self._storage_faults.inject(kind, index, files=[self._replica(value, index)])
        elif value:
            raise SandboxError(f"{kind} takes no value; remove {value!r}")
        else:
            await self._storage_faults.inject(kind, index)

    def _replica(self, lfn: str, index: int) -> Path:
        entry = self._service.catalogue.names.get(lfn)
        for replica in self._service.catalogue.replicas.replicas_of((entry.guid if entry else None) or ""):
            if replica.se is not None and replica.se.number == index + 1:
                return self._fleet.elements[index].setup.data / replica.pfn.split("/", 3)[-1].lstrip("/")
        raise SandboxError(f"{lfn} has no replica on {self._fleet.elements[index].setup.name}")

    async def _expire_certificate(self, kind: str) -> None:
        if kind not in expired_certificates.KINDS:
            raise SandboxError(f"expire-certificate needs `token` or `user`, not {kind!r}")
        await asyncio.to_thread(expired_certificates.expire, self._layout, kind)
        await self._front.expire_certificates(are_tokens=kind == "token")

    def _active_faults(self) -> dict[str, Any]:
        active: list[dict[str, Any]] = [asdict(fault) for fault in self._front.shared.faults.active]
        active += [{"kind": kind, "element": element} for kind, element in self._storage_faults.active]
        if self._front.expired:
            active.append({"kind": "expire-certificate"})
        return {"faults": active}

    async def _clear(self) -> None:
        self._front.shared.faults.clear()
        self._front.expired.clear()
        expired_certificates.restore(self._layout)
        await self._storage_faults.clear()

    def _set(self, changes: list[str]) -> list[str]:
        settings = self._front.shared.settings.updated(changes)
        self._front.apply_settings(settings)
        self._layout.settings.write_text("\n".join(settings.assignments()) + "\n", encoding="utf-8")
        return settings.assignments()

    async def _add_file(self, request: dict[str, Any]) -> dict[str, Any]:
        data = [element.setup.data for element in self._fleet.elements]
        copies = min(int(request["copies"]), len(data))
        lfn = request["lfn"]
        if not lfn.startswith("/") or lfn.endswith(("/", "/.", "/..")):
            raise SandboxError(f"{lfn} is not an absolute file name")
        file = File(paths.collapse(lfn), int(request["size"]), copies)
        seeder = Seeder(self._service.catalogue, data, self._service.now, self._service.guids)
        seeder.add(file)
        return {"lfn": file.lfn, "size": file.size, "copies": copies}


def load_settings(layout: Layout) -> Settings:
    """Return the saved settings, or the default settings. Raises SandboxError."""
    try:
        assignments = layout.settings.read_text(encoding="utf-8").split()
    except FileNotFoundError:
        assignments = []
    return Settings().updated(assignments)
