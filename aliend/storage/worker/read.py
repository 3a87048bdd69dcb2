"""One file, or a part of it, given to whoever reads along: nothing is stored, little is kept in memory.

The first requests are small, so that the first byte comes early and a reader who wants no more has cost little. A
replica that fails is followed by the next one from the same byte on; what was given is hashed as it goes.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing

from aliend.errors import CopyError
from aliend.storage.errors import combine_failures
from aliend.storage.io import remote_file, zip_members
from aliend.storage.io.checksums import Digests, verify_bytes
from aliend.storage.io.output_pipe import OutputPipe
from aliend.storage.io.task_context import CHUNK, TaskContext
from aliend.storage.tasks import Read, ReadDone, ReplicaUrl

_FIRST = 256 << 10
"""Bytes of the first request; each further one is four times larger until it is as large as any."""


def read(task: Read, context: TaskContext) -> ReadDone:
    """Give the bytes; CopyError when they did not all come or, told after the last one, are not the right ones."""
    if context.output is None:
        raise CopyError("there is nowhere to write to", "permanent")
    return _Reading(task, context, context.output).run()


class _Reading:
    """The replicas, one after the other, into one pipe."""

    def __init__(self, task: Read, context: TaskContext, output: OutputPipe) -> None:
        self._task = task
        self._context = context
        self._output = output
        self._position = task.start
        self._digests = Digests(context.pool, with_adler32=not task.md5)

    def run(self) -> ReadDone:
        """Each replica goes on where the one before failed."""
        failures: list[tuple[str, CopyError]] = []
        for source in self._task.sources:
            try:
                self._give(source)
            except CopyError as error:
                failures.append((source.se, error))
                continue
            return ReadDone(self._position - self._task.start, source.se, self._warning(source))
        raise combine_failures(failures)

    def _give(self, source: ReplicaUrl) -> None:
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
        if "#" in source.url:
            yield from _up_to(
                zip_members.read_member(self._context, source, self._position, self._task.size), end - self._position
            )
            return
        file, size = remote_file.open_to_read(completions, source)
        try:
            if size != self._task.size:
                raise CopyError(f"the storage has {size} bytes, the catalogue says {self._task.size}", "permanent")
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
            return "a part of a file has no checksum that could be compared"
        try:
            return verify_bytes(self._digests, task.md5, task.size, source, self._context.completions)
        except CopyError as error:
            raise CopyError(f"what was written is not the file: {error}", error.kind) from error


def _up_to(chunks: Iterator[bytes], wanted: int) -> Iterator[bytes]:
    for data in chunks:
        yield data[:wanted]
        wanted -= len(data)
        if wanted <= 0:
            return
