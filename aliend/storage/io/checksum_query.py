"""What a storage element says of a file that it has: its size and its checksum, asked of several servers side by side.

adler32 is asked for first: a server that has to read the file for it needs 0.3 s of a processor for a GiB, and for md5
1.4 s. Then its own choice is taken, then md5 is tried.
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
_MIN_CHECKSUM_RATE = 20e6  # bytes per second that a server may take to compute one
_SMALL_FILE = 100 << 20
"""Bytes. Larger files may take longer, and to ask once more on the same connection would lose the answer (xrootd)."""
_SMALL_FILE_TIMEOUT = 25
"""Seconds for one question about the checksum of a file that takes no time. A server that computes as many as it may
(xrootd: 4, and 8 that wait) lets all others wait for 30 s; the library says at once that these would be too many."""
_FIRST_BACKOFF, _MAX_BACKOFF = 0.02, 1.0
_POLL_INTERVAL = 0.1  # seconds


class ChecksumQuery:
    """The questions to one server about one file of `size` bytes, as they should be; `wanted` are algorithms, in turn.

    Asked at once; `settle` waits for the answers. `found` is the size there in bytes (-1: the right to write is no
    right to know), `algorithm` and `value` (hexadecimal) are empty where the server has no checksum of ours.
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
        """Why there is no checksum, from the last algorithm."""
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
        """Whether nothing more is to come."""
        return bool(self.failure) or not self._deadlines

    @property
    def in_flight(self) -> int:
        """How many questions are with the server."""
        return len(self._deadlines) - bool(self._retry_at)

    @property
    def next_poll(self) -> float:
        """Seconds until it is to be looked at."""
        return max(0.0, self._retry_at - time.monotonic()) if self._retry_at else _POLL_INTERVAL

    def checked(self) -> ChecksumQuery:
        """Itself; StorageError when a question failed, of kind `storage` when the file there was not finished."""
        if self.failure:
            raise self.failure
        return self

    def poll(self) -> None:
        """Ask again when it is time to, and give up a server that is silent."""
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

    def _on_size(self, status: Status, known: StatInfo) -> None:
        self._deadlines.pop("stat", None)
        try:
            remote_file.check_status(status, "stat")
        except StorageError as error:
            if error.number != NOT_AUTHORIZED:
                self._fail(error)
            return
        self.stored_size = int(known["size"])
        if known["flags"] & UNFINISHED:
            self._fail(
                StorageError("an unfinished upload is in its place until the server removes it", "storage", 120.0)
            )

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
        """A server that cannot do md5 has many words for it; its own choice it refuses with these."""
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
    """Wait until all are over; raises Stopped."""
    while going_on := [inquiry for inquiry in inquiries if not inquiry.is_over]:
        answers = sum(inquiry.in_flight for inquiry in going_on)
        completions.process(min(inquiry.next_poll for inquiry in going_on), max(1, answers))
        for inquiry in going_on:
            inquiry.poll()


def stored_size(completions: CompletionQueue, source: ReplicaUrl) -> int:
    """Size in bytes on the storage, as `Inquiry.found`."""
    inquiry = ChecksumQuery(completions, source, 0, ())
    wait_all(completions, inquiry)
    return inquiry.checked().stored_size


def stored_checksum(completions: CompletionQueue, source: ReplicaUrl, size: int) -> tuple[str, str]:
    """Algorithm and hexadecimal value that the server has for a file; two empty texts where it has none of ours.

    StorageError when the file cannot be read there or the server does not answer.
    """
    inquiry = ChecksumQuery(completions, source, size, with_size=False)
    wait_all(completions, inquiry)
    inquiry.checked()
    return inquiry.algorithm, inquiry.value


def stored_size_and_checksum(
    completions: CompletionQueue, source: ReplicaUrl, size: int, algorithm: str
) -> tuple[int, str]:
    """Size in bytes on the storage (as `Inquiry.found`), and its checksum of that algorithm.

    StorageError where it has none, too.
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
