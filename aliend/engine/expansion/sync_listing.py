"""Lists one side of a synchronisation: all files below a directory, local or in the catalogue.

A listing is complete or raises an error; an unreadable directory is listed as a file with a problem, so that nothing
counts as missing by mistake. The catalogue is never asked for an answer that it may have cached (`find_files`).
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from aliend.core.catalogue import local_paths
from aliend.core.catalogue.paths import without_slash
from aliend.core.catalogue.selection import Candidate, Selection, candidate_of
from aliend.core.cli.escaping import is_text, readable
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
        raise CopyError(f"{directory} does not exist in the catalogue", kind="permanent").with_errno(errno.ENOENT)
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
    file_or_none = await asyncio.to_thread(local_files.stat_source, without_slash(directory))
    if file_or_none is not None:
        kind: ErrorKind = "local" if file_or_none.obstacle else "permanent"
        problem = file_or_none.problem or f"{directory} is not a directory"
        number = file_or_none.error_number or errno.ENOTDIR
        raise CopyError(problem, kind, obstacle=file_or_none.obstacle).with_errno(number)
    async with aclosing(_walked(directory)) as batches:
        async for batch in batches:
            wanted = [file for file in batch if file.is_unreadable_directory or selection.matches(_facts(file))]
            for file in wanted:
                if whole and file.obstacle:
                    raise CopyError(file.problem, "local", obstacle=file.obstacle)
            yield [
                ListedFile(file.below, file.size, "", fingerprint_of(file), _problem(file))
                for file in map(_storable, wanted)
            ]


async def local_target(directory: str, selection: Selection) -> AsyncGenerator[list[ListedFile], None]:
    """Return the files of a local target, which need not exist, without links; parts that cannot be listed, too."""
    file_or_none = await asyncio.to_thread(local_files.stat_source, without_slash(directory))
    if file_or_none is None:
        async with aclosing(_walked(directory)) as batches:
            async for batch in batches:
                yield [
                    ListedFile(file.below, file.size, "", fingerprint_of(file), _unlisted(file))
                    for file in _own(batch, selection)
                ]


def fingerprint_of(file: LocalFile) -> str:
    """Return what identifies a local file."""
    return f"{file.device}:{file.inode}:{file.modified_ns}:{file.size}:{file.status_ns}"


async def _walked(directory: str) -> AsyncGenerator[list[LocalFile], None]:
    batches = local_files.walk(directory)
    while batch := await asyncio.to_thread(next, batches, None):
        yield batch


def _own(batch: Iterable[LocalFile], selection: Selection) -> Iterable[LocalFile]:
    for file in batch:
        if file.is_unreadable_directory:
            yield _storable(file)
        elif file.problem or file.is_link or _storable(file) is not file:
            continue
        elif selection.matches(_facts(file)):
            yield file


def _unlisted(file: LocalFile) -> str:
    """Return why a part of a target cannot be listed; empty for a file."""
    return file.problem if file.is_unreadable_directory else ""


def _facts(file: LocalFile) -> Candidate:
    return Candidate(file.below, file.size, file.changed_ms, file.owner, file.group)


def _problem(file: LocalFile) -> str:
    return file.problem or local_paths.why_not_uploaded(file.below)


def _storable(file: LocalFile) -> LocalFile:
    """Return the file, or one with a problem if its name is not valid text."""
    if is_text(file.below):
        return file
    name = readable(file.below)
    problem = "its name is not valid UTF-8, which the catalogue requires"
    return LocalFile(name, name, file.size, problem, is_unreadable_directory=file.is_unreadable_directory)


async def _in_catalogue(
    catalogue: CataloguePort, directory: str, selection: Selection
) -> AsyncGenerator[list[ListedFile], None]:
    async with aclosing(catalogue.find_files(directory)) as batches:
        async for entries in batches:
            files = []
            for entry in entries:
                below = local_paths.relative_to(directory, entry.lfn)
                if selection.matches(candidate_of(entry, below)):
                    reasons = (local_paths.why_refused(component) for component in below.split("/"))
                    reason = next(filter(None, reasons), "")
                    files.append(
                        ListedFile(
                            readable(below),
                            entry.size,
                            entry.md5,
                            entry.guid or NO_GUID,
                            f"its name is refused: {reason}" if reason else "",
                        )
                    )
            yield files


async def _is_directory(catalogue: CataloguePort, directory: str) -> bool:
    entries, _ = await catalogue.stat([without_slash(directory)])
    if entries and not entries[0].is_directory:
        raise CopyError(f"{without_slash(directory)} is not a directory in the catalogue", kind="permanent")
    return bool(entries)
