"""Reads and writes the content of files through the daemon.

The daemon asks the service for the permission to read a file once, and keeps the file open, while the caller names the
GUID of the first answer. GUIDs are therefore remembered for a
short time; afterwards a read returns the new content of a file that was replaced.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from alienctl.api.errors import GridError
from alienctl.fsspec.byte_ranges import MAX_GAP, Block, Range, merge, share
from alienctl.fsspec.calls import Calls
from aliend.v1 import contents_pb2 as pb
from aliend.v1 import transfers_pb2

_MAX_CALLS = 8
"""Reads at a time; the daemon serves as many."""
_REMEMBERED, _VALID = 1000, 30.0
"""GUIDs that are remembered, and for how many seconds."""
_MESSAGE = 1 << 20
_REPLACED = "FILE_REPLACED"


class Contents:
    """The contents of files, for one event loop; `session` is the one whose role is used (empty: `default`)."""

    def __init__(self, calls: Calls, session: str) -> None:
        self._calls = calls
        self._session = session
        self._slots = asyncio.Semaphore(_MAX_CALLS)
        self._guids: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def forget(self, lfn: str = "") -> None:
        """Forget a file that was changed; without a name all files."""
        if lfn:
            self._guids.pop(lfn, None)
        else:
            self._guids.clear()

    async def whole(self, lfn: str) -> bytes:
        """Return a whole file, compared with its md5. Raises GridError."""
        found: dict[int, bytearray] = {}
        await self._read(lfn, (), "", found)
        return bytes(found.get(0, b""))

    async def tail(self, lfn: str, start: int, guid: str = "") -> bytes:
        """Return the bytes from offset `start` on. Raises GridError."""
        found: dict[int, bytearray] = {}
        await self._read(lfn, (Block(start, -1, (0,)),), guid, found)
        return bytes(found.get(0, b""))

    async def ranges(
        self, lfn: str, ranges: Sequence[Range], guid: str = "", max_gap: int | None = None
    ) -> list[bytes]:
        """Return the bytes of each range, as far as the file has them. Raises GridError.

        With `guid`, a file that was replaced is an error; ranges of at most `max_gap` bytes distance are read together.
        """
        blocks = merge(ranges, MAX_GAP if max_gap is None else max_gap)
        try:
            return await self._ranges(lfn, ranges, blocks, guid or self._guid(lfn))
        except GridError as error:
            if guid or error.reason != _REPLACED:
                raise
            self.forget(lfn)
            return await self._ranges(lfn, ranges, blocks, "")

    async def _ranges(self, lfn: str, ranges: Sequence[Range], blocks: Sequence[Block], guid: str) -> list[bytes]:
        shares = share(blocks)
        founds: list[dict[int, bytearray]] = [{} for _ in shares]
        known = guid
        if shares[1:] and not guid:  # one permission for all calls
            known = await self._read(lfn, (), "", {}, only_facts=True)
        await asyncio.gather(*(self._read(lfn, part, known, found) for part, found in zip(shares, founds, strict=True)))
        data = [b""] * len(ranges)
        for blocks_of_call, found in zip(shares, founds, strict=True):
            for number, block in enumerate(blocks_of_call):
                view = memoryview(found.get(number, b""))
                for member in block.members:
                    start, end = ranges[member]
                    data[member] = bytes(view[start - block.start : end - block.start])
        return data

    async def _read(
        self, lfn: str, blocks: Sequence[Block], guid: str, found: dict[int, bytearray], *, only_facts: bool = False
    ) -> str:
        """Read blocks (none: the whole file) into `found`, by their number; return the GUID of the file."""
        wanted = [pb.Range(offset=b.start, **({"length": b.end - b.start} if b.end >= 0 else {})) for b in blocks]
        if only_facts:
            wanted = [pb.Range(offset=0, length=0)]
        request = pb.ReadRequest(lfn=lfn, ranges=wanted, guid=guid, session=self._session)
        guids: list[str] = []

        def begin() -> pb.ReadRequest:
            found.clear()
            return request

        def deliver(response: pb.ReadResponse) -> None:
            if response.HasField("file"):
                guids.append(response.file.guid)
            found.setdefault(response.range, bytearray()).extend(response.data)

        async with self._slots:
            await self._calls.read(lambda services: services.contents.Read, begin, deliver)
        if guids and guids[-1] and not guid:  # the GUID of an open file may be that of a replaced one
            self._remember(lfn, guids[-1])
        return guids[-1] if guids else ""

    def _guid(self, lfn: str) -> str:
        until, guid = self._guids.get(lfn, (0.0, ""))
        return guid if time.monotonic() < until else ""

    def _remember(self, lfn: str, guid: str) -> None:
        if not self._guid(lfn):
            self._guids.pop(lfn, None)
            self._guids[lfn] = time.monotonic() + _VALID, guid
            if len(self._guids) > _REMEMBERED:
                self._guids.popitem(last=False)

    async def write(self, lfn: str, source: BinaryIO, *, overwrite: bool, storage: str) -> None:
        """Store what the seekable `source` holds on all requested storage elements. Raises GridError."""
        self.forget(lfn)
        lock = threading.Lock()
        start = await asyncio.to_thread(_start_of, source)
        start.lfn, start.storage, start.session = lfn, storage, self._session
        start.overwrite = transfers_pb2.OVERWRITE_ALWAYS if overwrite else transfers_pb2.OVERWRITE_NEVER
        await self._calls.upload(lambda services: services.contents.Write, lambda: _messages(start, source, lock))
        self.forget(lfn)  # a read meanwhile may have remembered the old file


def _start_of(source: BinaryIO) -> pb.WriteStart:
    """Return the first message for the content of a file, with its size and md5."""
    digest = hashlib.md5(usedforsecurity=False)
    size = 0
    source.seek(0)
    while data := source.read(_MESSAGE):
        digest.update(data)
        size += len(data)
    return pb.WriteStart(request_id=str(uuid.uuid4()), size=size, md5=digest.hexdigest())


def _messages(start: pb.WriteStart, source: BinaryIO, lock: threading.Lock) -> Iterator[Any]:
    """Yield the messages of one call; a thread may still take some of a call that was lost."""
    yield pb.WriteRequest(start=start)
    for offset in range(0, start.size, _MESSAGE):
        with lock:
            source.seek(offset)
            data = source.read(_MESSAGE)
        yield pb.WriteRequest(data=data)
