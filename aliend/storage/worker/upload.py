"""Uploads one file: a single pass over the local file writes all replicas, then each is verified on its storage.

The callbacks of the writes keep a buffer alive until the last of them ran: XRootD does not, and bytes that are freed
too early arrive as other bytes.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

from aliend.core.catalogue.replica_url import open_url
from aliend.errors import CopyError, ErrorKind
from aliend.storage.errors import EXISTS, StorageError, no_answer, read_error
from aliend.storage.io import remote_file
from aliend.storage.io.checksum_query import ChecksumQuery, stored_size, wait_all
from aliend.storage.io.checksums import Digests
from aliend.storage.io.completion_queue import UNRESPONSIVE_AFTER
from aliend.storage.io.task_context import TaskContext
from aliend.storage.io.xrootd_client import CREATE, RemoteFile, Status, new_file
from aliend.storage.tasks import ReplicaOutcome, ReplicaUrl, Upload, Uploaded

_MODE = 0o644
abandoned: list[RemoteFile] = []
"""Unfinished files. They are never closed, so that the server removes them (POSC) when the process ends."""


class ReplicaUpload:
    """The upload to one target: open, write, close, verify. Its failure does not affect the others."""

    def __init__(self, context: TaskContext, target: ReplicaUrl, size: int) -> None:
        self.target = target
        self.error: StorageError | CopyError | None = None
        self.checked = ""
        self._context = context
        self._source = remote_file.with_own_connection(target, context.slot, size)
        self._file = new_file()
        self._in_flight: set[int] = set()
        self._request_count = 0
        self._answered_at = time.monotonic()

    @property
    def is_alive(self) -> bool:
        """Return whether it may still succeed."""
        return self.error is None

    @property
    def exists(self) -> bool:
        """Return whether a file existed before; it may turn out to be the same file."""
        return isinstance(self.error, StorageError) and self.error.number == EXISTS

    @property
    def in_flight(self) -> int:
        """Return how many requests the server has not answered."""
        return len(self._in_flight)

    def fail(self, error: CopyError) -> None:
        """Fail it; keep the first reason."""
        if self.error is None:
            self.error = error
            if self._in_flight or self._file.is_open():
                abandoned.append(self._file)

    def start_request(self, start: remote_file.StartRequest, what: str, keep: bytes = b"") -> None:
        """Start a request of this replica; `keep` stays alive until the answer."""
        self._request_count += 1
        number = self._request_count
        if not self._in_flight:
            self._answered_at = time.monotonic()
        self._in_flight.add(number)

        def answered(status: Status, _: object, kept: bytes = keep) -> None:
            self._in_flight.discard(number)
            self._answered_at = time.monotonic()
            try:
                remote_file.check_status(status, what)
                if what == "open":
                    remote_file.require_remote(self._file)
            except StorageError as error:
                self.fail(error)

        try:
            remote_file.start_request(start, self._context.completions.callback(answered), what)
        except StorageError as error:
            self.fail(error)

    def open(self) -> None:
        """Create the remote file; an existing file is not touched."""
        url = open_url(self._source.url, self._source.envelope)
        self.start_request(lambda done: self._file.open(url, CREATE, _MODE, callback=done), "open")

    def check_existing(self, size: int) -> None:
        """Open nothing: an existing file of that size may turn out to be the same file."""
        try:
            stored = stored_size(self._context.completions, self.target)
        except StorageError as error:
            self.error = error
        else:
            text, number = ("already exists", EXISTS) if stored == size else (f"has {stored} bytes, not {size}", 0)
            self.error = StorageError(f"the storage: {text}", "permanent", number=number)

    def write(self, data: bytes, offset: int) -> None:
        """Send bytes; they stay alive until the server has answered."""
        self.start_request(lambda done: self._file.write(data, offset, len(data), callback=done), "write", keep=data)

    def close(self) -> None:
        """Close the remote file, so that the server keeps it."""
        self.start_request(lambda done: self._file.close(callback=done), "close")

    def fail_if_unresponsive(self, limit: float) -> None:
        """Fail it if the server has not answered a request for `limit` seconds."""
        if self._in_flight and time.monotonic() - self._answered_at > limit:
            self.fail(no_answer("write", limit))

    def outcome(self) -> ReplicaOutcome:
        """Return the outcome."""
        kind: ErrorKind = self.error.kind if self.error else "permanent"
        number = self.error.error_number if self.error else 0
        text = str(self.error or "")
        return ReplicaOutcome(self.target.se, self.target.url, text, kind, self.checked, error_number=number)


def upload(task: Upload, context: TaskContext) -> Uploaded:
    """Send the file to all targets. Return when each has succeeded or failed.

    Raises CopyError `permanent` if the file is empty, is not a regular file or changed while it was read.
    """
    if task.size == 0:
        raise CopyError(f"{task.source} is empty, and the central service cannot register empty files", "permanent")
    try:
        fd = os.open(task.source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise read_error(error, task.source) from error
    try:
        return UploadPass(task, context, fd).run()
    except OSError as error:
        raise read_error(error, task.source) from error
    finally:
        os.close(fd)


class UploadPass:
    """One pass over the local file."""

    def __init__(self, task: Upload, context: TaskContext, fd: int) -> None:
        self._task = task
        self._context = context
        self._fd = fd
        self._offset = 0
        self._digests = Digests(context.pool, with_adler32=True)
        self._replicas = [ReplicaUpload(context, target, task.size) for target in task.targets]

    def run(self) -> Uploaded:
        """Read, send, close and verify."""
        self._require_unchanged()
        try:
            if self._task.only_compare:
                for replica in self._replicas:
                    replica.check_existing(self._task.size)
            else:
                self._for_each_alive(ReplicaUpload.open)
            self._send()
            self._require_unchanged()
        except BaseException:
            self._fail_all()
            raise
        self._for_each_alive(ReplicaUpload.close)
        self._verify_all()
        return self.result()

    def result(self) -> Uploaded:
        """Return the outcome of each replica."""
        md5 = self._digests.md5 if self._offset == self._task.size else ""
        return Uploaded(self._task.size, md5, tuple(each.outcome() for each in self._replicas))

    def _alive(self) -> list[ReplicaUpload]:
        return [replica for replica in self._replicas if replica.is_alive]

    def _fail_all(self) -> None:
        for replica in self._replicas:
            replica.fail(CopyError("the upload was stopped", "transient"))

    def _for_each_alive(self, action: Callable[[ReplicaUpload], None]) -> None:
        for replica in self._alive():
            action(replica)
        self._wait(0)

    def _wait(self, allowed: int) -> None:
        """Wait until no alive replica has more than `allowed` requests in flight."""
        while answers := sum(max(0, replica.in_flight - allowed) for replica in self._alive()):
            if not self._context.completions.process(1.0, answers):
                for replica in self._alive():
                    replica.fail_if_unresponsive(UNRESPONSIVE_AFTER)

    def _send(self) -> None:
        while self._has_replicas() and (data := os.pread(self._fd, self._next_size(), self._offset)):
            self._digests.update(data)
            for replica in self._alive():
                replica.write(data, self._offset)
            self._offset += len(data)
            self._wait(self._context.max_requests() - 1)
            self._context.report_progress(self._offset)
            if self._alive():
                self._context.throttle(len(data))
        self._wait(0)
        if self._has_replicas() and self._offset != self._task.size:
            raise self._changed()

    def _next_size(self) -> int:
        """Return the bytes to read now; a buffer is not larger than the rest of the file."""
        return min(self._context.chunk_size(), self._task.size - self._offset)

    def _has_replicas(self) -> bool:
        """Return whether any replica remains to write or to compare."""
        return any(replica.is_alive or replica.exists for replica in self._replicas)

    def _require_unchanged(self) -> None:
        now = os.fstat(self._fd)
        if not stat.S_ISREG(now.st_mode):
            raise CopyError(f"{self._task.source} is not a file", "permanent")
        named = Path(self._task.source).stat()
        seen = (self._task.size, self._task.modified_ns, now.st_dev, now.st_ino)
        if seen != (now.st_size, now.st_mtime_ns, named.st_dev, named.st_ino):
            raise self._changed()
        if self._task.changed_ns != now.st_ctime_ns:  # its content, with the mtime put back, or only its mode or a link
            raise CopyError(f"{self._task.source} was changed during the upload; it is sent again", "transient", 1.0)

    def _changed(self) -> CopyError:
        return CopyError(
            f"{self._task.source} changed during the upload; copy it again when it is complete", "permanent"
        )

    def _verify_all(self) -> None:
        """Verify the replicas in parallel: a server takes seconds for the checksum of a large file."""
        queries = self._start_queries()
        wait_all(self._context.completions, *(query for _, query in queries))
        for replica, query in queries:
            self._verify(replica, query)

    def _start_queries(self) -> list[tuple[ReplicaUpload, ChecksumQuery]]:
        return [
            (replica, ChecksumQuery(self._context.completions, replica.target, self._task.size))
            for replica in self._replicas
            if replica.is_alive or replica.exists
        ]

    def _verify(self, replica: ReplicaUpload, query: ChecksumQuery) -> None:
        """Verify size and checksum on the storage; an existing file must have the right checksum."""
        existed = replica.exists
        try:
            checked = self._check_stored(query.checked(), "permanent" if existed else "transient")
        except StorageError as error:
            replica.error = error
            return
        if not existed or checked in {"md5", "adler32"}:
            replica.error, replica.checked = None, checked

    def _check_stored(self, query: ChecksumQuery, if_wrong: ErrorKind) -> str:
        """Return how the replica was compared. Raises StorageError of kind `if_wrong` if it is another file."""
        if query.stored_size == -1:
            return "close"
        if query.stored_size != self._task.size:
            raise StorageError(
                f"wrong size: {query.stored_size} bytes on the storage instead of {self._task.size}", if_wrong
            )
        if not query.algorithm:
            return "size"
        if self._digests.differs(query.algorithm, query.value):
            raise StorageError(
                f"wrong content: {query.algorithm} on the storage is {query.value}", if_wrong
            ).with_errno(errno.EBADMSG)
        return query.algorithm
