"""The storage elements of a running grid: started, watched, and started again when one ends that should not."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from aliend.sandbox.errors import SandboxError
from aliend.sandbox.storage import xrootd_server
from aliend.sandbox.storage.xrootd_server import Place, Storage

log = logging.getLogger(__name__)

_RESTART_PAUSE = 0.5


class Fleet:
    """Runs a storage element for each of `places`; `moved` is called when one has another process."""

    def __init__(self, places: Sequence[Place], moved: Callable[[], None]) -> None:
        self.elements: list[Storage] = []
        self._places = places
        self._moved = moved
        self._watchers: dict[int, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Start all of them. Raises SandboxError when one does not, and none runs then."""
        self.elements = await xrootd_server.start_all(self._places)

    def watch(self) -> None:
        """Begin to start again what ends."""
        for index in range(len(self.elements)):
            self._watch(index)

    async def stop(self) -> None:
        """Stop all of them."""
        for index in tuple(self._watchers):
            await self._leave(index)
        await asyncio.gather(*(element.stop() for element in self.elements))

    def index(self, name: str) -> int:
        """Which one has this name, or this last part of a name, in any spelling. Raises SandboxError."""
        names = [element.place.name for element in self.elements]
        for index, known in enumerate(names):
            if name.upper() in (known, known.rpartition(":")[2]):
                return index
        raise SandboxError(f"{name}: there is no such storage element; there are: {', '.join(names)}")

    async def halt(self, index: int) -> None:
        """Stop one, and let it rest."""
        await self._leave(index)
        await self.elements[index].stop()

    async def resume(self, index: int, *, is_full: bool = False) -> None:
        """Start one again, on its port; with a disk that is full, if that is wanted. Raises SandboxError."""
        old = self.elements[index]
        await self.halt(index)
        self.elements[index] = await xrootd_server.start(replace(old.place, port=old.port, is_full=is_full))
        self._moved()
        self._watch(index)

    def _watch(self, index: int) -> None:
        self._watchers[index] = asyncio.create_task(self._supervise(index))

    async def _leave(self, index: int) -> None:
        watcher = self._watchers.pop(index, None)
        if watcher is not None:
            watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watcher

    async def _supervise(self, index: int) -> None:
        while True:
            element = self.elements[index]
            code = await element.ended()
            log.warning("the storage element %s ended with %d and is started again", element.place.name, code)
            await asyncio.sleep(_RESTART_PAUSE)
            try:
                self.elements[index] = await xrootd_server.start(replace(element.place, port=element.port))
            except SandboxError:
                log.exception("no further attempt")
                return
            self._moved()
