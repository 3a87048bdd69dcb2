"""Uploads small files in a batch: each is read once and sent to all of its targets, then compared there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from aliend.errors import CopyError
from aliend.storage.errors import read_error
from aliend.storage.io.checksum_query import ChecksumQuery
from aliend.storage.io.task_context import TaskContext
from aliend.storage.tasks import Upload, Uploaded
from aliend.storage.worker.batch import SmallFile
from aliend.storage.worker.upload import ReplicaUpload, UploadPass


class SmallUpload(UploadPass):
    """One file of a batch. A replica that fails does not affect the others."""

    def __init__(self, task: Upload, context: TaskContext) -> None:
        super().__init__(task, context, -1)
        self._queries: list[tuple[ReplicaUpload, ChecksumQuery]] = []

    @property
    def ses(self) -> Sequence[str]:
        """Return the storage elements of all targets."""
        return [target.se for target in self._task.targets]

    @property
    def in_flight(self) -> int:
        """Return how many requests are not answered."""
        queries = sum(max(1, query.in_flight) for _, query in self._queries if not query.is_over)
        return sum(replica.in_flight for replica in self._alive()) + queries

    def steps(self) -> Iterator[None]:
        """Send the file, and compare every replica. Raises CopyError, OSError."""
        self._fd = os.open(self._task.source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._require_unchanged()
        for replica in self._replicas:
            replica.open()
        yield
        if self._has_replicas():
            self._send_all()
            yield
        self._require_unchanged()
        for replica in self._alive():
            replica.close()
        yield
        self._queries = self._start_queries()
        yield
        for replica, query in self._queries:
            self._verify(replica, query)
        self._queries = []
        os.close(self._fd)
        self._fd = -1

    def _send_all(self) -> None:
        data = os.pread(self._fd, self._task.size + 1, 0)
        if len(data) != self._task.size:
            raise self._changed()
        self._digests.update(data)
        for replica in self._alive():
            replica.write(data, 0)
        self._offset = len(data)

    def check(self, limit: float) -> None:
        """Fail replicas whose server is silent, and repeat the queries that are due."""
        for replica in self._alive():
            replica.fail_if_unresponsive(limit)
        for _, query in self._queries:
            query.poll()

    def error_of(self, error: OSError) -> CopyError:
        """Return the error of the local file."""
        return read_error(error, self._task.source)

    def give_up(self) -> None:
        """Abandon what is unfinished on the storage: the server removes it."""
        self._fail_all()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def results(files: Sequence[SmallFile]) -> Iterator[tuple[SmallFile, Uploaded | CopyError]]:
    """Yield the results of files that have been compared."""
    for file in files:
        assert isinstance(file, SmallUpload)
        yield file, file.result()
