"""Faults of storage elements: stopped, frozen, slow, with corrupt files, or full."""

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

_SLOW_PERIOD = 0.2
_SLOW_FRACTION = 0.02


@dataclass(frozen=True, slots=True)
class _CorruptFile:
    """A file whose first byte was changed; `inode` identifies the file, which may have been replaced."""

    file: Path
    inode: int


class StorageFaults:
    """Injects faults into storage elements and repairs them."""

    def __init__(self, fleet: StorageElements) -> None:
        self._fleet = fleet
        self._kinds: dict[int, str] = {}
        self._slow_tasks: dict[int, asyncio.Task[None]] = {}
        self._corrupt: list[_CorruptFile] = []

    @property
    def active(self) -> list[tuple[str, str]]:
        """Return the active faults as pairs of kind and storage element."""
        return [(kind, self._fleet.elements[index].setup.name) for index, kind in self._kinds.items()]

    async def inject(
        self, kind: str, index: int, *, fraction: float = _SLOW_FRACTION, files: Iterable[Path] = ()
    ) -> None:
        """Inject a fault into one storage element, in place of its previous fault.

        `fraction` (0 to 1) is the part of the time that a slow server runs; `files` are the files to corrupt (default:
        all). Raises SandboxError.
        """
        await self._repair(index)
        element = self._fleet.elements[index]
        match kind:
            case "stop":
                await self._fleet.stop_element(index)
            case "freeze":
                element.signal(signal.SIGSTOP)
            case "slow":
                self._slow_tasks[index] = asyncio.create_task(self._slow_down(index, fraction))
            case "fill":
                await self._fleet.restart_element(index, is_full=True)
            case "corrupt":
                corrupted = list(files) or list(_files(element.setup.data))
                await asyncio.to_thread(self._corrupt_files, corrupted)
            case _:
                raise SandboxError(f"unknown fault {kind!r}; list the faults with: alienctl sandbox fault --help")
        self._kinds[index] = kind

    async def clear(self) -> None:
        """Repair all storage elements."""
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
                repaired = [corrupt for corrupt in self._corrupt if corrupt.file.is_relative_to(data)]
                self._corrupt = [corrupt for corrupt in self._corrupt if corrupt not in repaired]
                await asyncio.to_thread(_repair_files, repaired)

    async def _slow_down(self, index: int, fraction: float) -> None:
        # the kernel still sends and receives a little while the process is suspended
        element = self._fleet.elements[index]
        try:
            while True:
                element.signal(signal.SIGSTOP)
                await asyncio.sleep(_SLOW_PERIOD * (1 - fraction))
                element.signal(signal.SIGCONT)
                await asyncio.sleep(_SLOW_PERIOD * fraction)
        finally:
            element.signal(signal.SIGCONT)

    def _corrupt_files(self, files: Iterable[Path]) -> None:
        self._corrupt += [_CorruptFile(file, file.stat().st_ino) for file in files if _flip_first_byte(file)]


def _files(directory: Path) -> Iterator[Path]:
    return (file for file in directory.rglob("*") if file.is_file())


def _repair_files(files: Iterable[_CorruptFile]) -> None:
    for corrupt in files:
        with contextlib.suppress(OSError):
            if corrupt.file.stat().st_ino == corrupt.inode:
                _flip_first_byte(corrupt.file)


def _flip_first_byte(file: Path) -> bool:
    """Invert the first byte of a file; return false for an empty file."""
    descriptor = os.open(file, os.O_RDWR)
    try:
        first = os.pread(descriptor, 1, 0)
        return bool(first) and os.pwrite(descriptor, bytes([first[0] ^ 0xFF]), 0) == 1
    finally:
        os.close(descriptor)
