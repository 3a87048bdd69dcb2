"""The plan of a synchronisation: what to copy and why, then what only the target has, ordered by name.

Dry run and real run use the same plan. It is made from two complete listings; md5s of local files are cached by device,
inode, modification and change time and size, so that an unchanged file is read only once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

from aliend.core.copying import sync
from aliend.core.copying.sync import FileFacts, PlannedFile
from aliend.core.transfers.job import Checkpoint, ExpansionAdvanced, Job, JobSpec
from aliend.engine.expansion import sync_listing
from aliend.engine.kept_replicas import kept_replicas
from aliend.engine.ports import CataloguePort, RunnerPort
from aliend.errors import CopyError
from aliend.storage.tasks import Checksum
from aliend.store import Deletion, FileKey, ListedFile, NewTransfer, Store, SyncListings

Add = Callable[[Sequence[NewTransfer], ExpansionAdvanced | None], Awaitable[Job]]
_AT_A_TIME = 2
"""Local files that are read at the same time."""
_SETTLED_NS = 2_000_000_000
"""A file written more recently may change again without a new modification time."""


class SyncPlan:
    """The plan for `spec`; an async context manager.

    With `whole`, `copies` raises AliendError for unreadable parts of a local source that the user can make readable.
    """

    def __init__(
        self, spec: JobSpec, catalogue: CataloguePort, workers: RunnerPort, store: Store, *, whole: bool = False
    ) -> None:
        self._spec = spec
        self._catalogue = catalogue
        self._workers = workers
        self._store = store
        self._whole = whole
        self._listings = SyncListings()
        self._reading = asyncio.Semaphore(_AT_A_TIME)
        self._source, self._target = spec.sources[0].rstrip("/") + "/", spec.target.rstrip("/") + "/"

    async def __aenter__(self) -> SyncPlan:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listings.close()

    async def list_source(self) -> None:
        """List the source only."""
        here = self._spec.direction == "upload"
        selection = self._spec.selection
        batches = (
            sync_listing.local_source(self._source, selection, whole=self._whole)
            if here
            else sync_listing.catalogue_source(self._catalogue, self._source, selection)
        )
        async for batch in batches:
            await asyncio.to_thread(self._listings.add, "source", batch)

    async def _list_target(self) -> None:
        here = self._spec.direction == "download"
        selection = self._spec.selection
        batches = (
            sync_listing.local_target(self._target, selection)
            if here
            else sync_listing.catalogue_target(self._catalogue, self._target, selection)
        )
        async for batch in batches:
            await asyncio.to_thread(self._listings.add, "target", batch)

    async def has(self, below: str) -> bool:
        """Return whether the source has a file of that name."""
        return await asyncio.to_thread(self._listings.has, below)

    async def why_no_deletion(self) -> str:
        """Return why nothing may be deleted; empty: deleting is allowed."""
        _, _, target_problem = await asyncio.to_thread(self._listings.count, "target")
        return sync.why_no_deletion(*await asyncio.to_thread(self._listings.count, "source"), target_problem)

    async def preview(self) -> AsyncIterator[list[PlannedFile] | str]:
        """Yield what `copies` and `deletions` do, or instead of the latter the message why nothing would be deleted."""
        fails = False
        async for page in self.copies():
            fails = fails or any(file.action == "fail" for file in page)
            yield page
        if self._spec.delete:
            objection = await self.why_no_deletion() or ("some files would fail to copy" if fails else "")
            if objection:
                yield f"nothing would be deleted: {objection}"
                return
        async for page in self.deletions():
            yield page

    async def copies(self) -> AsyncIterator[list[PlannedFile]]:
        """List both sides; return the files to copy, those that cannot be copied, and unlisted parts of the target.

        Raises AliendError if the plan cannot be made.
        """
        await self.list_source()
        await self._list_target()
        if unlisted := await asyncio.to_thread(self._listings.unlisted):
            yield [PlannedFile("fail", part.below, self._target + part.below, "", 0, part.problem) for part in unlisted]
        pages = self._listings.matched_pages()
        while page := await asyncio.to_thread(next, pages, None):
            md5s = await self._md5s(page)
            planned = [self._planned(source, target, md5s.get(source.below, "")) for source, target in page]
            same = [source for (source, _), file in zip(page, planned, strict=True) if file is None]
            yield [file for file in planned if file is not None] + await self._lacking_replicas(same)

    async def deletions(self) -> AsyncIterator[list[PlannedFile]]:
        """Return the files that only the target has, if they are to be deleted; never temporary files of copies."""
        if not self._spec.delete or await self.why_no_deletion():
            return
        pages = self._listings.extra_pages()
        while page := await asyncio.to_thread(next, pages, None):
            yield [
                PlannedFile(
                    "delete",
                    file.below,
                    "",
                    self._target + file.below,
                    file.size,
                    "not in the source",
                    fingerprint=file.fingerprint,
                )
                for file in page
                if not sync.is_temporary_name(file.below)
            ]

    async def _lacking_replicas(self, same: Sequence[ListedFile]) -> list[PlannedFile]:
        """Return those of the files with the same content that have fewer replicas than requested."""
        if self._spec.direction == "download" or not same:
            return []
        lfns = {self._target + file.below: file for file in same if file.size}
        goals = {} if self._spec.storage else await self._store.incomplete.goals(list(lfns))
        lacking = []
        for lfn, file in lfns.items():
            if self._spec.storage or lfn in goals:
                found = await kept_replicas(self._catalogue, self._spec, lfn, file.size, goals.get(lfn, 0))
                reason = f"{len(found.registered)} of {found.wanted} replicas"
                names = (file.below, self._source + file.below, lfn, file.size)
                lacking += [PlannedFile("copy", *names, reason, md5=file.md5)] if found.missing else []
        return lacking

    def _planned(self, source: ListedFile, target: ListedFile | None, local_md5: str) -> PlannedFile | None:
        names = (source.below, self._source + source.below, self._target + source.below, source.size)
        if source.problem:
            return PlannedFile("fail", *names, source.problem)
        here, there = FileFacts(source.size, source.md5), None
        if target is not None:
            there = FileFacts(target.size, target.md5)
            if self._spec.direction == "upload":
                here = FileFacts(source.size, local_md5)
            if self._spec.direction == "download":
                there = FileFacts(target.size, local_md5)
        reason = sync.difference(here, there)
        return PlannedFile("copy", *names, reason, md5=source.md5) if reason else None

    async def _md5s(self, page: Sequence[tuple[ListedFile, ListedFile | None]]) -> dict[str, str]:
        """Return the md5 of the local files of a page that may differ, by name."""
        if self._spec.direction == "copy":
            return {}
        uploads = self._spec.direction == "upload"
        keys: dict[str, FileKey] = {}
        for source, target in page:
            if target and sync.may_differ(FileFacts(source.size), FileFacts(target.size)):
                remote = target if uploads else source
                if remote.md5:
                    keys[source.below] = _key_of((source if uploads else target).fingerprint)
        cached = await self._store.deletions.known_md5s(list(keys.values()))
        root = self._source if uploads else self._target
        missing = [(below, key) for below, key in keys.items() if key not in cached]
        read = await asyncio.gather(*(self._read(root + below) for below, _ in missing))
        fresh = {key: md5 for (_, key), md5 in zip(missing, read, strict=True) if md5}
        await self._store.deletions.save_md5s(_settled(fresh))
        return {below: (cached | fresh).get(key, "?") for below, key in keys.items()}

    async def _read(self, path: str) -> str:
        """Return the md5 of a local file; empty if it cannot be read, which its copy will report."""
        async with self._reading:
            try:
                return (await self._workers.run(Checksum(0, path), lambda _: None)).md5
            except CopyError as error:
                if error.kind == "transient":
                    raise
                return ""


def _settled(md5s: Mapping[FileKey, str]) -> dict[FileKey, str]:
    newest = time.time_ns() - _SETTLED_NS
    return {key: md5 for key, md5 in md5s.items() if max(key.modified_ns, key.changed_ns) < newest}


def _key_of(fingerprint: str) -> FileKey:
    device, inode, modified_ns, size, changed_ns = map(int, fingerprint.split(":"))
    return FileKey(_signed(device), _signed(inode), modified_ns, size, changed_ns)


def _signed(number: int) -> int:
    """Return a 64-bit number as a signed one, because the database has no unsigned numbers."""
    return number - (1 << 64) if number >= 1 << 63 else number


async def expand(job: Job, plan: SyncPlan, store: Store, add: Add) -> None:
    """Store the whole plan; `add` stores files and the final checkpoint. Raises AliendError; can be run again then."""
    deletions = store.deletions
    async with plan:
        async for planned in plan.copies():
            await add([_transfer_of(file) for file in planned], None)
        if job.spec.delete:
            await deletions.clear(job.id)
            if reason := await plan.why_no_deletion():
                await deletions.add(job.id, [Deletion("", state="refused", reason=reason)])
            async for planned in plan.deletions():
                await deletions.add(job.id, [Deletion(file.below, file.fingerprint) for file in planned])
    await add([], ExpansionAdvanced(Checkpoint(1, "directory")))


def _transfer_of(file: PlannedFile) -> NewTransfer:
    if file.action == "fail":
        return NewTransfer(file.source, "", file.size, problem=file.reason)
    return NewTransfer(file.source, file.target, file.size, file.md5)
