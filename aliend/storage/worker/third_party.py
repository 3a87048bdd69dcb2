"""Third-party copy: storage elements copy one file among themselves; then each replica is verified on its storage.

If a server does not support it, or has no checksum to compare, no copy starts and the outcome says so: the bytes must
then pass through this machine.
"""

from __future__ import annotations

import contextlib
import errno
import threading
from collections.abc import Iterable
from typing import Any

from aliend.core.catalogue.replica_url import open_url
from aliend.errors import CopyError, ErrorKind
from aliend.storage.errors import EXISTS, NOT_AUTHORIZED, NOT_FOUND, StorageError, error_from_status
from aliend.storage.io import remote_file
from aliend.storage.io.checksum_query import stored_size_and_checksum
from aliend.storage.io.completion_queue import CompletionQueue
from aliend.storage.io.task_context import TaskContext
from aliend.storage.io.xrootd_client import third_party_copy
from aliend.storage.tasks import ReplicaOutcome, ReplicaUrl, Stopped, ThirdParty, Uploaded

_ALGORITHMS = ("md5", "adler32")
_FILE_ERRORS = {NOT_AUTHORIZED, NOT_FOUND, EXISTS}
"""Errors that concern one file; every other error would occur for the next file too."""


def third_party(task: ThirdParty, context: TaskContext) -> Uploaded:
    """Create all replicas in parallel. Return when each has succeeded or failed. Raises Stopped."""
    copies = [_Copy(task, target, context) for target in task.targets]
    threads = [threading.Thread(target=copy.run, daemon=True) for copy in copies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    context.completions.raise_if_stopped()
    return Uploaded(task.size, task.md5, tuple(copy.outcome() for copy in copies))


class _Copy:
    """The copy to one target, and the handler of its progress."""

    def __init__(self, task: ThirdParty, target: ReplicaUrl, context: TaskContext) -> None:
        self._task = task
        self._target = target
        self._context = context
        self._completions = context.completions.child()
        self._error = "no replica to read"
        self._kind: ErrorKind = "transient"
        self._error_number = errno.ENOENT
        self._checked = ""
        self._unreachable_sources: list[str] = []

    def run(self) -> None:
        """Use the first source that works."""
        for source in self._task.sources:
            if (source.se, self._target.se) in self._task.blocked_pairs:
                continue
            try:
                algorithm = self._fetch(source)
                self._verify(source, algorithm)
            except Stopped:
                return
            except CopyError as error:
                self._error, self._kind = f"from {source.se}: {error}", error.kind
                self._error_number = error.error_number
            else:
                self._error, self._checked, self._error_number = "", algorithm, 0
                return

    def outcome(self) -> ReplicaOutcome:
        """Return the outcome."""
        return ReplicaOutcome(
            self._target.se,
            self._target.url,
            self._error,
            self._kind,
            self._checked,
            tuple(self._unreachable_sources),
            self._error_number,
        )

    def begin(self, job: int, total: int, source: str, target: str) -> None:
        """Do nothing; called by the library."""

    def end(self, job: int, result: object) -> None:
        """Do nothing; called by the library."""

    def update(self, job: int, done: int, total: int) -> None:
        """Report progress; called by the library while bytes move."""
        self._context.report_progress(min(int(done), self._task.size))

    def should_cancel(self, job: int) -> bool:
        """Return whether the task was stopped; called by the library about every second."""
        try:
            self._completions.raise_if_stopped()
        except Stopped:
            return True
        return False

    def _fetch(self, source: ReplicaUrl) -> str:
        """Have the target copy the file. Return the checksum algorithm for the verification."""
        try:
            algorithm = self._common_algorithm(source)
            if not self._task.only_compare:
                self._copy(source)
        except CopyError as error:
            if not isinstance(error, StorageError) or error.number not in _FILE_ERRORS:
                self._unreachable_sources.append(source.se)
            raise
        return algorithm

    def _common_algorithm(self, source: ReplicaUrl) -> str:
        """Return the algorithm for the verification: the catalogue's md5, or one that both servers compute."""
        for replica in (source, self._target):
            if not _is_number_above_zero(remote_file.query_config(self._completions, replica, "tpc")):
                text = f"{replica.se} does not support third-party copies"
                raise CopyError(text, "permanent").with_errno(errno.ENOTSUP)
        theirs, ours = (_checksums(self._completions, replica) for replica in (source, self._target))
        for algorithm in _ALGORITHMS:
            if algorithm in ours and (algorithm == "md5" or algorithm in theirs):
                return algorithm
        raise CopyError(f"{self._target.se} has no checksum to compare", "permanent").with_errno(errno.ENOTSUP)

    def _copy(self, source: ReplicaUrl) -> None:
        status = third_party_copy(_url_by_address(source), _url_by_address(self._target), self)
        self._completions.raise_if_stopped()
        _check_status(status)

    def _verify(self, source: ReplicaUrl, algorithm: str) -> None:
        """Compare size and checksum on the storage. Raises CopyError if they differ."""
        size, value = stored_size_and_checksum(self._completions, self._target, self._task.size, algorithm)
        if size not in (-1, self._task.size):
            raise StorageError(f"wrong size: {size} bytes on the storage instead of {self._task.size}", "transient")
        expected = self._task.md5
        if algorithm != "md5":
            _, expected = stored_size_and_checksum(self._completions, source, self._task.size, algorithm)
        if not value or value.lstrip("0") != expected.lower().lstrip("0"):
            raise StorageError(
                f"wrong content: {algorithm} on the storage is {value} instead of {expected}", "transient"
            )


def _url_by_address(source: ReplicaUrl) -> str:
    """Return the URL of a replica. Replace `localhost`, which does not identify a server to another server."""
    return open_url(source.url.replace("://localhost:", "://127.0.0.1:", 1), source.envelope)


def _checksums(completions: CompletionQueue, source: ReplicaUrl) -> set[str]:
    """Return the algorithms of a server, from an answer like `0:md5,1:adler32`."""
    with contextlib.suppress(StorageError):
        return _names(remote_file.query_config(completions, source, "chksum").split(","))
    return set()


def _names(names: Iterable[str]) -> set[str]:
    return {name.strip().rpartition(":")[2].lower() for name in names}


def _is_number_above_zero(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) > 0


def _check_status(status: dict[str, Any]) -> None:
    if not status["ok"]:
        raise error_from_status(status["code"], status["errno"], status["message"], "third-party copy")
