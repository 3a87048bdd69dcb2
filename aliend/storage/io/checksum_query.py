"""What a storage element says of a file that it has: its size and its checksum, asked of several servers side by side.

adler32 is asked for first: a server that has to read the file for it needs 0.3 s of a processor for a GiB, and for md5
1.4 s. Then its own choice is taken, then md5 is tried.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from aliend.storage.errors import EXPIRED, NOT_AUTHORIZED, UNSUPPORTED, StorageError, silent
from aliend.storage.io import remote_file
from aliend.storage.io.completion_queue import SILENCE, Inbox
from aliend.storage.io.xrootd_client import QUERY_CHECKSUM, UNFINISHED, Known, Status
from aliend.storage.tasks import Source

_CHEAPEST_FIRST = ("adler32", "", "md5")
_SLOWEST_CHECKSUM = 20e6  # bytes per second that a server may take to compute one
_TAKES_NO_TIME = 100 << 20
"""Bytes. Larger files may take longer, and to ask once more on the same connection would lose the answer (xrootd)."""
_WILLING = 25
"""Seconds for one question about the checksum of a file that takes no time. A server that computes as many as it may
(xrootd: 4, and 8 that wait) lets all others wait for 30 s; the library says at once that these would be too many."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0
_LOOK = 0.1  # seconds


class Inquiry:
    """The questions to one server about one file of `size` bytes, as they should be; `wanted` are algorithms, in turn.

    Asked at once; `settle` waits for the answers. `found` is the size there in bytes (-1: the right to write is no
    right to know), `algorithm` and `value` (hexadecimal) are empty where the server has no checksum of ours.
    """

    def __init__(
        self,
        inbox: Inbox,
        source: Source,
        size: int,
        wanted: Sequence[str] = _CHEAPEST_FIRST,
        *,
        with_size: bool = True,
    ) -> None:
        self.found = -1
        self.algorithm = self.value = ""
        self.failure: StorageError | None = None
        self.refusal: StorageError | None = None
        """Why there is no checksum, from the last algorithm."""
        self._inbox = inbox
        self._system, self._path = remote_file.system_of(source)
        self._size = size
        self._wanted = list(wanted)
        self._deadlines: dict[str, float] = {}
        self._again_at = 0.0
        self._pause = _FIRST_PAUSE
        if with_size:
            self._ask_size()
        if self._wanted:
            self._ask_checksum()

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to come."""
        return bool(self.failure) or not self._deadlines

    @property
    def on_way(self) -> int:
        """How many questions are with the server."""
        return len(self._deadlines) - bool(self._again_at)

    @property
    def pause(self) -> float:
        """Seconds until it is to be looked at."""
        return max(0.0, self._again_at - time.monotonic()) if self._again_at else _LOOK

    def require(self) -> Inquiry:
        """Itself; StorageError when a question failed, of kind `storage` when the file there was not finished."""
        if self.failure:
            raise self.failure
        return self

    def look(self) -> None:
        """Ask again when it is time to, and give up a server that is silent."""
        now = time.monotonic()
        if self._again_at and now >= self._again_at:
            self._again_at = 0.0
            self._query()
        for what, deadline in self._deadlines.items():
            if now >= deadline:
                self._fail(silent(what, self._limit(what)))

    def _limit(self, what: str) -> float:
        return SILENCE if what == "stat" else SILENCE + self._size / _SLOWEST_CHECKSUM

    def _fail(self, error: StorageError) -> None:
        self.failure = self.failure or error

    def _ask_size(self) -> None:
        self._deadlines["stat"] = time.monotonic() + self._limit("stat")
        answered = self._inbox.callback(self._told_size)
        try:
            remote_file.launch(lambda callback: self._system.stat(self._path, callback=callback), answered, "stat")
        except StorageError as error:
            self._fail(error)

    def _told_size(self, status: Status, known: Known) -> None:
        self._deadlines.pop("stat", None)
        try:
            remote_file.require(status, "stat")
        except StorageError as error:
            if error.number != NOT_AUTHORIZED:
                self._fail(error)
            return
        self.found = int(known["size"])
        if known["flags"] & UNFINISHED:
            self._fail(
                StorageError("an unfinished upload is in its place until the server removes it", "storage", 120.0)
            )

    def _ask_checksum(self) -> None:
        self._deadlines["checksum"] = time.monotonic() + self._limit("checksum")
        self._query()

    def _query(self) -> None:
        wanted = self._wanted[0]
        argument = f"{self._path}&cks.type={wanted}" if wanted else self._path
        limit = _WILLING if self._size < _TAKES_NO_TIME else 0
        answered = self._inbox.callback(self._told_checksum)
        ask = partial(self._system.query, QUERY_CHECKSUM, argument, limit)
        try:
            remote_file.launch(lambda callback: ask(callback=callback), answered, "checksum")
        except StorageError as error:
            self._fail(error)

    def _told_checksum(self, status: Status, answer: bytes) -> None:
        if status["code"] == EXPIRED and time.monotonic() < self._deadlines["checksum"]:
            self._again_at = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            return
        self._deadlines.pop("checksum", None)
        try:
            remote_file.require(status, "checksum")
        except StorageError as error:
            self._refused(error)
            return
        algorithm, value = _words_of(answer)
        if algorithm in {"md5", "adler32"}:
            self.algorithm, self.value = algorithm, value
        else:
            self._try_next()

    def _refused(self, error: StorageError) -> None:
        """A server that cannot do md5 has many words for it; its own choice it refuses with these."""
        if error.number in {NOT_AUTHORIZED, UNSUPPORTED} or (self._wanted[0] and error.number):
            self.refusal = error
            self._try_next()
        else:
            self._fail(error)

    def _try_next(self) -> None:
        self._wanted.pop(0)
        if self._wanted:
            self._ask_checksum()


def settle(inbox: Inbox, *inquiries: Inquiry) -> None:
    """Wait until all are over; raises Stopped."""
    while going_on := [inquiry for inquiry in inquiries if not inquiry.is_over]:
        answers = sum(inquiry.on_way for inquiry in going_on)
        inbox.serve(min(inquiry.pause for inquiry in going_on), max(1, answers))
        for inquiry in going_on:
            inquiry.look()


def stored_size(inbox: Inbox, source: Source) -> int:
    """Size in bytes on the storage, as `Inquiry.found`."""
    inquiry = Inquiry(inbox, source, 0, ())
    settle(inbox, inquiry)
    return inquiry.require().found


def stored_checksum(inbox: Inbox, source: Source, size: int) -> tuple[str, str]:
    """Algorithm and hexadecimal value that the server has for a file; two empty texts where it has none of ours.

    StorageError when the file cannot be read there or the server does not answer.
    """
    inquiry = Inquiry(inbox, source, size, with_size=False)
    settle(inbox, inquiry)
    inquiry.require()
    return inquiry.algorithm, inquiry.value


def stored_as(inbox: Inbox, source: Source, size: int, algorithm: str) -> tuple[int, str]:
    """Size in bytes on the storage (as `Inquiry.found`), and its checksum of that algorithm.

    StorageError where it has none, too.
    """
    inquiry = Inquiry(inbox, source, size, (algorithm,))
    settle(inbox, inquiry)
    inquiry.require()
    if inquiry.refusal:
        raise inquiry.refusal
    return inquiry.found, inquiry.value


def _words_of(answer: bytes) -> tuple[str, str]:
    words = answer.rstrip(b"\0").decode("ascii", "replace").split()
    return (words[0], words[1].lower()) if len(words) == 2 else ("", "")
