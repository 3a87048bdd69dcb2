"""Replicas read back: whether a storage element gives the bytes that were sent to it."""

from __future__ import annotations

from aliend.errors import CopyError
from aliend.storage.io import remote_file
from aliend.storage.io.checksums import Digests
from aliend.storage.io.task_context import Line
from aliend.storage.tasks import Compare, Compared, Source


def compare(task: Compare, line: Line) -> Compared:
    """What is wrong with which of the replicas."""
    failures: list[tuple[str, str]] = []
    for source in task.sources:
        try:
            _require_same(task, source, line)
        except CopyError as error:
            failures.append((source.se, str(error)))
    return Compared(tuple(failures))


def _require_same(task: Compare, source: Source, line: Line) -> None:
    digests = Digests(line.pool, with_adler32=False)
    file, size = remote_file.open_to_read(line.inbox, remote_file.on_connection(source, line.slot, task.size))
    try:
        if size != task.size:
            raise CopyError(f"the storage has {size} bytes, not {task.size}", "permanent")
        for data in remote_file.read_chunks(line, [file], 0, size):
            digests.update(data)
            line.spend(len(data))
    finally:
        remote_file.release(file)
    if digests.md5 != task.md5:
        raise CopyError(f"the bytes have md5 {digests.md5}, not {task.md5}", "permanent")
