"""Runs the storage elements of a grid and restarts those that end unexpectedly."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from aliend.sandbox.errors import SandboxError
from aliend.sandbox.storage import xrootd_server
from aliend.sandbox.storage.xrootd_server import ElementSetup, XRootDServer

log = logging.getLogger(__name__)

_RESTART_PAUSE = 0.5


class StorageElements:
    """Runs one storage element per setup; calls `on_restart` after an element got a new process."""

    def __init__(self, setups: Sequence[ElementSetup], on_restart: Callable[[], None]) -> None:
        self.elements: list[XRootDServer] = []
        self._setups = setups
        self._on_restart = on_restart
        self._watchers: dict[int, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Start all elements. Raises SandboxError if one does not start; then none runs."""
        self.elements = await xrootd_server.start_all(self._setups)

    def watch(self) -> None:
        """Start to monitor the elements and to restart those that end."""
        for index in range(len(self.elements)):
            self._watch(index)

    async def stop(self) -> None:
        """Stop all elements."""
        for index in tuple(self._watchers):
            await self._stop_watching(index)
        await asyncio.gather(*(element.stop() for element in self.elements))

    def index_of(self, name: str) -> int:
        """Return the index of an element by its name or the last part of it, in any case. Raises SandboxError."""
        names = [element.setup.name for element in self.elements]
        for index, full_name in enumerate(names):
            if name.upper() in (full_name, full_name.rpartition(":")[2]):
                return index
        raise SandboxError(f"unknown storage element {name!r}; use one of: {', '.join(names)}")

    async def stop_element(self, index: int) -> None:
        """Stop an element and do not restart it."""
        await self._stop_watching(index)
        await self.elements[index].stop()

    async def restart_element(self, index: int, *, is_full: bool = False) -> None:
        """Restart an element on its port, optionally with a full disk. Raises SandboxError."""
        old = self.elements[index]
        await self.stop_element(index)
        self.elements[index] = await xrootd_server.start(replace(old.setup, port=old.port, is_full=is_full))
        self._on_restart()
        self._watch(index)

    def _watch(self, index: int) -> None:
        self._watchers[index] = asyncio.create_task(self._supervise(index))

    async def _stop_watching(self, index: int) -> None:
        watcher = self._watchers.pop(index, None)
        if watcher is not None:
            watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watcher

    async def _supervise(self, index: int) -> None:
        while True:
            element = self.elements[index]
            code = await element.wait_ended()
            log.warning("storage element %s ended with exit code %d; restarting it", element.setup.name, code)
            await asyncio.sleep(_RESTART_PAUSE)
            try:
                self.elements[index] = await xrootd_server.start(replace(element.setup, port=element.port))
            except SandboxError:
                log.exception("storage element %s could not be restarted", element.setup.name)
                return
            self._on_restart()
