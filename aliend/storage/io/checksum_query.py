"""Queries size and checksum of a stored file, from several servers in parallel.

adler32 comes first: a server that must read the file for it needs 0.3 s of a processor per GiB, and 1.4 s for md5. The
server's default algorithm is next, then md5.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from aliend.storage.errors import NOT_AUTHORIZED, OPERATION_EXPIRED, UNSUPPORTED, StorageError, no_answer
from aliend.storage.io import remote_file
from aliend.storage.io.completion_queue import UNRESPONSIVE_AFTER, CompletionQueue
from aliend.storage.io.xrootd_client import QUERY_CHECKSUM, UNFINISHED, StatInfo, Status
from aliend.storage.tasks import ReplicaUrl

_ALGORITHMS = ("adler32", "", "md5")
_MIN_CHECKSUM_RATE = 20e6  # bytes per second at which a slow server computes one
_SMALL_FILE = 100 << 20
"""Bytes. Larger files may take longer, and a second query on the same connection would lose the answer (xrootd)."""
_SMALL_FILE_TIMEOUT = 25
"""Seconds for one checksum query of a small file. A server at its limit of computations (xrootd: 4 running, 8 queued)
asks for a retry after 30 s; with a shorter limit the library fails the query at once, and we retry sooner."""
_FIRST_BACKOFF, _MAX_BACKOFF = 0.02, 1.0
_POLL_INTERVAL = 0.1  # seconds


class ChecksumQuery:
    """The requests to one server about one file, which should have `size` bytes; tries `algorithms` in order.

    The requests are sent at once; `wait_all` waits for the answers. `stored_size` is in bytes (-1: an envelope for
    writing does not permit the query); `algorithm` and `value` (hexadecimal) are empty if the server has no checksum
    that we know.
    """

    def __init__(
        self,
        completions: CompletionQueue,
        source: ReplicaUrl,
        size: int,
        algorithms: Sequence[str] = _ALGORITHMS,
        *,
        with_size: bool = True,
    ) -> None:
        self.stored_size = -1
        self.algorithm = self.value = ""
        self.failure: StorageError | None = None
        self.refusal: StorageError | None = None
        """The error of the last algorithm that the server refused."""
        self._completions = completions
        self._system, self._path = remote_file.filesystem_of(source)
        self._size = size
        self._algorithms = list(algorithms)
        self._deadlines: dict[str, float] = {}
        self._retry_at = 0.0
        self._backoff = _FIRST_BACKOFF
        if with_size:
            self._request_size()
        if self._algorithms:
            self._request_checksum()

    @property
    def is_over(self) -> bool:
        """Return whether no answer is outstanding."""
        return bool(self.failure) or not self._deadlines

    @property
    def in_flight(self) -> int:
        """Return how many requests the server has not answered."""
        return len(self._deadlines) - bool(self._retry_at)

    @property
    def next_poll(self) -> float:
        """Return the seconds until the next call of `poll`."""
        return max(0.0, self._retry_at - time.monotonic()) if self._retry_at else _POLL_INTERVAL

    def checked(self) -> ChecksumQuery:
        """Return itself. Raises StorageError if a request failed; of kind `storage` if the file is unfinished."""
        if self.failure:
            raise self.failure
        return self

    def poll(self) -> None:
        """Retry a request that is due, and fail those that timed out."""
        now = time.monotonic()
        if self._retry_at and now >= self._retry_at:
            self._retry_at = 0.0
            self._query()
        for what, deadline in self._deadlines.items():
            if now >= deadline:
                self._fail(no_answer(what, self._limit(what)))

    def _limit(self, what: str) -> float:
        return UNRESPONSIVE_AFTER if what == "stat" else UNRESPONSIVE_AFTER + self._size / _MIN_CHECKSUM_RATE

    def _fail(self, error: StorageError) -> None:
        self.failure = self.failure or error

    def _request_size(self) -> None:
        self._deadlines["stat"] = time.monotonic() + self._limit("stat")
        answered = self._completions.callback(self._on_size)
        try:
            remote_file.start_request(
                lambda callback: self._system.stat(self._path, callback=callback), answered, "stat"
            )
        except StorageError as error:
            self._fail(error)

    def _on_size(self, status: Status, facts: StatInfo) -> None:
        self._deadlines.pop("stat", None)
        try:
            remote_file.check_status(status, "stat")
        except StorageError as error:
            if error.number != NOT_AUTHORIZED:
                self._fail(error)
            return
        self.stored_size = int(facts["size"])
        if facts["flags"] & UNFINISHED:
            self._fail(StorageError("an unfinished upload has this name until the server removes it", "storage", 120.0))

    def _request_checksum(self) -> None:
        self._deadlines["checksum"] = time.monotonic() + self._limit("checksum")
        self._query()

    def _query(self) -> None:
        wanted = self._algorithms[0]
        argument = f"{self._path}&cks.type={wanted}" if wanted else self._path
        limit = _SMALL_FILE_TIMEOUT if self._size < _SMALL_FILE else 0
        answered = self._completions.callback(self._on_checksum)
        ask = partial(self._system.query, QUERY_CHECKSUM, argument, limit)
        try:
            remote_file.start_request(lambda callback: ask(callback=callback), answered, "checksum")
        except StorageError as error:
            self._fail(error)

    def _on_checksum(self, status: Status, answer: bytes) -> None:
        if status["code"] == OPERATION_EXPIRED and time.monotonic() < self._deadlines["checksum"]:
            self._retry_at = time.monotonic() + self._backoff
            self._backoff = min(2 * self._backoff, _MAX_BACKOFF)
            return
        self._deadlines.pop("checksum", None)
        try:
            remote_file.check_status(status, "checksum")
        except StorageError as error:
            self._refused(error)
            return
        algorithm, value = _parse_answer(answer)
        if algorithm in {"md5", "adler32"}:
            self.algorithm, self.value = algorithm, value
        else:
            self._try_next()

    def _refused(self, error: StorageError) -> None:
        """Try the next algorithm. Servers refuse md5 with many errors, but their default only with these."""
        if error.number in {NOT_AUTHORIZED, UNSUPPORTED} or (self._algorithms[0] and error.number):
            self.refusal = error
            self._try_next()
        else:
            self._fail(error)

    def _try_next(self) -> None:
        self._algorithms.pop(0)
        if self._algorithms:
            self._request_checksum()


def wait_all(completions: CompletionQueue, *inquiries: ChecksumQuery) -> None:
    """Wait until all queries have their answers. Raises Stopped."""
    while going_on := [inquiry for inquiry in inquiries if not inquiry.is_over]:
        answers = sum(inquiry.in_flight for inquiry in going_on)
        completions.process(min(inquiry.next_poll for inquiry in going_on), max(1, answers))
        for inquiry in going_on:
            inquiry.poll()


def stored_size(completions: CompletionQueue, source: ReplicaUrl) -> int:
    """Return the size in bytes on the storage, as `ChecksumQuery.stored_size`."""
    inquiry = ChecksumQuery(completions, source, 0, ())
    wait_all(completions, inquiry)
    return inquiry.checked().stored_size


def stored_checksum(completions: CompletionQueue, source: ReplicaUrl, size: int) -> tuple[str, str]:
    """Return algorithm and hexadecimal value of a stored file; two empty texts if the server has none that we know.

    Raises StorageError if the server cannot read the file or does not answer.
    """
    inquiry = ChecksumQuery(completions, source, size, with_size=False)
    wait_all(completions, inquiry)
    inquiry.checked()
    return inquiry.algorithm, inquiry.value


def stored_size_and_checksum(
    completions: CompletionQueue, source: ReplicaUrl, size: int, algorithm: str
) -> tuple[int, str]:
    """Return the size in bytes (as `ChecksumQuery.stored_size`) and the checksum of that algorithm.

    Raises StorageError, also if the server has no such checksum.
    """
    inquiry = ChecksumQuery(completions, source, size, (algorithm,))
    wait_all(completions, inquiry)
    inquiry.checked()
    if inquiry.refusal:
        raise inquiry.refusal
    return inquiry.stored_size, inquiry.value


def _parse_answer(answer: bytes) -> tuple[str, str]:
    words = answer.rstrip(b"\0").decode("ascii", "replace").split()
    return (words[0], words[1].lower()) if len(words) == 2 else ("", "")
