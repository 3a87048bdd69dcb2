"""Downloads one file: reads the replicas in order into the partial file, verifies it and publishes it.

Reading and writing is left to the modules of `aliend.storage.io`; this module has only the sequence of steps.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from aliend.core.catalogue.replica_url import is_http, member_of
from aliend.core.transfers.overwrite import may_replace
from aliend.errors import CopyError, WrongContent
from aliend.storage.errors import combine_failures, disk_error
from aliend.storage.io import attempt_files, local_files, mounts, remote_file, target_directory
from aliend.storage.io.checksums import Digests, verify_bytes
from aliend.storage.io.partial_file import PartialFile, remove_partial, target_exists
from aliend.storage.io.task_context import TaskContext
from aliend.storage.io.xrootd_client import RemoteFile
from aliend.storage.tasks import Download, Downloaded, ReplicaUrl, Stopped
from aliend.storage.worker.min_rate import require_min_rate

_OPEN_TRIES = 3
_STREAM_STEP = 1000
"""Distance between the connection numbers of two streams of a task; more than the number of tasks in one process."""


def download(task: Download, context: TaskContext) -> Downloaded:
    """Download the file. Raises CopyError.

    Keeps the partial file of a failed download only if a known checksum allows to resume it.
    """
    target = Path(task.target)
    mounts.require_recorded(task.target, task.file_systems)
    target_directory.require_recorded(task.target, task.directory)
    if local_files.is_already_complete(task, context.completions.raise_if_stopped):
        remove_partial(target, task.id, above=task.directory)
        attempt_files.remove(target, task.id, task.attempt, task.directory)
        return Downloaded(task.size, task.md5, "", kept=True, warning="")
    if not may_replace(task.overwrite) and target.exists():
        raise target_exists(target)
    with ExitStack() as stack:
        part = open_partial(stack, task, target)
        try:
            return _attempt(task, context, part)
        except (CopyError, Stopped) as error:
            if not task.md5 or getattr(error, "kind", "") == "permanent":
                part.remove()
            elif task.attempt:
                attempt_files.release(part, task)
            raise


def open_partial(stack: ExitStack, task: Download, target: Path) -> PartialFile:
    """Open the partial file; `stack` closes it. Raises CopyError.

    Retry, because a failed transfer may remove the empty directory just before that.
    """
    for tries_left in reversed(range(_OPEN_TRIES)):
        mounts.require_recorded(task.target, task.file_systems)
        try:
            part = stack.enter_context(PartialFile.open(target, task.id, task.directory, task.umask, task.attempt))
            _require_in_place(task, part)
            return part
        except CopyError:
            if target.parent.exists() or not tries_left:
                raise
    raise AssertionError("the last attempt returns or raises")


def _require_in_place(task: Download, part: PartialFile) -> None:
    """Raise CopyError if the target's disk has just been unmounted; an empty partial file is removed then."""
    try:
        mounts.require_recorded(task.target, task.file_systems)
    except CopyError:
        if not part.length:
            part.remove()
        raise


def _attempt(task: Download, context: TaskContext, part: PartialFile) -> Downloaded:
    try:
        return _Attempt(task, context, part).run()
    except OSError as error:
        raise disk_error(error, task.target) from error


