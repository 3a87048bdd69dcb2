"""Finds out which files belong to a job and stores them in batches, with checkpoints.

Files of a source may be stored twice (after a crash the source is gone through again): the store keeps one of each. A
source that is missing, or a name that is refused, becomes a failed transfer with a sentence; the others go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from pathlib import Path

from aliend.core import containment, expansion
from aliend.core.catalogue import Entry
from aliend.core.job import Checkpoint, Explored, Job
from aliend.engine import local
from aliend.engine.local import LocalFile
from aliend.engine.ports import CataloguePort
from aliend.errors import CopyError
from aliend.store import NewTransfer

Add = Callable[[Sequence[NewTransfer], Explored | None], Awaitable[Job]]

_SOURCES = 50
"""Sources between two checkpoints; as many as one request can ask for."""


class Expansion:
    """The expansion of one job. `add` stores files, and a checkpoint with them."""

    def __init__(self, job: Job, catalogue: CataloguePort, add: Add) -> None:
        self._spec = job.spec
        self._done = job.checkpoint
        self._catalogue = catalogue
        self._add = add

    async def run(self) -> None:
        """Go on from the checkpoint to the end. Raises AliendError; it can be begun again then."""
        sources = self._spec.sources
        if self._done.target == "unknown":
            kind = "directory" if await self._target_is_directory() else "file"
            self._done = Checkpoint(0, "directory" if kind == "directory" else "file")
            await self._add([], Explored(self._done))
        try:
            expansion.check_target(len(sources), self._spec.target, is_directory=self._into_directory)
        except CopyError as error:
            refused = [_failed(source, "", str(error)) for source in sources]
            await self._add(refused, Explored(Checkpoint(len(sources), self._done.target)))
            return
        while self._done.sources < len(sources):
            batch = sources[self._done.sources : self._done.sources + _SOURCES]
            found = await (self._look_up(batch) if self._spec.direction == "download" else self._look_at(batch))
            self._done = Checkpoint(self._done.sources + len(batch), self._done.target)
            await self._add(found, Explored(self._done))

    @property
    def _into_directory(self) -> bool:
        return self._done.target == "directory"

    async def _target_is_directory(self) -> bool:
        target = self._spec.target
        if target.endswith("/"):
            return True
        if self._spec.direction == "download":
            return await asyncio.to_thread(Path(target).is_dir)
        entries, _ = await self._catalogue.stat([target])
        return any(entry.is_directory for entry in entries)

    async def _look_up(self, sources: Sequence[str]) -> list[NewTransfer]:
        """The files of some sources in the catalogue; those of directories are stored on the way."""
        entries, _ = await self._catalogue.stat(list(sources))
        known = {entry.lfn.rstrip("/"): entry for entry in entries}
        found: list[NewTransfer] = []
        for source in sources:
            entry = known.get(source.rstrip("/"))
            if entry is None:
                relative = expansion.relative_of_file(source, into_directory=self._into_directory)
                target = expansion.joined(self._spec.target, relative)
                found.append(_failed(source, target, f"{source} does not exist in the catalogue"))
            elif entry.is_directory:
                await self._list(source)
            else:
                relative = expansion.relative_of_file(source, into_directory=self._into_directory)
                found.append(self._from_entry(entry, relative))
        return found

    async def _list(self, source: str) -> None:
        async with aclosing(self._catalogue.find_files(source)) as batches:
            async for entries in batches:
                found = []
                for entry in entries:
                    below = containment.relative_to(source, entry.lfn)
                    found.append(self._from_entry(entry, expansion.relative_in_directory(source, below)))
                await self._add(found, None)

    def _from_entry(self, entry: Entry, relative: str) -> NewTransfer:
        try:
            target = _local_target(self._spec.target, relative)
            entry.lfn.encode()
        except CopyError as error:
            return _failed(entry.lfn, "", str(error))
        except UnicodeEncodeError:
            return _failed(entry.lfn, "", "its name in the catalogue is not valid text")
        return NewTransfer(entry.lfn, target, entry.size, entry.md5)

    async def _look_at(self, sources: Sequence[str]) -> list[NewTransfer]:
        """The files of some local sources; those of directories are stored on the way."""
        found: list[NewTransfer] = []
        for source in sources:
            one = await asyncio.to_thread(local.look_at, source)
            if one is None:
                await self._walk(source)
            else:
                relative = expansion.relative_of_file(source, into_directory=self._into_directory)
                found.append(self._from_local(one, relative))
        return found

    async def _walk(self, source: str) -> None:
        batches = local.walk(source)
        while batch := await asyncio.to_thread(next, batches, None):
            await self._add(
                [self._from_local(one, expansion.relative_in_directory(source, one.below)) for one in batch], None
            )

    def _from_local(self, one: LocalFile, relative: str) -> NewTransfer:
        try:
            one.path.encode()
        except UnicodeEncodeError:
            return _failed(one.path, "", "its name is not UTF-8, which the catalogue needs")
        reason = _objection(relative)
        if reason:
            return _failed(one.path, "", reason)
        return NewTransfer(one.path, expansion.joined(self._spec.target, relative), one.size, problem=one.problem)


def _failed(source: str, target: str, problem: str) -> NewTransfer:
    """A file that cannot be copied; `target` is empty where none can be said, so that it is never tried again."""
    return NewTransfer(_storable(source), target, problem=_storable(problem))


def _local_target(root: str, relative: str) -> str:
    """The local path; links are looked for when the copy begins."""
    if not relative:
        return expansion.joined(root, "")
    return containment.local_path(root, relative, lambda _: False)


def _objection(relative: str) -> str:
    for component in relative.split("/") if relative else ():
        reason = containment.objection(component)
        if reason:
            return f"its name is refused: {reason}"
    return ""


def _storable(text: str) -> str:
    """Text with anything that is not Unicode spelled out."""
    return text.encode("utf-8", "backslashreplace").decode()
