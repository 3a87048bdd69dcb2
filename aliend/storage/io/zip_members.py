"""Reads members of zip archives on a storage element by byte ranges: the archive's directory once, then each member.

Archives stay open for further members: many members cost one open, and small members at the end of an archive arrive
together with its directory.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import struct
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO

from aliend.core.catalogue.replica_url import member_of, open_url
from aliend.errors import CopyError, WrongContent
from aliend.storage.errors import StorageError, no_space, require_file_size
from aliend.storage.io import remote_file
from aliend.storage.io.completion_queue import CompletionQueue
from aliend.storage.io.partial_file import available_bytes
from aliend.storage.io.task_context import TaskContext
from aliend.storage.io.xrootd_client import RemoteFile
from aliend.storage.tasks import Listed, ListMembers, ReplicaUrl

_TAIL = 1 << 20
"""Bytes read from the end when an archive is opened: most directories, and all of a small archive."""
_ONE_REQUEST = 1 << 20
"""Bytes up to which a member is read with one request."""
_MAX_OPEN = 8
"""Archives that stay open in one process."""
_MAX_LISTED = 5000
_MAX_NAME = 4096
"""Characters of a name that is listed; no catalogue has longer ones."""
_MAX_DIRECTORY = 8 << 20
"""Bytes of an archive's directory: 100,000 members of usual names; parsed it takes twenty times the memory."""
_MAX_RATIO = 1100
"""A member is at most this many times as long as its stored bytes; deflate reaches 1032."""
_HEADER = 30
_ENCRYPTED = 1


@dataclass(slots=True, eq=False)
class Archive:
    """An open archive: its size and last bytes, its members by name, the number of tasks that read it.

    `first_bytes` has the offsets of those members whose local header was read.
    """

    file: RemoteFile
    size: int
    tail: bytes
    members: dict[str, zipfile.ZipInfo]
    readers: int = 0
    first_bytes: dict[str, int] = field(default_factory=dict)


class OpenArchives:
    """The open archives of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cached: dict[str, Archive] = {}

    @contextlib.contextmanager
    def acquire(self, completions: CompletionQueue, source: ReplicaUrl) -> Iterator[Archive]:
        """Yield the archive of a member, opening it if necessary. Raises CopyError as `remote_file.open_to_read`.

        An archive that failed while it was read is not used again.
        """
        url = open_url(source.url, source.envelope)
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
        """Close archives that are not cached; if too many are, close the oldest unused ones."""
        with self._lock:
            archive.readers -= 1
            unused = [url for url, cached in self._cached.items() if not cached.readers]
            surplus = [self._cached.pop(url) for url in unused[: max(0, len(self._cached) - _MAX_OPEN)]]
            if not archive.readers and archive not in self._cached.values() and archive not in surplus:
                surplus.append(archive)
        for closing in surplus:
            remote_file.close_in_background(closing.file)


_archives = OpenArchives()


class RangedReader(io.RawIOBase):
    """A remote file as a seekable stream; `size` in bytes, `tail` its last bytes."""

    def __init__(self, completions: CompletionQueue, file: RemoteFile, size: int, tail: bytes) -> None:
        super().__init__()
        self._completions = completions
        self._file = file
        self._size = size
        self._tail = tail
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position, as in any file."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read with at most one request. Raises StorageError as `remote_file.request`."""
        end = min(self._position + len(buffer), self._size)
        if end <= self._position:
            return 0
        data = _read_range(self._completions, self._file, (self._size, self._tail), self._position, end)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


class _DirectoryReader(io.BufferedReader):
    """A buffered remote file that refuses to read more than a directory at once: the archive states the size."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as any file. Raises BadZipFile."""
        if size is not None and size > _MAX_DIRECTORY:
            raise zipfile.BadZipFile(
                f"its directory has {size} bytes, more than the {_MAX_DIRECTORY} that are accepted"
            )
        return super().read(size)


