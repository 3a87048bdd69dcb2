"""Stores standard input in private files until it is uploaded, so that such an upload survives a restart.

A file exists until the job that uploads it has ended; the next start removes files that belong to no job.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from aliend.core.cli.log_records import facts
from aliend.engine.views import JobView
from aliend.errors import AliendError, ConfigurationError, CopyError
from aliend.private_directories import make_private
from aliend.storage.errors import exceeded_limit

log = logging.getLogger(__name__)

_PAGE = 500


class Jobs(Protocol):
    """The part of the engine that this module uses."""

    async def jobs(self, page_size: int = 50, before_id: int = 0, *, active_only: bool = False) -> list[JobView]:
        """Return a page of jobs, the newest first."""

    async def wait(self, number: int, /) -> JobView:
        """Return the job when it has ended."""


class StdinSpool:
    """The files below one directory, which is created when needed."""

    def __init__(self, directory: Path, jobs: Jobs) -> None:
        self._directory = directory
        self._jobs = jobs
        self._waiting: set[asyncio.Task[None]] = set()

    async def store(self, content: AsyncIterator[bytes]) -> Path:
        """Write `content` to a new file, sync it to the disk, and return its path. Raises CopyError, kind `local`."""
        path = self._directory / os.urandom(16).hex()
        try:
            await asyncio.to_thread(make_private, str(self._directory))
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                async for data in content:
                    await asyncio.to_thread(_write_all, descriptor, data)
                await asyncio.to_thread(os.fsync, descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            self.discard(path)
            reason = exceeded_limit(error) or error.strerror
            raise CopyError(f"cannot store standard input in {path.parent}: {reason}", "local") from error
        except ConfigurationError as error:
            raise CopyError(str(error), "local") from error
        except BaseException:
            self.discard(path)
            raise
        return path

    def discard(self, path: Path) -> None:
        """Remove a file."""
        with suppress(OSError):
            path.unlink()

    def discard_after(self, job: int, path: Path) -> None:
        """Remove a file as soon as the job has ended."""
        task = asyncio.create_task(self._discard_after(job, path), name=f"spool of job {job}")
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def adopt(self) -> None:
        """Adopt the files of an earlier daemon: keep those of unfinished jobs until the jobs end, remove the others."""
        found = {str(path) for path in self._directory.glob("*")}
        last = 0
        while found and (page := await self._jobs.jobs(_PAGE, last, active_only=True)):
            for job in page:
                for name in found.intersection(job.sources):
                    found.discard(name)
                    self.discard_after(job.id, Path(name))
            last = page[-1].id
        for name in found:
            log.info("removing %s, which belongs to no job", name)
            self.discard(Path(name))

    async def close(self) -> None:
        """Stop waiting for jobs; the next daemon adopts the files."""
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)

    async def _discard_after(self, job: int, path: Path) -> None:
        try:
            await self._jobs.wait(job)
        except AliendError as error:
            log.warning("cannot wait for the job; %s stays until the next start: %s", path, error, extra=facts(job=job))
            return
        self.discard(path)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
