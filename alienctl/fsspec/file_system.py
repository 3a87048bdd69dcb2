"""The file system `alien://` of fsspec: the catalogue, the contents of files, and copies as transfer jobs.

    import fsspec
    with fsspec.open("alien:///alice/cern.ch/user/a/alice/table.csv") as file: ...

Names are absolute. Every operation asks the daemon; listings are not cached. Errors are those of
`alienctl.api.errors`, all of them `OSError`s (`FileNotFoundError`, `PermissionError`, ...).
"""

from __future__ import annotations

import asyncio
import errno
import io
import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, BinaryIO, cast

import fsspec.asyn
from fsspec.callbacks import DEFAULT_CALLBACK
from fsspec.compression import compr
from fsspec.core import get_compression
from fsspec.utils import isfilelike

from alienctl.api.connection import Connection
from alienctl.api.errors import DirectoryError, ErrorFacts, ExistsError, InvalidRequestError
from alienctl.fsspec.calls import Calls
from alienctl.fsspec.contents import Contents
from alienctl.fsspec.entries import Facts, facts_of, missing, omit_missing
from alienctl.fsspec.jobs import Jobs, Kind
from alienctl.fsspec.open_file import AlienFile, CompressedFile, TextFile
from aliend.v1 import catalogue_pb2 as pb

Limits = tuple[int | None, int | None]
"""Start and end of a range as in a slice."""

_MAX_NAMES = 1000
_LISTINGS = 4
"""Directories that are listed at a time."""


