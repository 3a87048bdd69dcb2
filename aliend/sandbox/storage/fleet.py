"""The storage elements of a running grid: started, watched, and started again when one ends that should not."""

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
    """Runs a storage element for each of `places`; `moved` is called when one has another process."""

    def __init__(self, setups: Sequence[ElementSetup], on_restart: Callable[[], None]) -> None:
        self.elements: list[XRootDServer] = []
        self._setups = setups
        self._on_restart = on_restart
        self._watchers: dict[int, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Start all of them. Raises SandboxError when one does not, and none runs then."""
        self.elements = await xrootd_server.start_all(self._setups)

    def watch(self) -> None:
        """Begin to start again what ends."""
        for index in range(len(self.elements)):
            self._watch(index)

    async def stop(self) -> None:
        """Stop all of them."""
        for index in tuple(self._watchers):
            await self._stop_watching(index)
        await asyncio.gather(*(element.stop() for element in self.elements))

    def index_of(self, name: str) -> int:
        """Which one has this name, or this last part of a name, in any spelling. Raises SandboxError."""
        names = [element.setup.name for element in self.elements]
        for index, known in enumerate(names):
            if name.upper() in (known, known.rpartition(":")[2]):
                return index
        raise SandboxError(f"{name}: there is no such storage element; there are: {', '.join(names)}")

    async def stop_element(self, index: int) -> None:
        """Stop one, and let it rest."""
        await self._stop_watching(index)
        await self.elements[index].stop()

    async def restart_element(self, index: int, *, is_full: bool = False) -> None:
        """Start one again, on its port; with a disk that is full, if that is wanted. Raises SandboxError."""
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
            log.warning("the storage element %s ended with %d and is started again", element.setup.name, code)
            await asyncio.sleep(_RESTART_PAUSE)
            try:
                self.elements[index] = await xrootd_server.start(replace(element.setup, port=element.port))
            except SandboxError:
                log.exception("no further attempt")
                return
            self._on_restart()
