"""Marks the files of a job that their target has already: they need no attempt, and no request each.

Many small files are compared at once, by size and md5. What is unusual stays for an attempt: large files, explicit
storage requests, links below the target, and whatever cannot be looked up or read now.
"""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from aliend.core.catalogue.paths import without_slash
from aliend.core.cli.log_records import facts
from aliend.core.transfers.job import Job
from aliend.core.transfers.overwrite import ALREADY_THERE, compares_content
from aliend.core.transfers.scheduler import SMALL_FILE
from aliend.core.transfers.transfer import Done
from aliend.engine.expansion.target_disks import require_no_link, require_place
from aliend.engine.ports import CataloguePort, RunnerPort
from aliend.errors import AliendError, CopyError
from aliend.storage.tasks import Checksums
from aliend.store import NewTransfer

log = logging.getLogger(__name__)

_NAMES = 50
"""Names in one request."""
_READ = 250
"""Files that one task reads."""
_WORTH = 20
"""Fewer files are left to their attempts, which share their requests as well."""


class ExistingFiles:
    """Marks the existing files of one job."""

    def __init__(self, job: Job, catalogue: CataloguePort, workers: RunnerPort) -> None:
        spec = job.spec
        self._job = job
        self._catalogue = catalogue
        self._workers = workers
        counts_replicas = spec.direction == "upload" and bool(spec.storage)
        is_usual = spec.allows_batches and spec.purpose == "copy" and compares_content(spec.overwrite)
        self._is_over = counts_replicas or not is_usual
        """Whether files are no longer looked up: their attempts do it."""

    async def mark(self, files: Sequence[NewTransfer]) -> Sequence[NewTransfer]:
        """Return the files, those with the same content at their target marked as done."""
        small = [file for file in files if not file.problem and file.target and 0 < file.size < SMALL_FILE]
        if self._is_over or len(small) < _WORTH:
            return files
        same: dict[int, NewTransfer] = {}
        step = _READ if self._job.spec.direction == "download" else _NAMES
        for start in range(0, len(small), step):
            for file in await self._same(small[start : start + step]):
                same[id(file)] = replace(file, existing=Done(self._message))
        if same:
            log.info("%d files exist at their target already", len(same), extra=facts(job=self._job.id))
        return [same.get(id(file), file) for file in files]

    @property
    def _message(self) -> str:
        return ALREADY_THERE if self._job.spec.direction == "upload" else ""

    async def _same(self, files: Sequence[NewTransfer]) -> list[NewTransfer]:
        """Return those of the files whose target has the same content."""
        if self._is_over:
            return []
        try:
            if self._job.spec.direction == "download":
                return await self._same_here(files)
            return await self._same_in_catalogue(files)
        except AliendError as error:
            log.info(
                "cannot look up the existing targets; each attempt looks up its own: %s",
                error,
                extra=facts(job=self._job.id),
            )
            self._is_over = True
            return []

    async def _same_here(self, files: Sequence[NewTransfer]) -> list[NewTransfer]:
        found = await asyncio.to_thread(self._of_same_size, [file for file in files if file.md5])
        md5s = await self._md5s([(file.target, file.size) for file in found])
        return [file for file in found if md5s.get(file.target) == file.md5]

    def _of_same_size(self, files: Sequence[NewTransfer]) -> list[NewTransfer]:
        """Return the files whose target is a regular file of the same size, in a directory where it may be."""
        found, directories = [], dict[Path, bool]()
        for file in files:
            try:
                status = os.lstat(file.target)
            except (OSError, ValueError):  # its attempt reports it
                continue
            if stat.S_ISREG(status.st_mode) and status.st_size == file.size:
                directory = Path(file.target).parent
                if directory not in directories:
                    directories[directory] = self._is_in_place(file.target)
                found += [file] if directories[directory] else []
        return found

    def _is_in_place(self, target: str) -> bool:
        """Return whether the directory of a target is where it was, without links on the way."""
        try:
            require_no_link(target, self._job.spec)
            require_place(target, self._job.spec)
        except (OSError, CopyError):
            return False
        return True

    async def _same_in_catalogue(self, files: Sequence[NewTransfer]) -> list[NewTransfer]:
        """Return the uploads whose name has the same content.

        After a request that finds no name, no further names are looked up: the files are new, and their attempts need
        the answer of that moment.
        """
        entries, _ = await self._catalogue.stat([file.target for file in files])
        by_name = {without_slash(entry.lfn): entry for entry in entries if not entry.is_directory and entry.md5}
        self._is_over = not by_name
        there = [(file, by_name.get(without_slash(file.target))) for file in files]
        equal = [(file, entry) for file, entry in there if entry and entry.size == file.size]
        md5s = await self._md5s([(file.source, file.size) for file, _ in equal])
        return [file for file, entry in equal if md5s.get(file.source) == entry.md5]

    async def _md5s(self, files: Sequence[tuple[str, int]]) -> Mapping[str, str]:
        """Return the md5 of the local files that still have their size."""
        if not files:
            return {}
        read = await self._workers.run(Checksums(0, tuple(path for path, _ in files)), lambda _: None)
        return {
            path: one.md5 for (path, size), one in zip(files, read.files, strict=True) if one.md5 and one.size == size
        }