class _Attempt:
    """One attempt: reads the replicas one after the other into the partial file."""

    def __init__(self, task: Download, context: TaskContext, part: PartialFile) -> None:
        self._task = task
        self._context = context
        self._part = part
        self._digests = self._new_digests()
        self._resumed = False
        self._began_ms = time.time_ns() // 1_000_000

    def run(self) -> Downloaded:
        """Use the first replica that delivers the right bytes."""
        if self._task.attempt:
            attempt_files.take_over(self._part, self._task, self._context.completions.raise_if_stopped)
        self._resume()
        is_whole = self._part.length == self._task.size and self._digests.md5 == self._task.md5
        if is_whole and (self._resumed or not self._task.size):
            return self._publish("", "")
        self._part.require_space(self._task.size, self._task.keep_free)
        failures: list[tuple[str, CopyError]] = []
        for source in self._task.sources:
            try:
                self._context.report_source(source.se)
                earlier = tuple((se, str(error), error.error_number) for se, error in failures)
                return replace(self._publish(source.se, self._fetch(source)), failures=earlier)
            except CopyError as error:
                if error.kind == "local" or (error.kind == "permanent" and self._target_exists()):
                    raise
                failures.append((source.se, error))
                if error.kind == "transient":
                    self._context.report_failure(source.se, str(error))
        raise combine_failures(failures)

    def _new_digests(self) -> Digests:
        return Digests(self._context.pool, with_adler32=not self._task.md5)

    def _resume(self) -> None:
        """Resume the partial file if the final checksum can verify it; else start again."""
        if not self._task.md5 or self._part.length > self._task.size:
            self._restart()
            return
        for data in self._part.content():
            self._context.completions.raise_if_stopped()
            self._digests.update(data)
        self._resumed = self._part.length > 0

    def _restart(self) -> None:
        self._part.truncate()
        self._digests = self._new_digests()
        self._resumed = False

    def _fetch(self, source: ReplicaUrl) -> str:
        """Read all missing bytes from one replica. Return a warning or an empty text. Wrong bytes are discarded."""
        if not self._task.md5:
            self._restart()
        self._read(source)
        if self._resumed and self._digests.md5 != self._task.md5:
            self._restart()
            self._read(source)
        try:
            return verify_bytes(self._digests, self._task.md5, self._task.size, source, self._context.completions)
        except CopyError:
            self._restart()
            raise

    def _read(self, source: ReplicaUrl) -> None:
        for data in require_min_rate(self._chunks(source), self._task.tuning.min_rate):
            if self._part.length + len(data) > self._task.size:
                self._restart()
                raise WrongContent(f"wrong size: more than the {self._task.size} bytes in the catalogue")
            self._digests.update(data)
            self._part.append(data)
            self._part.flush_in_background(self._context.pool)
            self._context.report_progress(self._part.length)
            if not self._uses_whole_archive(source):
                self._context.throttle(len(data))
        if self._part.length != self._task.size:
            length = self._part.length
            self._restart()
            raise WrongContent(f"wrong size: received {length} bytes, {self._task.size} in the catalogue")

    def _chunks(self, source: ReplicaUrl) -> Iterator[bytes]:
        start, end = self._part.length, self._task.size
        if member_of(source.url):
            from aliend.storage.io import zip_members

            if self._uses_whole_archive(source):
                directory = str(Path(self._task.target).parent)
                yield from zip_members.read_from_whole_archive(self._context, source, directory, start, end)
            else:
                yield from zip_members.read_member(self._context, source, start, end)
            return
        if is_http(source.url):
            from aliend.storage.io import http_read

            yield from http_read.read(self._context, source, start, end, self._task.ca)
            return
        if end - start <= self._context.chunk_size() and self._task.size < remote_file.OWN_CONNECTION_FROM:
            yield remote_file.read_small_file(self._context.completions, source, start, end)
            return
        with ExitStack() as stack:
            files = [self._open_remote(stack, source, stream) for stream in range(self._streams())]
            yield from remote_file.read_chunks(self._context, files, start, end)

    def _uses_whole_archive(self, source: ReplicaUrl) -> bool:
        """Return whether the member is extracted from an archive that is downloaded whole (and throttled there)."""
        return self._task.whole_archive and bool(member_of(source.url))

    def _streams(self) -> int:
        return max(1, self._task.tuning.streams) if self._task.size >= remote_file.OWN_CONNECTION_FROM else 1

    def _open_remote(self, stack: ExitStack, source: ReplicaUrl, stream: int) -> RemoteFile:
        """Open the file on a connection that no other task and no other stream uses."""
        reached = remote_file.with_own_connection(source, self._context.slot + _STREAM_STEP * stream, self._task.size)
        file, size = remote_file.open_to_read(self._context.completions, reached)
        stack.callback(remote_file.close_in_background, file)
        if size != self._task.size:
            raise WrongContent(f"wrong size: {size} bytes on the storage, {self._task.size} in the catalogue")
        return file

    def _publish(self, se: str, warning: str) -> Downloaded:
        self._context.completions.raise_if_stopped()
        if self._task.verify:
            self._read_back()
        mounts.require_recorded(self._task.target, self._task.file_systems)  # it may be unmounted although it is in use
        self._part.set_attributes(attributes_of(self._task, self._digests.md5, self._began_ms))
        if self._task.attempt:
            self._part.make_durable(self._task.umask)
        else:
            self._part.publish(self._task.umask, overwrite=may_replace(self._task.overwrite))
        return Downloaded(self._task.size, self._digests.md5, se, kept=False, warning=warning)

    def _read_back(self) -> None:
        """Read the file back from the disk. Raises CopyError if it differs from what was written."""
        digests = Digests(self._context.pool, with_adler32=False)
        self._part.drop_page_cache()
        for data in self._part.content():
            self._context.completions.raise_if_stopped()
            digests.update(data)
        if digests.md5 != self._digests.md5:
            self._restart()
            raise CopyError(
                f"{self._task.target}: the disk returned other bytes than were written; check the disk", "local"
            )

    def _target_exists(self) -> bool:
        return not may_replace(self._task.overwrite) and Path(self._task.target).exists()


def attributes_of(task: Download, md5: str, began_ms: int) -> dict[str, str]:
    """Return the extended attributes that describe the file; times are POSIX milliseconds."""
    return {
        "guid": task.guid,
        "lfn": task.lfn,
        "size": str(task.size),
        "md5": md5,
        "ts_r": str(began_ms),
        "ts_w": str(time.time_ns() // 1_000_000),
    }