class AlienFileSystem(fsspec.asyn.AsyncFileSystem):
    """The files of the grid.

    `profile` selects the daemon (empty: ALIEN_PROFILE, else `default`), `session` the role (empty: the session
    `default`), `storage` the storage elements of files that are written, such as `disk:2` (empty: two on disk).
    Instances can be pickled and used in forked processes.
    """

    protocol = "alien"
    root_marker = "/"

    def __init__(
        self, profile: str = "", session: str = "", storage: str = "", cluster: str = "", **options: Any
    ) -> None:
        super().__init__(profile=profile, session=session, storage=storage, cluster=cluster, **options)
        self._storage = storage
        self._profile, self._session, self._cluster = profile, session, cluster
        self._process = os.getpid()
        self._connect()

    def _connect(self) -> None:
        self._calls = Calls(self._connection())
        self._contents = Contents(self._calls, self._session)
        self._jobs = Jobs(self._calls, self._session)

    def _connection(self) -> Any:
        """Return the connection to the daemon, or from a worker of a cluster."""
        if not self._cluster:
            return Connection(self._profile)
        from alienctl.fsspec.cluster import connection_to

        return connection_to(self._profile, self._cluster)

    @property
    def loop(self) -> Any:
        """Return the event loop; a forked process gets one of its own."""
        if self._process != os.getpid():
            self._process = self._pid = os.getpid()
            self._loop = None if self.asynchronous else fsspec.asyn.get_loop()
            self._connect()
        return self._loop

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(one) for one in path]
        name = os.fspath(path)
        name = name.removeprefix("alien:")
        return f"/{name.strip('/')}"

    async def _info(self, path: str, **_: Any) -> Facts:
        return (await self._stat([path]))[0]

    async def _stat(self, paths: Sequence[str]) -> list[Facts]:
        names = [self._strip_protocol(path) for path in paths]
        request = pb.StatEntriesRequest(lfns=names, session=self._session)
        found = await self._calls.unary(lambda services: services.catalogue.StatEntries, request)
        if found.missing:
            raise missing(found.missing[0])
        return [facts_of(entry) for entry in found.entries]

    async def _find_one(self, path: str) -> Facts | None:
        """Return the facts of a name, or None if it does not exist. Raises GridError if that is unknown."""
        try:
            return await self._info(path)
        except FileNotFoundError:
            return None

    async def _exists(self, path: str, **_: Any) -> bool:
        return await self._find_one(path) is not None

    async def _isfile(self, path: str) -> bool:
        found = await self._find_one(path)
        return found is not None and found["type"] == "file"

    async def _isdir(self, path: str) -> bool:
        found = await self._find_one(path)
        return found is not None and found["type"] == "directory"

    async def _ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        name = self._strip_protocol(path)
        request = pb.ListEntriesRequest(lfn=name, all=True, session=self._session)
        pages = await self._calls.stream(lambda services: services.catalogue.ListEntries, request)
        found = sorted((facts_of(entry) for page in pages for entry in page.entries), key=lambda one: str(one["name"]))
        return found if detail else [one["name"] for one in found]

    async def _find(
        self,
        path: str,
        maxdepth: int | None = None,
        withdirs: bool = False,
        **options: Any,
    ) -> Any:
        name = self._strip_protocol(path)
        first = await self._find_one(name)
        if first is None or first["type"] != "directory":
            found = [first] if first else []
        elif withdirs or maxdepth is not None:
            found = [first, *await self._below(name, maxdepth)] if withdirs else await self._below(name, maxdepth)
            found = found if withdirs else [one for one in found if one["type"] == "file"]
        else:
            request = pb.FindEntriesRequest(directory=name, session=self._session)
            pages = await self._calls.stream(lambda services: services.catalogue.FindEntries, request)
            found = [facts_of(entry) for page in pages for entry in page.entries]
        by_name = {one["name"]: one for one in sorted(found, key=lambda one: str(one["name"]))}
        return by_name if options.get("detail") else list(by_name)

    async def _below(self, directory: str, maxdepth: int | None) -> list[Facts]:
        """Return everything below a directory, level by level. Raises GridError if one cannot be listed."""
        slots = asyncio.Semaphore(_LISTINGS)

        async def listing(name: str) -> list[Facts]:
            async with slots:
                try:
                    return await self._ls(name)
                except FileNotFoundError:
                    return []  # removed meanwhile

        found: list[Facts] = []
        level, depth = [directory], 0
        while level and (maxdepth is None or depth < maxdepth):
            entries = [one for page in await asyncio.gather(*map(listing, level)) for one in page]
            found += entries
            level, depth = [one["name"] for one in entries if one["type"] == "directory"], depth + 1
        return found

    async def _walk(self, path: str, maxdepth: int | None = None, on_error: Any = "omit", **options: Any) -> Any:
        """Yield the directories below a path; a listing that fails ends the walk: it would look like an empty one."""
        on_error = omit_missing if on_error == "omit" else on_error
        async for one in super()._walk(path, maxdepth=maxdepth, on_error=on_error, **options):
            yield one

    async def _mkdir(self, path: str, create_parents: bool = True, **_: Any) -> None:
        name = self._strip_protocol(path)
        if await self._exists(name):
            raise ExistsError(f"{name} exists already", ErrorFacts(errno.EEXIST, name, "ALREADY_EXISTS"))
        await self._make_directory(name, parents=create_parents)

    async def _makedirs(self, path: str, exist_ok: bool = False) -> None:
        name = self._strip_protocol(path)
        if exist_ok:
            await self._make_directory(name, parents=True)
        else:
            await self._mkdir(name)

    async def _make_directory(self, name: str, *, parents: bool) -> None:
        request = pb.MakeDirectoryRequest(lfn=name, parents=parents, session=self._session)
        await self._calls.unary(lambda services: services.catalogue.MakeDirectory, request)

    async def _rm_file(self, path: str, **_: Any) -> None:
        await self._remove([path])

    async def _rmdir(self, path: str) -> None:
        await self._remove([path], directories_only=True)

    rmdir = fsspec.asyn.sync_wrapper(_rmdir)

    async def _rm(self, path: Any, recursive: bool = False, maxdepth: int | None = None, **_: Any) -> None:
        """Remove names and patterns; with `recursive` whole directories, unless `maxdepth` limits it."""
        if recursive and maxdepth is not None:
            names = list(reversed(await self._expand_path(path, recursive=True, maxdepth=maxdepth)))
            await self._remove(names)
        else:
            await self._remove(await self._expand_path(path), recursive=recursive)

    async def _remove(self, paths: Sequence[str], **how: bool) -> None:
        names = [self._strip_protocol(path) for path in paths]
        for start in range(0, len(names), _MAX_NAMES):
            request = pb.RemoveEntriesRequest(lfns=names[start : start + _MAX_NAMES], session=self._session, **how)
            await self._calls.unary(lambda services: services.catalogue.RemoveEntries, request, is_repeatable=False)
        self._contents.forget()

    async def _mv(self, path1: str, path2: str, **_: Any) -> None:
        """Rename a file or a directory; into `path2` if that is a directory. An existing file is never replaced."""
        source, target = self._strip_protocol(path1), self._strip_protocol(path2)
        if source == target:
            return
        if str(path2).endswith("/") or await self._isdir(target):
            target = f"{target.rstrip('/')}/{source.rpartition('/')[2]}"
        request = pb.MoveEntryRequest(lfn=source, target=target, session=self._session)
        await self._calls.unary(lambda services: services.catalogue.MoveEntry, request, is_repeatable=False)
        self._contents.forget()

    async def _mv_file(self, path1: str, path2: str, **_: Any) -> None:
        await self._mv(path1, path2)

    mv = fsspec.asyn.sync_wrapper(_mv)

    async def _touch(self, path: str, truncate: bool = True, **_: Any) -> None:
        """Create an empty file or make a file empty; without `truncate`, set its time if it exists."""
        name = self._strip_protocol(path)
        found = await self._find_one(name)
        if found and truncate and found["size"]:
            await self._pipe_file(name, b"")
        else:
            request = pb.TouchEntriesRequest(lfns=[name], session=self._session)
            await self._calls.unary(lambda services: services.catalogue.TouchEntries, request)

    touch = fsspec.asyn.sync_wrapper(_touch)

    async def _cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        name = self._strip_protocol(path)
        if not start and end is None:
            return await self._contents.whole(name)
        return (await self._cat_of(name, [(start, end)]))[0]

    async def _cat_of(
        self, name: str, limits: Sequence[tuple[int | None, int | None]], gap: int | None = None
    ) -> list[bytes]:
        """Return ranges of one file; None and negative limits are as in slices."""
        if any(start is None or start < 0 or end is None or end < 0 for start, end in limits):
            size = int((await self._info(name))["size"])
            limits = [slice(start, end).indices(size)[:2] for start, end in limits]
        return await self._contents.ranges(name, cast("Sequence[tuple[int, int]]", limits), max_gap=gap)

    async def _cat_ranges(
        self,
        paths: list[str],
        starts: Any,
        ends: Any,
        max_gap: int | None = None,
        batch_size: int | None = None,
        on_error: str = "return",
        **_: Any,
    ) -> list[Any]:
        """Return many ranges; those of one file are merged and read together, files in parallel."""
        starts = starts if isinstance(starts, Iterable) else [starts] * len(paths)
        ends = ends if isinstance(ends, Iterable) else [ends] * len(paths)
        by_file: dict[str, list[tuple[int, Limits]]] = {}
        for number, (path, start, end) in enumerate(zip(paths, starts, ends, strict=True)):
            by_file.setdefault(self._strip_protocol(path), []).append((number, (start, end)))
        reads = [self._cat_of(name, [limits for _, limits in wanted], max_gap) for name, wanted in by_file.items()]
        answers = await asyncio.gather(*reads, return_exceptions=True)
        data: list[Any] = [b""] * len(paths)
        for answer, wanted in zip(answers, by_file.values(), strict=True):
            if isinstance(answer, BaseException) and on_error != "return":
                raise answer
            for place, (number, _limits) in enumerate(wanted):
                data[number] = answer if isinstance(answer, BaseException) else answer[place]
        return data

    async def read_pinned(self, path: str, start: int, end: int, guid: str) -> bytes:
        """Return bytes of the file with this GUID. Raises GridError if another one has its name now."""
        return (await self._contents.ranges(path, [(start, end)], guid))[0]

    async def write_from(self, path: str, source: BinaryIO, may_replace: bool, storage: str) -> None:
        """Store the content of a seekable file. Raises GridError; then nothing or fewer replicas were stored.

        An empty file, which has no replicas, cannot replace another one in a job: the old one is removed first.
        """
        is_empty = not await asyncio.to_thread(source.seek, 0, os.SEEK_END)
        if is_empty and may_replace and (found := await self._find_one(path)) and found["size"]:
            await self._rm_file(path)
        await self._contents.write(path, source, overwrite=may_replace, storage=storage or self._storage)

    async def _pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **options: Any) -> None:
        name = self._strip_protocol(path)
        await self.write_from(name, io.BytesIO(value), mode != "create", options.get("storage", ""))

    async def _put_file(
        self,
        lpath: str,
        rpath: str,
        mode: str = "overwrite",
        callback: Any = DEFAULT_CALLBACK,
        **options: Any,
    ) -> None:
        """Upload a file by a transfer job, which continues if this process ends."""
        local, name = os.path.abspath(lpath), self._strip_protocol(rpath)
        if os.path.isdir(local):
            await self._makedirs(name, exist_ok=True)
            return
        if mode == "create" and await self._exists(name):
            raise ExistsError(f"{name} exists already", ErrorFacts(errno.EEXIST, name, "ALREADY_EXISTS"))
        callback.set_size(os.path.getsize(local))
        kind = Kind("upload", overwrite=mode != "create", storage=options.get("storage", "") or self._storage)
        await self._jobs.copy(kind, local, name)
        self._contents.forget(name)
        callback.absolute_update(os.path.getsize(local))

    async def _get_file(self, rpath: str, lpath: Any, callback: Any = DEFAULT_CALLBACK, **_: Any) -> None:
        """Download a file by a transfer job, which continues if this process ends."""
        name = self._strip_protocol(rpath)
        if isfilelike(lpath):
            lpath.write(await self._contents.whole(name))
            return
        local = os.path.abspath(lpath)
        if (await self._info(name))["type"] == "directory":
            os.makedirs(local, exist_ok=True)
            return
        await self._jobs.copy(Kind("download", overwrite=True), name, local)
        callback.set_size(os.path.getsize(local))
        callback.absolute_update(os.path.getsize(local))

    async def _cp_file(self, path1: str, path2: str, **options: Any) -> None:
        """Copy a file within the grid by a transfer job; the storage elements copy among themselves if they can."""
        source, target = self._strip_protocol(path1), self._strip_protocol(path2)
        if await self._isdir(source):
            await self._makedirs(target, exist_ok=True)
            return
        storage = options.get("storage", "") or self._storage
        await self._jobs.copy(Kind("copy", overwrite=True, storage=storage), source, target)
        self._contents.forget(target)

    def open(
        self, path: str, mode: str = "rb", block_size: Any = None, compression: str | None = None, **options: Any
    ) -> Any:
        """Open a file as `fsspec` does; the layers of a file for writing know when an exception ends its block."""
        if not set(mode) & {"w", "x"}:
            return super().open(path, mode, block_size, compression=compression, **options)
        text = {key: options.pop(key) for key in ("encoding", "errors", "newline") if key in options}
        binary = mode.replace("t", "").replace("b", "") + "b"
        file: Any = super().open(path, binary, block_size, **options)
        if codec := get_compression(path, compression):
            file = CompressedFile(compr[codec](file, mode="w"), file)
        return file if "b" in mode else TextFile(file, **text)

    def _open(self, path: str, mode: str = "rb", **options: Any) -> AlienFile:
        options.setdefault("storage", "")
        if mode not in ("rb", "wb", "xb"):
            raise InvalidRequestError(
                f"{path} cannot be opened with mode {mode}: files of the grid cannot be changed; "
                "replace it with mode wb",
                ErrorFacts(errno.EINVAL, path, "INVALID_REQUEST"),
            )
        if mode == "xb" and self.exists(path):
            raise ExistsError(f"{path} exists already", ErrorFacts(errno.EEXIST, path, "ALREADY_EXISTS"))
        if mode == "rb" and "size" not in options and self.info(path)["type"] != "file":
            raise DirectoryError(f"{path} is not a file", ErrorFacts(errno.EISDIR, path, "IS_A_DIRECTORY"))
        return AlienFile(self, path, mode, **options)

    def invalidate_cache(self, path: str | None = None) -> None:
        """Forget what is known about files; listings are never cached."""
        self._contents.forget()
        super().invalidate_cache(path)

    def created(self, path: str) -> datetime:
        """Return the time of the last change, the only one that the catalogue has."""
        return self.modified(path)

    def modified(self, path: str) -> datetime:
        """Return the time of the last change of the entry, in UTC."""
        return cast("datetime", self.info(path)["mtime"])

    def checksum(self, path: str) -> str:
        """Return the md5 of a file; empty if the catalogue has none."""
        return cast("str", self.info(path)["md5"])

    def ukey(self, path: str) -> str:
        """Return the GUID of a file, which changes whenever its content does."""
        return cast("str", self.info(path)["guid"])
