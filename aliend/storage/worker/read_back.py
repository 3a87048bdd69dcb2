"""Reads uploaded replicas back and compares them with the bytes that were sent."""

from __future__ import annotations

from aliend.errors import CopyError, WrongContent
from aliend.storage.io import remote_file
from aliend.storage.io.checksums import Digests
from aliend.storage.io.task_context import TaskContext
from aliend.storage.tasks import Compare, Compared, ReplicaUrl


def compare(task: Compare, context: TaskContext) -> Compared:
    """Return the replicas with wrong content, and what is wrong."""
    failures: list[tuple[str, str]] = []
    for source in task.sources:
        try:
            _verify(task, source, context)
        except CopyError as error:
            failures.append((source.se, str(error)))
    return Compared(tuple(failures))


def _verify(task: Compare, source: ReplicaUrl, context: TaskContext) -> None:
    digests = Digests(context.pool, with_adler32=False)
    file, size = remote_file.open_to_read(
        context.completions, remote_file.with_own_connection(source, context.slot, task.size)
    )
    try:
        if size != task.size:
            raise WrongContent(f"wrong size: {size} bytes on the storage instead of {task.size}")
        for data in remote_file.read_chunks(context, [file], 0, size):
            digests.update(data)
            context.throttle(len(data))
    finally:
        remote_file.close_in_background(file)
    if digests.md5 != task.md5:
        raise WrongContent(f"wrong content: md5 is {digests.md5} instead of {task.md5}")
