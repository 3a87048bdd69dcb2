"""Members of zip archives on a storage element, read by range: the archive's directory once, then each member.

Archives stay open for the members that follow: many members cost one opening, and the small ones at an archive's end
come with its directory.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from aliend.errors import CopyError
from aliend.storage.errors import StorageError
from aliend.storage.io import remote_file
from aliend.storage.io.completion_queue import CompletionQueue
from aliend.storage.io.task_context import TaskContext
from aliend.storage.io.xrootd_client import RemoteFile
from aliend.storage.tasks import Listed, ListMembers, ReplicaUrl

_TAIL = 1 << 20
"""Bytes read at once when an archive is opened: most directories, and all of a small archive."""
_ONE_REQUEST = 1 << 20
"""Bytes up to which a member comes with one request."""
_MAX_OPEN = 8
"""Archives that stay open in one process."""
_MAX_LISTED = 5000
_HEADER = 30
_ENCRYPTED = 1


@dataclass(slots=True, eq=False)
class Archive:
    """An open archive: its size and last bytes, its members by name, how many tasks read it."""

    file: RemoteFile
    size: int
    tail: bytes
    members: dict[str, zipfile.ZipInfo]
    readers: int = 0


class OpenArchives:
    """The archives that one process has open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cached: dict[str, Archive] = {}

    @contextlib.contextmanager
    def acquire(self, completions: CompletionQueue, source: ReplicaUrl) -> Iterator[Archive]:
        """The archive of a member's source, opened when it is not open. CopyError as `remote.open_to_read`.

        One that failed while it was read is not used again.
        """
        url = remote_file.url_of(source)
        archive = self._get(url) or self._add(url, _open(completions, source))
        try:
            yield archive
        except StorageError:
            with self._lock:
                if self._cached.get(url) is archive:
                    del self._cached[url]
            raise
        finally:
            self._release(archive)

    def _get(self, url: str) -> Archive | None:
        with self._lock:
            archive = self._cached.get(url)
            if archive is None or not archive.file.is_open():
                return None
            archive.readers += 1
            return archive

    def _add(self, url: str, archive: Archive) -> Archive:
        archive.readers = 1
        with self._lock:
            self._cached.setdefault(url, archive)
        return archive

    def _release(self, archive: Archive) -> None:
        """Close what is not kept, and of those that are too many the one that was opened first."""
        with self._lock:
            archive.readers -= 1
            unread = [url for url, one in self._cached.items() if not one.readers]
            surplus = [self._cached.pop(url) for url in unread[: max(0, len(self._cached) - _MAX_OPEN)]]
            if not archive.readers and archive not in self._cached.values() and archive not in surplus:
                surplus.append(archive)
        for one in surplus:
            remote_file.close_in_background(one.file)


_archives = OpenArchives()


