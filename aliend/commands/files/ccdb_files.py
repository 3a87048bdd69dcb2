"""Downloads the files of CCDB objects: from the grid as transfer jobs, from a web server by HTTP.

A file gets its final name only once its size and md5 match those in the CCDB. The CCDB is writable by many, so local
names pass `aliend.core.catalogue.local_paths`, as names from the catalogue do.
"""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from aliend.commands.following.follower import Tally
from aliend.commands.following.foreground import cancel_with_command, submit_in_foreground
from aliend.commands.invocation.call import Call
from aliend.core.catalogue.local_paths import local_path
from aliend.core.cli.escaping import escape_newlines
from aliend.core.cli.units import format_size
from aliend.core.grid.ccdb import CalibrationObject, Query, properties_of, targets_of
from aliend.core.transfers.job import JobSpec
from aliend.errors import AliendError, CopyError, WebError
from aliend.runtime import Runtime
from aliend.storage.errors import disk_error
from aliend.storage.io.partial_file import PartialFile
from aliend.storage.tasks import Download, RemovePartial, ReplicaUrl

_PARALLEL = 8
_ALL, _SOME, _NONE, _NOTHING = 0, 3, 4, 2
_NO_ID = 0
_RETRIES = 2


@dataclass(frozen=True, slots=True)
class DownloadRequest:
    """The objects to download into the directory `root`."""

    query: Query
    root: str
    objects: tuple[CalibrationObject, ...]


async def download_objects(runtime: Runtime, call: Call, order: DownloadRequest) -> int:
    """Download the file of each object, print the lines of `cp`, and return its exit code."""
    if not order.objects:
        await call.print_error(f"ccdb: no objects found under {order.query.path or 'this host'}")
        return _NOTHING
    slots = asyncio.Semaphore(_PARALLEL)

    lines = _Lines(call, len(order.objects))
    names = targets_of(order.objects, order.query.fetch)

    async def one(wanted: CalibrationObject, name: str) -> tuple[CalibrationObject, str, str]:
        async with slots:
            try:
                path = await asyncio.to_thread(local_path, order.root, name, os.path.islink)
                before = await asyncio.to_thread(_stamp, path)
                begun = time.monotonic()
                await _Downloader(runtime, call, order).fetch(wanted, path)
                seconds = time.monotonic() - begun
                await lines.arrived(path, wanted.size, seconds, kept=before == await asyncio.to_thread(_stamp, path))
                return wanted, path, ""
            except AliendError as error:
                problem = str(error)
            except OSError as error:
                problem = str(disk_error(error, order.root))
            await lines.failed(f"{wanted.path}/{wanted.etag}: {problem}")
            return wanted, "", problem

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(*pair)) for pair in zip(order.objects, names, strict=True)]
    results = [task.result() for task in tasks]
    arrived = [(wanted, path) for wanted, path, problem in results if not problem]
    if call.as_json:
        await call.print_json(
            {
                "files": [
                    {"path": wanted.path, "etag": wanted.etag, "file": path, "error": problem}
                    for wanted, path, problem in results
                ]
            }
        )
    await lines.end()
    if len(arrived) == len(results):
        return _ALL
    return _SOME if arrived else _NONE


class _Lines:
    """Prints the lines of `cp` for downloads; with --json only errors."""

    def __init__(self, call: Call, total: int) -> None:
        self._call = call
        self._total = total
        self._tally = Tally()

    async def arrived(self, path: str, size: int, seconds: float, *, kept: bool) -> None:
        """Print that a file has arrived, or was there already."""
        self._tally.total += 1
        self._tally.arrived += 1
        self._tally.kept += kept
        self._tally.tries[1] += not kept
        text = f"{escape_newlines(path)} --> TARGET VALID (size match, md5 match)"
        if not kept:
            rate = format_size(int(size / max(seconds, 0.001)), 2)
            text = f"jobID: {self._tally.total}/{self._total} >>> STATUS OK >>> SPEED {rate}/s"
        await self._print(text)

    async def failed(self, text: str) -> None:
        """Print why a file did not arrive."""
        self._tally.total += 1
        await self._call.print_error(text)

    async def end(self) -> None:
        """Print the summary: on standard error if nothing arrived."""
        text = "\n".join(self._tally.summary()) or "No copy jobs to be done!"
        is_empty = not self._tally.arrived
        await (self._call.print_error(text) if is_empty and not self._call.as_json else self._print(text))

    async def _print(self, text: str) -> None:
        if not self._call.as_json:
            await self._call.print(text)


def _stamp(path: str) -> tuple[int, ...]:
    """Return the identity of a file; empty without one."""
    try:
        status = Path(path).stat()
    except OSError:
        return ()
    return status.st_ino, status.st_mtime_ns, 1


class _Downloader:
    """Downloads the file of one object."""

    def __init__(self, runtime: Runtime, call: Call, order: DownloadRequest) -> None:
        self._runtime = runtime
        self._call = call
        self._order = order

    async def fetch(self, item: CalibrationObject, target: str) -> None:
        """Download the file to `target`, an absolute local path. Raises AliendError."""
        query = self._order.query
        on_grid = [url for url in item.replicas if url.startswith("alien:")]
        on_web = [url for url in item.replicas if url.startswith(("http:", "https:"))]
        if not on_grid and not on_web:
            raise WebError("the object has no readable replica (alien: or http:)")
        if on_web and (query.http or not on_grid):
            await self._from_web(item, on_web, target)
        else:
            await self._from_grid(on_grid, target)
        if query.fetch == "mirror":
            properties = properties_of(item).encode("utf-8", "surrogateescape")
            await asyncio.to_thread(_write, Path(f"{target}.properties"), properties, self._call.umask)

    async def _from_grid(self, replicas: list[str], target: str) -> None:
        """Download the first replica that works, each as a transfer job; in practice all have one LFN."""
        problem = ""
        for url in replicas:
            lfn = "/" + url.removeprefix("alien:").lstrip("/")
            spec = JobSpec(
                direction="download",
                sources=(lfn,),
                target=target,
                overwrite="changed",
                umask=self._call.umask,
                context=self._call.context,
                retries=_RETRIES,
            )
            engine = self._runtime.engine
            (job,) = await submit_in_foreground(self._runtime, partial(engine.submit, spec, uuid.uuid4().hex))
            async with cancel_with_command(self._runtime, job.id):
                ended = await engine.wait(job.id)
            if ended.state == "done":
                return
            failed = await engine.transfers(job.id)
            problem = failed[0].message if failed else ended.message
        raise CopyError(problem or "the file was not downloaded", kind="permanent")

    async def _from_web(self, item: CalibrationObject, urls: list[str], target: str) -> None:
        task = Download(
            id=_NO_ID,
            sources=tuple(ReplicaUrl(url, "", urlsplit(url).netloc) for url in urls),
            target=target,
            size=item.size,
            md5=item.md5,
            overwrite="changed",
            umask=self._call.umask,
            lfn=item.path,
            guid=item.etag,
            ca=self._call.context.ca,
        )
        workers = self._runtime.workers
        try:
            await workers.run(task, lambda _: None)
        except BaseException:
            await asyncio.shield(workers.run(RemovePartial(_NO_ID, target), lambda _: None))
            raise


def _write(path: Path, content: bytes, umask: int) -> None:
    """Write a small file atomically. Blocks."""
    with PartialFile.open(path, _NO_ID) as part:
        part.truncate()
        part.append(content)
        part.publish(umask, overwrite=True)
