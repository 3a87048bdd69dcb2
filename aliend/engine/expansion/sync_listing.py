"""Lists one side of a synchronisation: all files below a directory, on this machine or in the catalogue.

A listing is whole or an error is raised; what cannot be looked into is a file with a problem, so that it is known that
something is missing. The catalogue is never asked for an answer that it may have remembered (`find_files`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from aliend.core.catalogue import local_paths
from aliend.core.catalogue.paths import without_slash
from aliend.core.catalogue.selection import Candidate, Selection, candidate_of
from aliend.core.copying.sync import is_unfinished_name
from aliend.engine.expansion import local_files
from aliend.engine.expansion.local_files import LocalFile
from aliend.engine.ports import CataloguePort
from aliend.errors import CopyError, ErrorKind
from aliend.store import Listed

NO_GUID = "-"


async def source_in_catalogue(
    catalogue: CataloguePort, directory: str, selection: Selection
) -> AsyncGenerator[list[Listed], None]:
    """The files of a source. Raises CopyError unless it is a directory, and whatever the service does."""
    if not await _is_directory(catalogue, directory):
        raise CopyError(f"{directory} does not exist in the catalogue", kind="permanent")
    async with aclosing(_in_catalogue(catalogue, directory, selection)) as batches:
        async for batch in batches:
            yield batch


async def target_in_catalogue(
    catalogue: CataloguePort, directory: str, selection: Selection
) -> AsyncGenerator[list[Listed], None]:
    """The files of a target, which need not exist; nothing that a copy is still making."""
    if await _is_directory(catalogue, directory):
        async with aclosing(_in_catalogue(catalogue, directory, selection)) as batches:
            async for batch in batches:
                yield [one for one in batch if not one.problem and not is_unfinished_name(one.below)]


async def source_here(directory: str, selection: Selection, *, whole: bool) -> AsyncGenerator[list[Listed], None]:
    """The files of a local source. Raises CopyError unless it is a directory.

    With `whole` also, as `local`, where something may not be read that could be made readable.
    """
    found = await asyncio.to_thread(local_files.look_at, without_slash(directory))
    if found is not None:
        kind: ErrorKind = "local" if found.obstacle else "permanent"
        raise CopyError(found.problem or f"{directory} is not a directory", kind, obstacle=found.obstacle)
    async with aclosing(_walked(directory)) as batches:
        async for batch in batches:
            wanted = [one for one in batch if one.is_closed or selection.matches(_facts(one))]
            for one in wanted:
                if whole and one.obstacle:
                    raise CopyError(one.problem, "local", obstacle=one.obstacle)
            yield [Listed(one.below, one.size, "", mark_of(one), _problem(one)) for one in map(_storable, wanted)]


async def target_here(directory: str, selection: Selection) -> AsyncGenerator[list[Listed], None]:
    """The files of a local target, which need not exist: no links, nothing that a copy is still making."""
    found = await asyncio.to_thread(local_files.look_at, without_slash(directory))
    if found is None:
        async with aclosing(_walked(directory)) as batches:
            async for batch in batches:
                yield [Listed(one.below, one.size, "", mark_of(one)) for one in _own(batch, selection)]


def mark_of(one: LocalFile) -> str:
    """What tells a local file from any other under its name."""
    return f"{one.device}:{one.inode}:{one.modified_ns}:{one.size}"


async def _walked(directory: str) -> AsyncGenerator[list[LocalFile], None]:
    batches = local_files.walk(directory)
    while batch := await asyncio.to_thread(next, batches, None):
        yield batch


def _own(batch: Iterable[LocalFile], selection: Selection) -> Iterable[LocalFile]:
    for one in batch:
        if one.problem or one.is_link or is_unfinished_name(one.below) or _storable(one) is not one:
            continue
        if selection.matches(_facts(one)):
            yield one


def _facts(one: LocalFile) -> Candidate:
    return Candidate(one.below, one.size, one.changed_ms, one.owner, one.group)


def _problem(one: LocalFile) -> str:
    if one.problem:
        return one.problem
    reasons = (local_paths.why_refused(component) for component in one.below.split("/"))
    reason = next(filter(None, reasons), "")
    return f"its name is refused: {reason}" if reason else ""


def _storable(one: LocalFile) -> LocalFile:
    """The same, or one that tells of a name that is no text."""
    try:
        one.path.encode()
    except UnicodeEncodeError:
        name = one.below.encode("utf-8", "backslashreplace").decode()
        return LocalFile(name, name, one.size, "its name is not UTF-8, which the catalogue needs")
    return one


async def _in_catalogue(
    catalogue: CataloguePort, directory: str, selection: Selection
) -> AsyncGenerator[list[Listed], None]:
    async with aclosing(catalogue.find_files(directory)) as batches:
        async for entries in batches:
            found = []
            for entry in entries:
                below = local_paths.relative_to(directory, entry.lfn)
                if selection.matches(candidate_of(entry, below)):
                    reasons = (local_paths.why_refused(component) for component in below.split("/"))
                    reason = next(filter(None, reasons), "")
                    found.append(
                        Listed(
                            below.encode("utf-8", "backslashreplace").decode(),
                            entry.size,
                            entry.md5,
                            entry.guid or NO_GUID,
                            f"its name is refused: {reason}" if reason else "",
                        )
                    )
            yield found


async def _is_directory(catalogue: CataloguePort, directory: str) -> bool:
    entries, _ = await catalogue.stat([without_slash(directory)])
    if entries and not entries[0].is_directory:
        raise CopyError(f"{without_slash(directory)} is not a directory in the catalogue", kind="permanent")
    return bool(entries)
