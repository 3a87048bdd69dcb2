"""Downloads the files of CCDB objects: from the grid as transfer jobs, from a web server by HTTP.

A file gets its final name only once its size and md5 match those in the CCDB. The CCDB is writable by many, so local
names pass `aliend.core.catalogue.local_paths`, as names from the catalogue do.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from aliend.commands.following.foreground import cancel_with_command
from aliend.commands.invocation.call import Call
from aliend.core.catalogue.local_paths import local_path
from aliend.core.grid.ccdb import CalibrationObject, Query, properties_of, target_of
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
    """Download the file of each object, print their paths, and return the exit code of `cp`."""
    if not order.objects:
        await call.print_error(f"ccdb: no objects found under {order.query.path or 'this host'}")
        return _NOTHING
    slots = asyncio.Semaphore(_PARALLEL)

    async def one(wanted: CalibrationObject) -> tuple[CalibrationObject, str, str]:
        async with slots:
            try:
                return wanted, await _Downloader(runtime, call, order).fetch(wanted), ""
            except AliendError as error:
                return wanted, "", str(error)
            except OSError as error:
                return wanted, "", str(disk_error(error, order.root))

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(wanted)) for wanted in order.objects]
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
    else:
        await call.print("\n".join(path for _, path in arrived))
    for wanted, _, problem in results:
        await call.print_error(f"{wanted.path}/{wanted.etag}: {problem}" if problem else "")
    if len(arrived) == len(results):
        return _ALL
    return _SOME if arrived else _NONE


class _Downloader:
    """Downloads the file of one object."""

    def __init__(self, runtime: Runtime, call: Call, order: DownloadRequest) -> None:
        self._runtime = runtime
        self._call = call
        self._order = order

    async def fetch(self, item: CalibrationObject) -> str:
        """Download the file and return its absolute local path. Raises AliendError."""
        query, root = self._order.query, self._order.root
        target = await asyncio.to_thread(local_path, root, target_of(item, query.fetch), os.path.islink)
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
        return target

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
            job = await engine.submit(spec, uuid.uuid4().hex)
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