def read_member(context: TaskContext, source: ReplicaUrl, start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes from `start` to `end` of the member that the URL names.

    Raises CopyError `permanent` if the archive has no such member, has it with another size, or is corrupt.
    """
    name = member_of(source.url)
    with _archive_errors(), _archives.acquire(context.completions, source) as archive:
        yield from _read_content(context, archive, _member(archive.members, name, end), start)


def read_parts_of_member(
    context: TaskContext, source: ReplicaUrl, ranges: Sequence[tuple[int, int]], size: int
) -> Iterator[bytes]:
    """Yield ranges of the member that the URL names, of `size` bytes, one after the other; they have no checksum.

    Ranges have the offsets of the first byte and behind the last one. A compressed member is decompressed from its
    first byte on, once for ranges in ascending order. Raises CopyError as `read_member`.
    """
    with _archive_errors(), _archives.acquire(context.completions, source) as archive:
        member = _member(archive.members, member_of(source.url), size)
        if _is_packed(member, archive.size):
            yield from _parts_of_packed(context, archive, member, ranges)
            return
        begin = _first_byte(context, archive, member)
        moved = [(begin + start, begin + end) for start, end in ranges]
        yield from remote_file.read_ranges(context, [archive.file], moved)


def _parts_of_packed(
    context: TaskContext, archive: Archive, member: zipfile.ZipInfo, ranges: Sequence[tuple[int, int]]
) -> Iterator[bytes]:
    pieces: Iterator[bytes] = iter(())
    position, piece = member.file_size, b""
    for first, end in ranges:
        start = first
        if start < position:
            pieces, position, piece = _inflate(_read_stored(context, archive, member, 0)), 0, b""
        while start < end:
            while position + len(piece) <= start:
                position += len(piece)
                piece = next(filter(None, pieces), b"")
                if not piece:
                    raise EOFError("a member is truncated")
            kept = piece[start - position : end - position]
            yield kept
            start += len(kept)


def _first_byte(context: TaskContext, archive: Archive, member: zipfile.ZipInfo) -> int:
    """Return the offset of the member's first byte in the archive; known after the first request."""
    if member.filename not in archive.first_bytes:
        offset = member.header_offset
        facts = (archive.size, archive.tail)
        header = _read_range(context.completions, archive.file, facts, offset, offset + _HEADER)
        archive.first_bytes[member.filename] = offset + _length_of_header(header, offset)
    return archive.first_bytes[member.filename]


def _length_of_header(header: bytes, offset: int) -> int:
    """Return the length of the local header that precedes a member. Raises BadZipFile."""
    if header[:4] != b"PK\3\4":
        raise zipfile.BadZipFile(f"no member starts at byte {offset}")
    return _HEADER + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")


def read_from_whole_archive(
    context: TaskContext, source: ReplicaUrl, directory: str, start: int, end: int
) -> Iterator[bytes]:
    """Yield the same bytes after downloading the whole archive into an unnamed file in `directory`."""
    name = member_of(source.url)
    with tempfile.TemporaryFile(dir=directory) as whole:
        size = _download_archive(context, source, whole, directory)
        reader = _DirectoryReader(io.FileIO(whole.fileno(), closefd=False))
        with _archive_errors(), zipfile.ZipFile(reader) as archive:
            member = _member(archive.NameToInfo, name, end)
            _is_packed(member, size)
            with archive.open(member) as content:
                content.seek(start)
                while data := content.read(_ONE_REQUEST):
                    context.completions.raise_if_stopped()
                    yield data


def list_members(task: ListMembers, context: TaskContext) -> Listed:
    """Return the members of an archive from the first replica that works. Raises the error of the last one."""
    failure = CopyError("no replica to read", "permanent").with_errno(errno.ENOENT)
    for source in task.sources:
        try:
            with _archive_errors(), _archives.acquire(context.completions, source) as archive:
                members = [
                    (name, member.file_size) for name, member in archive.members.items() if len(name) <= _MAX_NAME
                ]
                return Listed(tuple(members[:_MAX_LISTED]))
        except CopyError as error:
            failure = error
    raise failure


def _download_archive(context: TaskContext, source: ReplicaUrl, whole: IO[bytes], directory: str) -> int:
    """Download an archive that fits on the disk; return its size in bytes."""
    file, size = remote_file.open_to_read(context.completions, source)
    try:
        require_file_size(size, directory)
        available = available_bytes(os.fstatvfs(whole.fileno()))
        if size > available:
            raise no_space(directory, size, available, 0)
        for data in remote_file.read_chunks(context, [file], 0, size):
            whole.write(data)
            context.throttle(len(data))
        whole.flush()
        return size
    finally:
        remote_file.close_in_background(file)


def _open(completions: CompletionQueue, source: ReplicaUrl) -> Archive:
    file, size = remote_file.open_to_read(completions, source)
    try:
        tail = _read_range(completions, file, (size, b""), max(0, size - _TAIL), size) if size else b""
        with zipfile.ZipFile(_DirectoryReader(RangedReader(completions, file, size, tail), _TAIL)) as archive:
            return Archive(file, size, tail, dict(archive.NameToInfo))
    except BaseException:
        remote_file.close_in_background(file)
        raise


def _member(members: dict[str, zipfile.ZipInfo], name: str, size: int) -> zipfile.ZipInfo:
    member = members.get(name)
    if member is None:
        raise CopyError(f"the archive has no member {name}", "permanent").with_errno(errno.ENOENT)
    if member.file_size != size:
        raise WrongContent(f"wrong size of {name}: {member.file_size} bytes in the archive, {size} in the catalogue")
    return member


def _read_content(context: TaskContext, archive: Archive, member: zipfile.ZipInfo, start: int) -> Iterator[bytes]:
    """Yield the member's bytes from `start`; verify its CRC-32 if they are all of it."""
    packed = _is_packed(member, archive.size)
    checksum = length = 0
    if packed:
        pieces = _inflate(_read_stored(context, archive, member, 0))
        skipped = start
    else:
        pieces, skipped = _read_stored(context, archive, member, start), 0
    for piece in pieces:
        checksum, length = zlib.crc32(piece, checksum), length + len(piece)
        if length > member.file_size:
            raise zipfile.BadZipFile(f"{member.filename} is longer than the {member.file_size} bytes that it states")
        if kept := piece[skipped:]:
            yield kept
        skipped = max(0, skipped - len(piece))
    if (packed or not start) and checksum != member.CRC:
        raise WrongContent(f"wrong content: {member.filename} does not match the CRC-32 in its archive")


def _is_packed(member: zipfile.ZipInfo, archive_size: int) -> bool:
    """Return whether the member is compressed. Raises BadZipFile for lengths that contradict each other."""
    packed = {zipfile.ZIP_STORED: False, zipfile.ZIP_DEFLATED: True}.get(member.compress_type)
    if packed is None or member.flag_bits & _ENCRYPTED:
        raise CopyError(
            f"{member.filename} is encrypted, or compressed with an unsupported method", "permanent"
        ).with_errno(errno.ENOTSUP)
    longest = member.compress_size * _MAX_RATIO if packed else member.compress_size
    is_inside = 0 <= member.header_offset <= archive_size - member.compress_size
    if not is_inside or member.file_size > longest or (not packed and member.file_size != member.compress_size):
        raise zipfile.BadZipFile(f"{member.filename} states lengths that it cannot have")
    return packed


def _read_stored(context: TaskContext, archive: Archive, member: zipfile.ZipInfo, start: int) -> Iterator[bytes]:
    """Yield the member's stored bytes from `start`; a small member takes one request."""
    length = member.compress_size
    ahead = length + 2048 if length <= _ONE_REQUEST else 0
    offset = member.header_offset
    first = _read_range(
        context.completions, archive.file, (archive.size, archive.tail), offset, offset + _HEADER + ahead
    )
    begin = _length_of_header(first, offset)
    if begin + length <= len(first):
        yield first[begin + start : begin + length]
        return
    yield from remote_file.read_chunks(context, [archive.file], offset + begin + start, offset + begin + length)


def _inflate(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the decompressed bytes in pieces of bounded size."""
    packer = zlib.decompressobj(-zlib.MAX_WBITS)
    for piece in pieces:
        rest = piece
        while rest and not packer.eof:
            yield packer.decompress(rest, _ONE_REQUEST)
            rest = packer.unconsumed_tail
    yield packer.flush()
    if not packer.eof:
        raise EOFError("a member is truncated")


def _read_range(
    completions: CompletionQueue, file: RemoteFile, size_and_tail: tuple[int, bytes], start: int, end: int
) -> bytes:
    """Return the bytes from `start` to `end`, or to the end of the file, given its size and its last bytes."""
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
    """Convert errors of a corrupt archive to CopyError."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, struct.error, RuntimeError, EOFError, ValueError, OverflowError) as error:
        raise CopyError(f"cannot read the archive: {error}", "permanent") from error
