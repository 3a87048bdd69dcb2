"""Streams one file, or ranges of it, into a pipe: stores nothing and keeps little in memory.

The first requests of a read to the end are small: the first byte arrives early, and a reader that stops soon has
cost little. If a replica fails, the next one continues at the same byte; a whole file is hashed. A file of
which parts are read stays open for the next part.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Generator
from contextlib import closing

from aliend.core.catalogue.replica_url import member_of
from aliend.errors import CopyError
from aliend.storage.errors import NoAnswer, StorageError, combine_failures
from aliend.storage.io import remote_file, zip_members
from aliend.storage.io.checksums import Digests, verify_bytes
from aliend.storage.io.open_files import OpenFiles, open_with_size
from aliend.storage.io.output_pipe import OutputPipe
from aliend.storage.io.task_context import CHUNK, TaskContext
from aliend.storage.io.xrootd_client import RemoteFile
from aliend.storage.tasks import Read, ReadDone, ReplicaUrl

_FIRST = 256 << 10
"""Bytes of the first request; each further one is four times larger, up to the size of a chunk."""
_UNANSWERED = frozenset({errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTUNREACH})
"""The failures of a server as a whole: another read of it would probably wait as long."""
_open_files = OpenFiles()


def read(task: Read, context: TaskContext) -> ReadDone:
    """Write the bytes. Raises CopyError if some are missing or, after the last one, if they are wrong."""
    if context.output is None:
        raise CopyError("a read needs an output", "permanent")
    return _Reading(task, context, context.output).run()


class _Reading:
    """Writes the ranges into one pipe, from one replica after the other."""

    def __init__(self, task: Read, context: TaskContext, output: OutputPipe) -> None:
        self._task = task
        self._context = context
        self._output = output
        self._left = deque(one for one in task.ranges if one[0] < one[1])
        self._delivered = 0
        self._digests = Digests(context.pool, with_adler32=not task.md5)

    def run(self) -> ReadDone:
        """Continue with each replica where the previous one failed."""
        failures: list[tuple[str, CopyError]] = []
        for source in self._task.sources:
            try:
                self._copy(remote_file.with_own_connection(source, self._context.slot, self._task.size))
            except CopyError as error:
                failures.append((source.se, error))
                if error.error_number in _UNANSWERED:
                    self._context.report_failure(source.se, str(error))
                continue
            return ReadDone(self._delivered, source.se, self._warning(source))
        raise combine_failures(failures)

    def _copy(self, source: ReplicaUrl) -> None:
        if member_of(source.url):
            self._write(self._chunks_of_member(source))
            return
        if not self._task.is_whole and (file := _open_files.take(source)):
            try:
                self._copy_file(source, file)
            except NoAnswer:
                raise
            except StorageError:  # the server may have closed it; a new one can be read
                self._copy_file(source, self._open(source))
        else:
            self._copy_file(source, self._open(source))

    def _open(self, source: ReplicaUrl) -> RemoteFile:
        return open_with_size(self._context.completions, source, self._task.size)

    def _copy_file(self, source: ReplicaUrl, file: RemoteFile) -> None:
        is_reusable = False
        try:
            self._write(self._chunks(file))
            is_reusable = not self._task.is_whole
        finally:
            if is_reusable:
                _open_files.give_back(source, file)
            else:
                remote_file.close_in_background(file)

    def _write(self, chunks: Generator[bytes, None, None]) -> None:
        with closing(chunks):
            for data in chunks:
                if self._task.is_whole:
                    self._digests.update(data)
                self._output.write(data, self._context.completions.raise_if_stopped)
                self._advance(len(data))
                self._context.throttle(len(data))

    def _advance(self, size: int) -> None:
        """Record bytes that were delivered; a chunk belongs to one range."""
        self._delivered += size
        start, end = self._left.popleft()
        if start + size < end:
            self._left.appendleft((start + size, end))

    def _chunks(self, file: RemoteFile) -> Generator[bytes, None, None]:
        ranges = tuple(self._left)
        if len(ranges) == 1 and ranges[0][1] == self._task.size:
            start, end = ranges[0]
            step = _FIRST
            while step < CHUNK and start < end:
                yield from remote_file.read_chunks(self._context, [file], start, min(start + step, end))
                start, step = start + step, step * 4
            ranges = ((start, end),)
        yield from remote_file.read_ranges(self._context, [file], ranges)

    def _chunks_of_member(self, source: ReplicaUrl) -> Generator[bytes, None, None]:
        if self._task.is_whole:
            yield from zip_members.read_member(self._context, source, self._delivered, self._task.size)
        else:
            yield from zip_members.read_parts_of_member(self._context, source, tuple(self._left), self._task.size)

    def _warning(self, source: ReplicaUrl) -> str:
        task = self._task
        if not task.is_whole:
            return "a part of a file has no checksum to compare"
        try:
            return verify_bytes(self._digests, task.md5, task.size, source, self._context.completions)
        except CopyError as error:
            wrong = CopyError(f"the output is not the file: {error}", error.kind)
            raise wrong.with_errno(error.error_number) from error
