"""Streams one file, or a part of it, into a pipe: stores nothing and keeps little in memory.

The first requests are small, so that the first byte arrives early and a reader that stops soon has cost little. If a
replica fails, the next one continues at the same byte; the delivered bytes are hashed.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing

from aliend.core.catalogue.replica_url import member_of
from aliend.errors import CopyError, WrongContent
from aliend.storage.errors import combine_failures
from aliend.storage.io import remote_file, zip_members
from aliend.storage.io.checksums import Digests, verify_bytes
from aliend.storage.io.output_pipe import OutputPipe
from aliend.storage.io.task_context import CHUNK, TaskContext
from aliend.storage.tasks import Read, ReadDone, ReplicaUrl

_FIRST = 256 << 10
"""Bytes of the first request; each further one is four times larger, up to the size of a chunk."""


def read(task: Read, context: TaskContext) -> ReadDone:
    """Write the bytes. Raises CopyError if some are missing or, after the last one, if they are wrong."""
    if context.output is None:
        raise CopyError("a read needs an output", "permanent")
    return _Reading(task, context, context.output).run()


class _Reading:
    """Writes the replicas one after the other into one pipe."""

    def __init__(self, task: Read, context: TaskContext, output: OutputPipe) -> None:
        self._task = task
        self._context = context
        self._output = output
        self._position = task.start
        self._digests = Digests(context.pool, with_adler32=not task.md5)

    def run(self) -> ReadDone:
        """Continue with each replica where the previous one failed."""
        failures: list[tuple[str, CopyError]] = []
        for source in self._task.sources:
            try:
                self._write(source)
            except CopyError as error:
                failures.append((source.se, error))
                continue
            return ReadDone(self._position - self._task.start, source.se, self._warning(source))
        raise combine_failures(failures)

    def _write(self, source: ReplicaUrl) -> None:
        with closing(
            self._chunks(remote_file.with_own_connection(source, self._context.slot, self._task.size))
        ) as chunks:
            for data in chunks:
                self._digests.update(data)
                self._output.write(data, self._context.completions.raise_if_stopped)
                self._position += len(data)
                self._context.throttle(len(data))

    def _chunks(self, source: ReplicaUrl) -> Generator[bytes, None, None]:
        completions, end = self._context.completions, self._task.end
        if member_of(source.url):
            yield from _up_to(
                zip_members.read_member(self._context, source, self._position, self._task.size), end - self._position
            )
            return
        file, size = remote_file.open_to_read(completions, source)
        try:
            if size != self._task.size:
                raise WrongContent(f"wrong size: {size} bytes on the storage, {self._task.size} in the catalogue")
            step = _FIRST
            while step < CHUNK and self._position < end:
                yield from remote_file.read_chunks(
                    self._context, [file], self._position, min(self._position + step, end)
                )
                step *= 4
            yield from remote_file.read_chunks(self._context, [file], self._position, end)
        finally:
            remote_file.close_in_background(file)

    def _warning(self, source: ReplicaUrl) -> str:
        task = self._task
        if task.start > 0 or task.end < task.size:
            return "a part of a file has no checksum to compare"
        try:
            return verify_bytes(self._digests, task.md5, task.size, source, self._context.completions)
        except CopyError as error:
            wrong = CopyError(f"the output is not the file: {error}", error.kind)
            raise wrong.with_errno(error.error_number) from error


def _up_to(chunks: Iterator[bytes], wanted: int) -> Iterator[bytes]:
    for data in chunks:
        yield data[:wanted]
        wanted -= len(data)
        if wanted <= 0:
            return
