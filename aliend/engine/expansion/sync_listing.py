"""Lists one side of a synchronisation: all files below a directory, local or in the catalogue.

A listing is complete or raises an error; an unreadable directory is listed as a file with a problem, so that nothing
counts as missing by mistake. The catalogue is never asked for an answer that it may have cached (`find_files`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from aliend.core.catalogue import local_paths
from aliend.core.catalogue.paths import without_slash
from aliend.core.catalogue.selection import Facts, Selection, facts_of
from aliend.engine.expansion import local_files
from aliend.engine.expansion.local_files import LocalFile
from aliend.engine.ports import CataloguePort
from aliend.errors import CopyError, ErrorKind
from aliend.store import ListedFile

NO_GUID = "-"


async def catalogue_source(
    catalogue: CataloguePort, directory: str, selection: Selection
) -> AsyncGenerator[list[ListedFile], None]:
    """Return the files of a source. Raises CopyError unless it is a directory, and the service's errors."""
    if not await _is_directory(catalogue, directory):
        raise CopyError(f"{directory} does not exist in the catalogue", kind="permanent")
    async with aclosing(_in_catalogue(catalogue, directory, selection)) as batches:
        async for batch in batches:
            yield batch


async def catalogue_target(
    catalogue: CataloguePort, directory: str, selection: Selection
) -> AsyncGenerator[list[ListedFile], None]:
    """Return the files of a target, which need not exist."""
    if await _is_directory(catalogue, directory):
        async with aclosing(_in_catalogue(catalogue, directory, selection)) as batches:
            async for batch in batches:
                yield [file for file in batch if not file.problem]


async def local_source(directory: str, selection: Selection, *, whole: bool) -> AsyncGenerator[list[ListedFile], None]:
    """Return the files of a local source. Raises CopyError unless it is a directory.

    With `whole` it also raises CopyError (kind `local`) if something is unreadable that the user can make readable.
    """
    found = await asyncio.to_thread(local_files.stat_source, without_slash(directory))
    if found is not None:
        kind: ErrorKind = "local" if found.obstacle else "permanent"
        raise CopyError(found.problem or f"{directory} is not a directory", kind, obstacle=found.obstacle)
    async with aclosing(_walked(directory)) as batches:
        async for batch in batches:
            wanted = [one for one in batch if one.is_unreadable_directory or selection.matches(_facts(one))]
            for one in wanted:
                if whole and one.obstacle:
                    raise CopyError(one.problem, "local", obstacle=one.obstacle)
            yield [
                ListedFile(one.below, one.size, "", fingerprint_of(one), _problem(one))
                for one in map(_storable, wanted)
            ]


async def local_target(directory: str, selection: Selection) -> AsyncGenerator[list[ListedFile], None]:
    """Return the files of a local target, which need not exist, without links."""
    found = await asyncio.to_thread(local_files.stat_source, without_slash(directory))
    if found is None:
        async with aclosing(_walked(directory)) as batches:
            async for batch in batches:
                yield [ListedFile(one.below, one.size, "", fingerprint_of(one)) for one in _own(batch, selection)]


def fingerprint_of(one: LocalFile) -> str:
    """Return what identifies a local file."""
    return f"{one.device}:{one.inode}:{one.modified_ns}:{one.size}"


async def _walked(directory: str) -> AsyncGenerator[list[LocalFile], None]:
    batches = local_files.walk(directory)
    while batch := await asyncio.to_thread(next, batches, None):
        yield batch


def _own(batch: Iterable[LocalFile], selection: Selection) -> Iterable[LocalFile]:
    for one in batch:
        if one.problem or one.is_link or _storable(one) is not one:
            continue
        if selection.matches(_facts(one)):
            yield one


def _facts(one: LocalFile) -> Facts:
    return Facts(one.below, one.size, one.changed_ms, one.owner, one.group)


def _problem(one: LocalFile) -> str:
    if one.problem:
        return one.problem
    reasons = (local_paths.objection(component) for component in one.below.split("/"))
    reason = next(filter(None, reasons), "")
    return f"its name is refused: {reason}" if reason else ""


def _storable(one: LocalFile) -> LocalFile:
    """Return the file, or one with a problem if its name is not valid text."""
    try:
        one.path.encode()
    except UnicodeEncodeError:
        name = one.below.encode("utf-8", "backslashreplace").decode()
        return LocalFile(name, name, one.size, "its name is not UTF-8, which the catalogue needs")
    return one


async def _in_catalogue(
    catalogue: CataloguePort, directory: str, selection: Selection
) -> AsyncGenerator[list[ListedFile], None]:
    async with aclosing(catalogue.find_files(directory)) as batches:
        async for entries in batches:
            found = []
            for entry in entries:
                below = local_paths.relative_to(directory, entry.lfn)
                if selection.matches(facts_of(entry, below)):
                    reasons = (local_paths.objection(component) for component in below.split("/"))
                    reason = next(filter(None, reasons), "")
                    found.append(
                        ListedFile(
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