class RangedReader(io.RawIOBase):
    """A remote file as a seekable stream of bytes; `size` in bytes, `tail` its last ones."""

    def __init__(self, completions: CompletionQueue, file: RemoteFile, size: int, tail: bytes) -> None:
        super().__init__()
        self._completions = completions
        self._file = file
        self._size = size
        self._tail = tail
        self._position = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As any file."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """As any file."""
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """One request, or none; StorageError as `remote.request`."""
        end = min(self._position + len(buffer), self._size)
        if end <= self._position:
            return 0
        data = _read_range(self._completions, self._file, (self._size, self._tail), self._position, end)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def read_member(context: TaskContext, source: ReplicaUrl, start: int, end: int) -> Iterator[bytes]:
    """The bytes of the member that the URL names behind `#`, from `start` to `end`.

    CopyError `permanent` when the archive has no such member, another size of it, or is broken.
    """
    name = source.url.partition("#")[2]
    with _archive_errors(), _archives.acquire(context.completions, source) as archive:
        yield from _read_content(context, archive, _member(archive.members, name, end), start)


def read_from_whole_archive(
    context: TaskContext, source: ReplicaUrl, directory: str, start: int, end: int
) -> Iterator[bytes]:
    """The same, of an archive that is fetched whole into a nameless file in `directory` first."""
    name = source.url.partition("#")[2]
    with tempfile.TemporaryFile(dir=directory) as whole:
        _download_archive(context, source, whole)
        with _archive_errors(), zipfile.ZipFile(whole) as archive:
            member = _member(archive.NameToInfo, name, end)
            with archive.open(member) as content:
                content.seek(start)
                while data := content.read(_ONE_REQUEST):
                    context.completions.raise_if_stopped()
                    yield data


def list_members(task: ListMembers, context: TaskContext) -> Listed:
    """The members of an archive with their sizes, from the first replica that answers; else the error of the last."""
    failure = CopyError("there is no replica to read", "permanent")
    for source in task.sources:
        try:
            with _archive_errors(), _archives.acquire(context.completions, source) as archive:
                members = [(name, member.file_size) for name, member in archive.members.items()]
                return Listed(tuple(members[:_MAX_LISTED]))
        except CopyError as error:
            failure = error
    raise failure


def _download_archive(context: TaskContext, source: ReplicaUrl, whole: IO[bytes]) -> None:
    file, size = remote_file.open_to_read(context.completions, source)
    try:
        for data in remote_file.read_chunks(context, [file], 0, size):
            whole.write(data)
            context.throttle(len(data))
    finally:
        remote_file.close_in_background(file)


def _open(completions: CompletionQueue, source: ReplicaUrl) -> Archive:
    file, size = remote_file.open_to_read(completions, source)
    try:
        tail = _read_range(completions, file, (size, b""), max(0, size - _TAIL), size) if size else b""
        with zipfile.ZipFile(io.BufferedReader(RangedReader(completions, file, size, tail), _TAIL)) as archive:
            return Archive(file, size, tail, dict(archive.NameToInfo))
    except BaseException:
        remote_file.close_in_background(file)
        raise


def _member(members: dict[str, zipfile.ZipInfo], name: str, size: int) -> zipfile.ZipInfo:
    member = members.get(name)
    if member is None:
        raise CopyError(f"the archive has no member {name}", "permanent")
    if member.file_size != size:
        raise CopyError(f"{name} has {member.file_size} bytes, the catalogue says {size}", "permanent")
    return member


def _read_content(context: TaskContext, archive: Archive, member: zipfile.ZipInfo, start: int) -> Iterator[bytes]:
    """The member's bytes from `start`; its CRC-32 is compared where they are all of it."""
    packed = {zipfile.ZIP_STORED: False, zipfile.ZIP_DEFLATED: True}.get(member.compress_type)
    if packed is None or member.flag_bits & _ENCRYPTED:
        raise CopyError(f"{member.filename} is encrypted, or packed in a way that is not known here", "permanent")
    checksum = 0
    if packed:
        pieces = _inflate(_read_stored(context, archive, member, 0))
        skipped = start
    else:
        pieces, skipped = _read_stored(context, archive, member, start), 0
    for piece in pieces:
        checksum = zlib.crc32(piece, checksum)
        if kept := piece[skipped:]:
            yield kept
        skipped = max(0, skipped - len(piece))
    if (packed or not start) and checksum != member.CRC:
        raise CopyError(f"{member.filename} does not have the CRC-32 that its archive says", "permanent")


def _read_stored(context: TaskContext, archive: Archive, member: zipfile.ZipInfo, start: int) -> Iterator[bytes]:
    """The member's bytes as they stand in the archive, from `start`; a small one with one request."""
    length = member.compress_size
    ahead = length + 2048 if length <= _ONE_REQUEST else 0
    offset = member.header_offset
    first = _read_range(
        context.completions, archive.file, (archive.size, archive.tail), offset, offset + _HEADER + ahead
    )
    if first[:4] != b"PK\3\4":
        raise zipfile.BadZipFile(f"no member begins at byte {offset}")
    begin = _HEADER + int.from_bytes(first[26:28], "little") + int.from_bytes(first[28:30], "little")
    if begin + length <= len(first):
        yield first[begin + start : begin + length]
        return
    yield from remote_file.read_chunks(context, [archive.file], offset + begin + start, offset + begin + length)


def _inflate(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Unpacked, in pieces of bounded size."""
    packer = zlib.decompressobj(-zlib.MAX_WBITS)
    for piece in pieces:
        rest = piece
        while rest and not packer.eof:
            yield packer.decompress(rest, _ONE_REQUEST)
            rest = packer.unconsumed_tail
    yield packer.flush()
    if not packer.eof:
        raise EOFError("a member ends too early")


def _read_range(
    completions: CompletionQueue, file: RemoteFile, size_and_tail: tuple[int, bytes], start: int, end: int
) -> bytes:
    """Bytes `start` to `end`, or to the file's end; `known` are its size and its last bytes."""
    size, tail = size_and_tail
    end = min(end, size)
    if start >= size - len(tail):
        return tail[start - size + len(tail) : end - size + len(tail)]
    data: bytes = remote_file.request(
        completions, lambda callback: file.read(start, end - start, callback=callback), "read"
    )
    return data


@contextlib.contextmanager
def _archive_errors() -> Iterator[None]:
    """What is wrong with an archive, as CopyError."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise CopyError(f"the archive cannot be read: {error}", "permanent") from error
