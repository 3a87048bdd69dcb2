"""Finds out which files belong to a job and stores them in batches, with checkpoints.

Files of a source may be stored twice (after a crash the source is gone through again): the store keeps one of each. A
source that is missing, or a name that is refused, becomes a failed transfer with a sentence; the others go on. Files
that the job's selection does not match are left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from pathlib import Path

from aliend.core.catalogue import local_paths
from aliend.core.catalogue.entries import Entry
from aliend.core.catalogue.paths import without_slash
from aliend.core.catalogue.selection import Candidate, Window, candidate_of
from aliend.core.copying import target_paths
from aliend.core.copying.target_paths import Aim
from aliend.core.transfers.job import Checkpoint, Explored, Job
from aliend.engine.expansion import local_files
from aliend.engine.expansion.local_files import LocalFile
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
        spec = self._spec
        if self._done.target == "unknown":
            is_directory = self._stays or bool(spec.targets) or bool(await self._directories([spec.target]))
            self._done = Checkpoint(0, "directory" if is_directory else "file")
            await self._add([], Explored(self._done))
        try:
            target_paths.check_target(len(spec.sources), spec.target, is_directory=self._done.target == "directory")
        except CopyError as error:
            refused = [_failed(source, "", str(error)) for source in spec.sources]
            await self._add(refused, Explored(Checkpoint(len(refused), self._done.target)))
            return
        while self._done.sources < len(spec.sources):
            batch = await self._aimed()
            found = await (self._look_at(batch) if spec.direction == "upload" else self._look_up(batch))
            self._done = Checkpoint(self._done.sources + len(batch), self._done.target)
            await self._add(found, Explored(self._done))

    async def _aimed(self) -> list[tuple[str, Aim]]:
        """The next sources, and where their files go."""
        spec, first = self._spec, self._done.sources
        sources = spec.sources[first : first + _SOURCES]
        targets = [spec.target_of(first + number) for number in range(len(sources))]
        known = {spec.target} if self._done.target == "directory" else set()
        directories = await self._directories(targets) if spec.targets else known
        return [
            (source, Aim(target, target in directories, spec.parents, spec.strip))
            for source, target in zip(sources, targets, strict=True)
        ]

    async def _directories(self, targets: Sequence[str]) -> set[str]:
        """Those of the targets that are directories."""
        told = {target for target in targets if target.endswith("/")}
        rest = [target for target in targets if target not in told]
        if self._spec.direction == "download":
            return told | {target for target in rest if await asyncio.to_thread(Path(target).is_dir)}
        entries, _ = await self._catalogue.stat(rest) if rest else ([], [])
        there = {without_slash(entry.lfn) for entry in entries if entry.is_directory}
        return told | {target for target in rest if target in there}

    async def _look_up(self, sources: Sequence[tuple[str, Aim]]) -> list[NewTransfer]:
        """The files of some sources in the catalogue; those of directories are stored on the way."""
        entries, _ = await self._catalogue.stat([source for source, _ in sources])
        known = {without_slash(entry.lfn): entry for entry in entries}
        found: list[NewTransfer] = []
        for source, aim in sources:
            entry = known.get(without_slash(source))
            if entry is None:
                target = source if self._stays else target_paths.joined(aim.target, aim.of_file(source))
                found.append(_failed(source, target, f"{source} {target_paths.MISSING}"))
            elif entry.is_directory:
                await self._list(source, aim)
            elif self._spec.selection.matches(candidate_of(entry, target_paths.name_of(source))):
                found.append(self._found(entry, aim, aim.of_file(source)))
        return found

    async def _list(self, source: str, aim: Aim) -> None:
        selection, window = self._spec.selection, Window(self._spec.selection)
        options = [
            *(["-j", selection.job] if selection.job else []),
            *(["-S", selection.site] if selection.site else []),
        ]
        once = bool(selection.limit or selection.offset or selection.site)
        files = self._catalogue.find_files(source, pattern=selection.service_pattern, options=options, quick=not once)
        async with aclosing(files) as batches:
            async for entries in batches:
                found = []
                for entry in entries:
                    below = local_paths.relative_to(source, entry.lfn)
                    if selection.matches(candidate_of(entry, below)) and window.accept():
                        found.append(self._found(entry, aim, aim.of_below(source, below)))
                await self._add(found, None)
                if window.is_full:
                    return

    @property
    def _stays(self) -> bool:
        """Whether each file is its own target."""
        return self._spec.purpose in ("replicate", "mirror")

    def _found(self, entry: Entry, aim: Aim, relative: str) -> NewTransfer:
        return _from_entry(entry, entry.lfn, "") if self._stays else _from_entry(entry, aim.target, relative)

    async def _look_at(self, sources: Sequence[tuple[str, Aim]]) -> list[NewTransfer]:
        """The files of some local sources; those of directories are stored on the way."""
        found: list[NewTransfer] = []
        for source, aim in sources:
            one = await asyncio.to_thread(local_files.look_at, source)
            if one is None:
                await self._walk(source, aim)
            elif self._wants(one, target_paths.name_of(source)):
                found.append(_from_local(one, aim.target, aim.of_file(source)))
        return found

    async def _walk(self, source: str, aim: Aim) -> None:
        batches, window = local_files.walk(source), Window(self._spec.selection)
        while not window.is_full and (batch := await asyncio.to_thread(next, batches, None)):
            wanted = [one for one in batch if self._wants(one, one.below) and window.accept()]
            await self._add([_from_local(one, aim.target, aim.of_below(source, one.below)) for one in wanted], None)

    def _wants(self, one: LocalFile, below: str) -> bool:
        """Whether it is selected; a directory that cannot be looked into is always told."""
        facts = Candidate(below, one.size, one.changed_ms, one.owner, one.group)
        return one.is_closed or self._spec.selection.matches(facts)


def _from_entry(entry: Entry, root: str, relative: str) -> NewTransfer:
    try:
        target = _local_target(root, relative)
        entry.lfn.encode()
    except CopyError as error:
        return _failed(entry.lfn, "", str(error))
    except UnicodeEncodeError:
        return _failed(entry.lfn, "", "its name in the catalogue is not valid text")
    return NewTransfer(entry.lfn, target, entry.size, entry.md5)


def _from_local(one: LocalFile, root: str, relative: str) -> NewTransfer:
    try:
        one.path.encode()
    except UnicodeEncodeError:
        return _failed(one.path, "", "its name is not UTF-8, which the catalogue needs")
    reason = _objection(relative)
    if reason:
        return _failed(one.path, "", reason)
    return NewTransfer(
        one.path, target_paths.joined(root, relative), one.size, problem=one.problem, obstacle=one.obstacle
    )


def _failed(source: str, target: str, problem: str) -> NewTransfer:
    """A file that cannot be copied; `target` is empty where none can be said, so that it is never tried again."""
    return NewTransfer(_storable(source), target, problem=_storable(problem))


def _local_target(root: str, relative: str) -> str:
    """The local path; links are looked for when the copy begins."""
    if not relative:
        return target_paths.joined(root, "")
    return local_paths.local_path(root, relative, lambda _: False)


def _objection(relative: str) -> str:
    for component in relative.split("/") if relative else ():
        reason = local_paths.why_refused(component)
        if reason:
            return f"its name is refused: {reason}"
    return ""


def _storable(text: str) -> str:
    """Text with anything that is not Unicode spelled out."""
    return text.encode("utf-8", "backslashreplace").decode()
