"""Finds the files of a job and stores them in batches, with checkpoints.

Files of a source may be stored twice (after a crash the source is listed again): the store keeps one of each. A missing
source or a refused name becomes a failed transfer with a message; the others continue. Files that the job's selection
does not match are left out.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing

from aliend.core.catalogue import local_paths
from aliend.core.catalogue.entries import Entry
from aliend.core.catalogue.paths import without_slash
from aliend.core.catalogue.selection import Candidate, Window, candidate_of
from aliend.core.cli.escaping import is_text, readable
from aliend.core.copying import target_paths
from aliend.core.copying.target_paths import TargetRule
from aliend.core.transfers.error_mapping import error_kind, error_number
from aliend.core.transfers.job import Checkpoint, ExpansionAdvanced, Job
from aliend.engine.expansion import local_files
from aliend.engine.expansion.local_files import LocalFile
from aliend.engine.ports import CataloguePort
from aliend.errors import AliendError, CopyError
from aliend.store import NewTransfer

Add = Callable[[Sequence[NewTransfer], ExpansionAdvanced | None], Awaitable[Job]]

_SOURCES = 50
"""Sources between two checkpoints; as many as one request can name."""


class Expansion:
    """The expansion of one job. `add` stores files and a checkpoint."""

    def __init__(self, job: Job, catalogue: CataloguePort, add: Add) -> None:
        self._spec = job.spec
        self._done = job.checkpoint
        self._catalogue = catalogue
        self._add = add

    async def run(self) -> None:
        """Expand from the checkpoint to the end. Raises AliendError; it can be run again then."""
        spec = self._spec
        if self._done.target == "unknown":
            is_directory = self._is_in_place or bool(spec.targets) or bool(await self._directories([spec.target]))
            self._done = Checkpoint(0, "directory" if is_directory else "file")
            await self._add([], ExpansionAdvanced(self._done))
        try:
            target_paths.check_target(len(spec.sources), spec.target, is_directory=self._done.target == "directory")
        except CopyError as error:
            refused = [_failed(source, "", str(error), errno.EINVAL) for source in spec.sources]
            await self._add(refused, ExpansionAdvanced(Checkpoint(len(refused), self._done.target)))
            return
        while self._done.sources < len(spec.sources):
            batch = await self._next_sources()
            found = await (self._local_files(batch) if spec.direction == "upload" else self._catalogue_files(batch))
            self._done = Checkpoint(self._done.sources + len(batch), self._done.target)
            await self._add(found, ExpansionAdvanced(self._done))

    async def _next_sources(self) -> list[tuple[str, TargetRule]]:
        """Return the next sources, each with its target rule."""
        spec, first = self._spec, self._done.sources
        sources = spec.sources[first : first + _SOURCES]
        targets = [spec.target_of(first + number) for number in range(len(sources))]
        by_name = {spec.target} if self._done.target == "directory" else set()
        directories = await self._directories(targets) if spec.targets else by_name
        return [
            (source, TargetRule(target, target in directories, spec.parents, spec.strip))
            for source, target in zip(sources, targets, strict=True)
        ]

    async def _directories(self, targets: Sequence[str]) -> set[str]:
        """Return the targets that are directories."""
        marked = {target for target in targets if target.endswith("/")}
        rest = [target for target in targets if target not in marked]
        if self._spec.direction == "download":
            return marked | {target for target in rest if await asyncio.to_thread(local_files.is_directory, target)}
        entries, _ = await self._catalogue.stat(rest) if rest else ([], [])
        there = {without_slash(entry.lfn) for entry in entries if entry.is_directory}
        return marked | {target for target in rest if target in there}

    async def _catalogue_files(self, sources: Sequence[tuple[str, TargetRule]]) -> list[NewTransfer]:
        """Return the files of some sources in the catalogue; files of directories are stored directly."""
        entries, _ = await self._catalogue.stat([source for source, _ in sources])
        by_name = {without_slash(entry.lfn): entry for entry in entries}
        found: list[NewTransfer] = []
        for source, rule in sources:
            entry = by_name.get(without_slash(source))
            if entry is None:
                target = source if self._is_in_place else target_paths.join(rule.target, rule.for_file(source))
                found.append(_failed(source, target, f"{source} {target_paths.MISSING}", errno.ENOENT))
            elif entry.is_directory:
                found += await self._list_or_fail(source, rule)
            elif self._spec.selection.matches(candidate_of(entry, target_paths.name_of(source))):
                found.append(self._new_transfer(entry, rule, rule.for_file(source)))
        return found

    async def _list_or_fail(self, source: str, rule: TargetRule) -> list[NewTransfer]:
        """Store the files of a directory; return it as failed if it cannot be listed: other sources continue."""
        try:
            await self._list(source, rule)
        except AliendError as error:
            if error_kind(error) != "permanent":
                raise
            return [_failed(source, "", f"cannot list {source}: {error}", error_number(error))]
        return []

    async def _list(self, source: str, rule: TargetRule) -> None:
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
                        found.append(self._new_transfer(entry, rule, rule.for_child(source, below)))
                await self._add(found, None)
                if window.is_full:
                    return

    @property
    def _is_in_place(self) -> bool:
        """Return whether each file is its own target."""
        return self._spec.purpose in ("replicate", "mirror")

    def _new_transfer(self, entry: Entry, rule: TargetRule, relative: str) -> NewTransfer:
        return _from_entry(entry, entry.lfn, "") if self._is_in_place else _from_entry(entry, rule.target, relative)

    async def _local_files(self, sources: Sequence[tuple[str, TargetRule]]) -> list[NewTransfer]:
        """Return the files of some local sources; files of directories are stored directly."""
        found: list[NewTransfer] = []
        for source, rule in sources:
            file = await asyncio.to_thread(local_files.stat_source, source)
            if file is None:
                await self._walk(source, rule)
            elif self._is_selected(file, target_paths.name_of(source)):
                found.append(_from_local(file, rule.target, rule.for_file(source)))
        return found

    async def _walk(self, source: str, rule: TargetRule) -> None:
        batches, window = local_files.walk(source), Window(self._spec.selection)
        while not window.is_full and (batch := await asyncio.to_thread(next, batches, None)):
            wanted = [file for file in batch if self._is_selected(file, file.below) and window.accept()]
            await self._add(
                [_from_local(file, rule.target, rule.for_child(source, file.below)) for file in wanted], None
            )

    def _is_selected(self, file: LocalFile, below: str) -> bool:
        """Return whether a file is selected; an unreadable directory is always reported."""
        facts = Candidate(below, file.size, file.changed_ms, file.owner, file.group)
        return file.is_unreadable_directory or self._spec.selection.matches(facts)


def _from_entry(entry: Entry, root: str, relative: str) -> NewTransfer:
    try:
        target = _local_target(root, relative)
    except CopyError as error:
        return _failed(readable(entry.lfn), "", str(error), errno.EINVAL)
    if not is_text(entry.lfn):
        return _failed(readable(entry.lfn), "", "its name in the catalogue is not valid UTF-8", errno.EINVAL)
    return NewTransfer(entry.lfn, target, entry.size, entry.md5)


def _from_local(file: LocalFile, root: str, relative: str) -> NewTransfer:
    reason = "its name is not valid UTF-8, which the catalogue requires"
    if is_text(relative):
        reason = local_paths.why_not_uploaded(relative)
    if reason:
        return _failed(file.path, "", reason, errno.EINVAL)
    problem, target = readable(file.problem), "" if file.is_unreadable_directory else target_paths.join(root, relative)
    return NewTransfer(
        file.path, target, file.size, problem=problem, obstacle=file.obstacle, error_number=file.error_number
    )


def _failed(source: str, target: str, problem: str, number: int) -> NewTransfer:
    """Return a file that cannot be copied, with its errno; without a `target` it is never retried."""
    return NewTransfer(source, target, problem=readable(problem), error_number=number)


def _local_target(root: str, relative: str) -> str:
    """Return the local path; links are checked when the copy starts."""
    if not relative:
        return target_paths.join(root, "")
    return local_paths.local_path(root, relative, lambda _: False)
