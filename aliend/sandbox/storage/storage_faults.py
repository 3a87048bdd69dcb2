"""Broken storage elements, on demand: stopped, frozen, slow, with corrupt files, or full."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from aliend.sandbox.errors import SandboxError
from aliend.sandbox.storage.fleet import StorageElements

KINDS = {
    "stop": "it does not run",
    "freeze": "it does not answer (SIGSTOP), and goes on where it was when that is over",
    "slow": "it works only for a part (VALUE, by default 0.02) of the time",
    "corrupt": "the first byte of its files, or of one (VALUE, an LFN), is another one",
    "fill": "it has no space left",
}
_SLOW_PERIOD = 0.2
_SLOW_PART = 0.02


@dataclass(frozen=True, slots=True)
class _Corrupt:
    """A file whose first byte was changed; `inode` tells whether it is the same one still."""

    file: Path
    inode: int


class StorageFaults:
    """Breaks the storage elements of `fleet`, and mends them."""

    def __init__(self, fleet: StorageElements) -> None:
        self._fleet = fleet
        self._kinds: dict[int, str] = {}
        self._slow_tasks: dict[int, asyncio.Task[None]] = {}
        self._corrupt: list[_Corrupt] = []

    @property
    def active(self) -> list[tuple[str, str]]:
        """What is broken, as fault and storage element."""
        return [(kind, self._fleet.elements[index].setup.name) for index, kind in self._kinds.items()]

    async def inject(self, kind: str, index: int, *, part: float = _SLOW_PART, files: Iterable[Path] = ()) -> None:
        """Break one storage element, in the place of what was wrong with it before.

        `part` of 1 is how much of the time a slow one works; `files` are those to corrupt. Raises SandboxError.
        """
        await self._repair(index)
        element = self._fleet.elements[index]
        match kind:
            case "stop":
                await self._fleet.stop_element(index)
            case "freeze":
                element.signal(signal.SIGSTOP)
            case "slow":
                self._slow_tasks[index] = asyncio.create_task(self._slow_down(index, part))
            case "fill":
                await self._fleet.restart_element(index, is_full=True)
            case "corrupt":
                chosen = list(files) or list(_files(element.setup.data))
                await asyncio.to_thread(self._corrupt_files, chosen)
            case _:
                raise SandboxError(f"{kind}: there is no such fault")
        self._kinds[index] = kind

    async def clear(self) -> None:
        """Mend all of them."""
        for index in tuple(self._kinds):
            await self._repair(index)

    async def _repair(self, index: int) -> None:
        match self._kinds.pop(index, None):
            case "stop" | "fill":
                await self._fleet.restart_element(index)
            case "freeze":
                self._fleet.elements[index].signal(signal.SIGCONT)
            case "slow":
                task = self._slow_tasks.pop(index)
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            case "corrupt":
                data = self._fleet.elements[index].setup.data
                mended = [one for one in self._corrupt if one.file.is_relative_to(data)]
                self._corrupt = [one for one in self._corrupt if one not in mended]
                await asyncio.to_thread(_repair_files, mended)

    async def _slow_down(self, index: int, part: float) -> None:
        # the kernel goes on to send and receive a little meanwhile
        element = self._fleet.elements[index]
        try:
            while True:
                element.signal(signal.SIGSTOP)
                await asyncio.sleep(_SLOW_PERIOD * (1 - part))
                element.signal(signal.SIGCONT)
                await asyncio.sleep(_SLOW_PERIOD * part)
        finally:
            element.signal(signal.SIGCONT)

    def _corrupt_files(self, files: Iterable[Path]) -> None:
        self._corrupt += [_Corrupt(file, file.stat().st_ino) for file in files if _flip_first_byte(file)]


def _files(directory: Path) -> Iterator[Path]:
    return (file for file in directory.rglob("*") if file.is_file())


def _repair_files(corrupt: Iterable[_Corrupt]) -> None:
    for one in corrupt:
        with contextlib.suppress(OSError):
            if one.file.stat().st_ino == one.inode:
                _flip_first_byte(one.file)


def _flip_first_byte(file: Path) -> bool:
    """Change the first byte of a file, or change it back; false when there is none."""
    descriptor = os.open(file, os.O_RDWR)
    try:
        first = os.pread(descriptor, 1, 0)
        return bool(first) and os.pwrite(descriptor, bytes([first[0] ^ 0xFF]), 0) == 1
    finally:
        os.close(descriptor)
