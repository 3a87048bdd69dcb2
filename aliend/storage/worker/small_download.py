"""Downloads small files in a batch: reads the first replica, compares the md5, and publishes all files together.

Each file is flushed to the disk; the renames of all files of a directory are made durable by one flush of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from aliend.core.catalogue.replica_url import is_http, member_of, open_url
from aliend.core.transfers.overwrite import may_replace
from aliend.errors import CopyError
from aliend.storage.errors import StorageError, disk_error, no_answer
from aliend.storage.io import mounts, remote_file
from aliend.storage.io.checksums import Digests
from aliend.storage.io.completion_queue import CompletionQueue
from aliend.storage.io.partial_file import PartialFile
from aliend.storage.io.xrootd_client import READ, Status, new_file
from aliend.storage.tasks import Download, Downloaded
from aliend.storage.worker.batch import SmallFile, Unusual
from aliend.storage.worker.download import attributes_of, open_partial


class SmallDownload:
    """One file of a batch; its size and md5 are known."""

    def __init__(self, task: Download, completions: CompletionQueue, pool: Executor) -> None:
        self.task = task
        self.part: PartialFile | None = None
        self.in_flight = 0
        self._completions = completions
        self._pool = pool
        self._held = ExitStack()
        self._answer: tuple[Status, Any] | None = None
        self._asked_at = self._began = time.time()

    @property
    def ses(self) -> Sequence[str]:
        """Return the storage element of the first replica."""
        return [source.se for source in self.task.sources[:1]]

    def steps(self) -> Iterator[None]:
        """Read the file into its partial file. Raises Unusual, CopyError, OSError."""
        source = self._usual_source()
        self.part = part = open_partial(self._held, self.task, Path(self.task.target))
        if part.length:
            raise Unusual
        file = new_file()
        self._held.callback(remote_file.close_in_background, file)
        url = open_url(source.url, source.envelope)
        self._request(lambda done: file.open(url, READ, callback=done), "open")
        yield
        self._response("open")
        try:
            remote_file.require_remote(file)
        except StorageError as error:
            raise Unusual(self.ses[0], error) from error
        self._request(lambda done: file.read(0, self.task.size + 1, callback=done), "read")
        yield
        data: bytes = self._response("read")
        digests = Digests(self._pool, with_adler32=False)
        digests.update(data)
        if len(data) != self.task.size or digests.md5 != self.task.md5:
            raise Unusual  # the copy as a task of its own reports what is wrong, or reads another replica
        part.require_space(self.task.size, self.task.keep_free)
        part.append(data)
        part.set_attributes(attributes_of(self.task, self.task.md5, int(self._began * 1000)))

    def _usual_source(self) -> Any:  # noqa: ANN401 - ReplicaUrl
        """Return the replica to read. Raises Unusual if the target exists, or for another kind of source."""
        task = self.task
        source = task.sources[0]
        if not task.md5 or task.verify or member_of(source.url) or is_http(source.url) or task.attempt > 1:
            raise Unusual
        try:
            Path(task.target).lstat()
        except FileNotFoundError:
            return source
        raise Unusual

    def _request(self, start: remote_file.StartRequest, what: str) -> None:
        self._asked_at = time.time()
        try:
            remote_file.start_request(start, self._completions.callback(self._answered), what)
        except StorageError as error:
            raise Unusual(self.ses[0], error) from error
        self.in_flight = 1

    def _answered(self, status: Status, response: object) -> None:
        self.in_flight = 0
        self._answer = status, response

    def _response(self, what: str) -> Any:  # noqa: ANN401 - each request has its response
        assert self._answer is not None
        status, response = self._answer
        try:
            remote_file.check_status(status, what)
        except StorageError as error:
            raise Unusual(self.ses[0], error) from error
        return response

    def check(self, limit: float) -> None:
        """Leave the batch if the server has not answered for `limit` seconds. Raises Unusual."""
        if self.in_flight and not 0 <= time.time() - self._asked_at <= limit:
            raise Unusual(self.ses[0], no_answer("read", limit))

    def error_of(self, error: OSError) -> CopyError:
        """Return the error of the target's disk."""
        return disk_error(error, self.task.target)

    def give_up(self) -> None:
        """Close the partial file; a copy as a task of its own resumes it, or the daemon removes it."""
        self._held.close()


def publish(files: Sequence[SmallFile]) -> Iterator[tuple[SmallFile, Downloaded | CopyError]]:
    """Publish files that are complete; yield each with its result. A file that fails does not affect the others."""
    whole: list[tuple[SmallDownload, PartialFile]] = []
    results: list[tuple[SmallFile, Downloaded | CopyError]] = []
    for file in files:
        assert isinstance(file, SmallDownload)
        assert file.part
        try:
            file.part.make_durable(file.task.umask)
            whole.append((file, file.part))
        except OSError as error:
            results.append((file, file.error_of(error)))
    renamed: list[SmallDownload] = []
    for one, part in whole:
        if one.task.attempt:
            results.append((one, _downloaded(one)))
            continue
        try:
            mounts.require_recorded(one.task.target, one.task.file_systems)  # it may be unmounted although it is in use
            part.rename(overwrite=may_replace(one.task.overwrite))
            renamed.append(one)
        except OSError as error:
            results.append((one, one.error_of(error)))
        except CopyError as error:
            part.remove()
            results.append((one, error))
    for directory in {Path(file.task.target).parent for file in renamed}:
        results += _made_durable([file for file in renamed if Path(file.task.target).parent == directory])
    for file in files:
        file.give_up()
    yield from results


def _made_durable(files: Sequence[SmallDownload]) -> list[tuple[SmallFile, Downloaded | CopyError]]:
    """Flush the directory of some new files; return each with its result."""
    try:
        assert files[0].part
        files[0].part.sync_directory()
    except OSError as error:
        return [(file, file.error_of(error)) for file in files]
    return [(file, _downloaded(file)) for file in files]


def _downloaded(file: SmallDownload) -> Downloaded:
    return Downloaded(file.task.size, file.task.md5, file.ses[0], kept=False, warning="")
