"""Files that stay open between reads of parts of them: the next part needs neither an open nor a login.

A reader has a file for itself. A file that no reader has used for a while is closed with the next read of any file; a
process without tasks ends soon and closes all of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from aliend.errors import WrongContent
from aliend.storage.io import remote_file
from aliend.storage.io.completion_queue import CompletionQueue
from aliend.storage.io.xrootd_client import RemoteFile
from aliend.storage.tasks import ReplicaUrl

_MAX_UNUSED = 64
"""Files without a reader that stay open in one process."""
_IDLE = 60.0
"""Seconds that a file without a reader stays open."""


@dataclass(frozen=True, slots=True, eq=False)
class _Unused:
    """An open file without a reader since `since` (monotonic seconds)."""

    source: ReplicaUrl
    file: RemoteFile
    since: float


class OpenFiles:
    """The open files of one process, by URL and ticket; `clock` returns monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._unused: list[_Unused] = []

    def take(self, source: ReplicaUrl) -> RemoteFile | None:
        """Return an open file that has no reader, or None; it then belongs to the caller."""
        with self._lock:
            found = next((one for one in reversed(self._unused) if one.source == source), None)
            if found is None:
                return None
            self._unused.remove(found)
        return found.file

    def give_back(self, source: ReplicaUrl, file: RemoteFile) -> None:
        """Keep a file open that was read without an error; close those that are unused for long or too many."""
        now = self._clock()
        with self._lock:
            self._unused.append(_Unused(source, file, now))
            fresh = [one for one in self._unused if now - one.since < _IDLE][-_MAX_UNUSED:]
            stale = [one for one in self._unused if one not in fresh]
            self._unused = fresh
        for one in stale:
            remote_file.close_in_background(one.file)


def open_with_size(completions: CompletionQueue, source: ReplicaUrl, size: int) -> RemoteFile:
    """Open a file. Raises WrongContent if it has not `size` bytes."""
    file, found = remote_file.open_to_read(completions, source)
    if found != size:
        remote_file.close_in_background(file)
        raise WrongContent(f"wrong size: {found} bytes on the storage, {size} in the catalogue")
    return file
