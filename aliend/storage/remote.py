"""Storage elements as one task sees them: URLs, files, requests whose answers are waited for.

Every request is asynchronous and waited for in the task's inbox, so that no server can hold a task. A file is never
left to its destructor, which would close it synchronously and hang with a frozen server.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

from aliend.storage.failures import NOT_AUTHORIZED, UNSUPPORTED, Expired, StorageError, from_status
from aliend.storage.inbox import SILENCE, Inbox
from aliend.storage.line import Line
from aliend.storage.tasks import Source
from aliend.storage.xrootd import (
    QUERY_CHECKSUM,
    QUERY_CONFIG,
    READ,
    UNFINISHED,
    Done,
    Known,
    RemoteFile,
    RemoteSystem,
    Status,
    new_file,
    new_system,
)

_UNIX = "xrd.wantprot=unix"  # read by the client's library; it is the envelope that opens doors
WORTH_A_CONNECTION = 64 << 20
"""Bytes from which a file has connections of its own."""
_CHEAPEST = "adler32"
_SLOWEST_CHECKSUM = 20e6  # bytes per second that a server may take to compute one
_WILLING = 25
"""Seconds for one question about the checksum of a file that takes no time. A server that computes as many as it may
(xrootd: 4, and 8 that wait) lets all others wait for 30 s; the library says at once that these would be too many."""
_TAKES_NO_TIME = 100 << 20
"""Bytes. Larger files may take longer, and to ask once more on the same connection would lose the answer (xrootd)."""
_ASK_AGAIN = 0.5
Start = Callable[[Done], Status]
"""Starts a request that calls back."""

_closing: dict[int, RemoteFile] = {}
_closed: deque[RemoteFile] = deque()
_lock = threading.Lock()


def right_of(source: Source) -> str:
    """What stands behind the question mark: a signed envelope is a query by itself, a sealed one an `authz` value."""
    if not source.envelope or source.envelope.startswith("turl="):
        return source.envelope
    return f"authz={source.envelope}"


def url_of(source: Source) -> str:
    """The URL that opens a replica: without the archive member, with the right to read or write."""
    plain = source.url.partition("#")[0]
    return "&".join(filter(None, (f"{plain}{'&' if '?' in plain else '?'}{_UNIX}", right_of(source))))


def on_connection(source: Source, number: int, size: int) -> Source:
    """The same replica over a connection of its own, for large files: XRootD shares one a `user@host`.

    A server works one connection's requests in turn, so that many files need several. Small ones do not: a login costs
    more round trips than they do. Members of an archive share its opening.
    """
    scheme, _, rest = source.url.partition("://")
    if scheme != "root" or size < WORTH_A_CONNECTION or "#" in rest or "@" in rest.partition("/")[0]:
        return source
    return replace(source, url=f"{scheme}://c{number}@{rest}")


def request(inbox: Inbox, start: Start, what: str, limit: float = SILENCE) -> Any:  # noqa: ANN401 - each request has its response
    """Start one request and wait for its response; StorageError when it fails or `limit` seconds pass."""
    return asked(inbox, start, what)(limit)


def asked(inbox: Inbox, start: Start, what: str) -> Callable[[float], Any]:
    """Start one request; what is returned waits for its response as `request` does. StorageError as `launch`.

    It keeps what `start` works with alive, too.
    """
    answers: list[tuple[Status, Any]] = []
    launch(start, inbox.callback(lambda status, response: answers.append((status, response))), what)

    def answer(limit: float, _kept: Start = start) -> Any:  # noqa: ANN401 - each request has its response
        inbox.wait(lambda: bool(answers), what, limit)
        status, response = answers[0]
        require(status, what)
        return response

    return answer


def launch(start: Start, callback: Done, what: str) -> None:
    """Start a request; StorageError when it cannot even be sent."""
    try:
        status = start(callback)
    except ValueError as error:  # so says the library of a file whose connection has gone
        raise StorageError(f"{what}: the connection was lost", "transient", retry_after=5.0) from error
    require(status, what)


def require(status: Status, what: str) -> None:
    """Raise what a bad status stands for."""
    if not status.ok:
        raise from_status(status.code, status.errno, status.message, what)


def open_to_read(inbox: Inbox, source: Source) -> tuple[RemoteFile, int]:
    """An open file and its size in bytes on the storage."""
    file = new_file()
    _open(inbox, file, url_of(source), READ)
    try:
        known = request(inbox, lambda callback: file.stat(callback=callback), "stat")
    except BaseException:
        release(file)
        raise
    return file, int(known.size)


def _open(inbox: Inbox, file: RemoteFile, url: str, flags: int) -> None:
    try:
        request(inbox, lambda callback: file.open(url, flags, callback=callback), "open")
    except BaseException:
        release(file)
        raise


def release(file: RemoteFile) -> None:
    """Close a file that was read, without waiting; it is kept alive until the server has answered."""

    def closed(*_: object) -> None:
        with _lock:
            _closed.append(_closing.pop(id(file), file))

    with _lock:
        _closed.clear()
        _closing[id(file)] = file
    # One whose connection has gone stays where it is: the library may still be trying to get it back.
    with contextlib.suppress(ValueError):
        if not file.close(callback=closed).ok:
            closed()


def read_chunks(line: Line, files: Sequence[RemoteFile], start: int, end: int) -> Iterator[bytes]:
    """The bytes from `start` to `end` in order; the line says how much may be on its way.

    `files` are openings of the same file, which are asked in turns.
    """
    turns = cycle(files)
    arrived: dict[int, tuple[Status, bytes]] = {}
    asked: deque[tuple[int, int]] = deque()
    ahead = start
    while ahead < end or asked:
        while ahead < end and len(asked) < line.window():
            length = min(line.chunk(), end - ahead)
            launch(partial(next(turns).read, ahead, length, 0), line.inbox.callback(_keep(arrived, ahead)), "read")
            asked.append((ahead, length))
            ahead += length
        wanted, length = asked.popleft()
        line.inbox.wait(lambda: wanted in arrived, "read")  # noqa: B023 - called at once
        status, data = arrived.pop(wanted)
        require(status, "read")
        if len(data) != length:
            raise StorageError(f"read: the file ends at byte {wanted + len(data)} of {end}", "permanent")
        yield data


def _keep(arrived: dict[int, tuple[Status, bytes]], offset: int) -> Callable[[Status, bytes], None]:
    def keep(status: Status, response: bytes) -> None:
        arrived[offset] = (status, response)

    return keep


def stored_size(inbox: Inbox, source: Source) -> int:
    """Size in bytes on the storage (-1 and StorageError as with `stored`)."""
    system, path = _system(source)
    return _size_of(asked(inbox, lambda callback: system.stat(path, callback=callback), "stat"))


def stored(inbox: Inbox, source: Source, size: int) -> tuple[int, str, str]:
    """Size in bytes on the storage (-1 when the right to write is no right to know), checksum as `stored_checksum`.

    Both are asked for at once. StorageError of kind `storage` when the file there was not finished.
    """
    system, path = _system(source)
    stat = asked(inbox, lambda callback: system.stat(path, callback=callback), "stat")
    first = _ask_checksum(inbox, source, size, _CHEAPEST)
    found = _size_of(stat)
    return (found, *_checksum_of(inbox, source, size, first))


def _size_of(stat: Callable[[float], Any]) -> int:
    try:
        found: Known = stat(SILENCE)
    except StorageError as error:
        if error.number == NOT_AUTHORIZED:
            return -1
        raise
    if found.flags & UNFINISHED:
        raise StorageError("an unfinished upload is in its place until the server removes it", "storage", 120.0)
    return int(found.size)


def stored_checksum(inbox: Inbox, source: Source, size: int) -> tuple[str, str]:
    """Algorithm and hexadecimal value that the server has for a file; two empty texts where it has none of ours.

    adler32 is asked for first: a server that has to read the file for it needs 0.3 s of a processor for a GiB, and for
    md5 1.4 s. Then its own choice is taken, then md5 is tried. StorageError when the file cannot be read there or the
    server does not answer.
    """
    return _checksum_of(inbox, source, size, _ask_checksum(inbox, source, size, _CHEAPEST))


def _checksum_of(inbox: Inbox, source: Source, size: int, first: Callable[[float], Any]) -> tuple[str, str]:
    answer = first
    for wanted in (_CHEAPEST, "", "md5"):
        try:
            if wanted != _CHEAPEST:
                answer = _ask_checksum(inbox, source, size, wanted)
            algorithm, value = _words_of(answer(SILENCE + size / _SLOWEST_CHECKSUM))
        except StorageError as error:
            # A server that cannot do md5 has many words for it; its own choice it refuses with these.
            if error.number in {NOT_AUTHORIZED, UNSUPPORTED} or (wanted and error.number):
                continue
            raise
        if algorithm in {"md5", "adler32"}:
            return algorithm, value
    return "", ""


def stored_as(inbox: Inbox, source: Source, size: int, algorithm: str) -> tuple[int, str]:
    """Size in bytes on the storage (as `stored`), and the checksum of that algorithm (empty: it has none)."""
    system, path = _system(source)
    stat = asked(inbox, lambda callback: system.stat(path, callback=callback), "stat")
    checksum = _ask_checksum(inbox, source, size, algorithm)
    found = _size_of(stat)
    return found, _words_of(checksum(SILENCE + size / _SLOWEST_CHECKSUM))[1]


def _ask_checksum(inbox: Inbox, source: Source, size: int, wanted: str) -> Callable[[float], Any]:
    """Ask; what is returned waits for the answer, and asks again as long as the server puts us off."""
    system, path = _system(source)
    argument = f"{path}&cks.type={wanted}" if wanted else path
    willing = _WILLING if size < _TAKES_NO_TIME else 0

    def ask() -> Callable[[float], Any]:
        return asked(
            inbox,
            lambda callback: system.query(QUERY_CHECKSUM, argument, timeout=willing, callback=callback),
            "checksum",
        )

    first = ask()

    def answer(limit: float) -> Any:  # noqa: ANN401 - as `request`
        until, waiting = time.monotonic() + limit, first
        while True:
            try:
                return waiting(until - time.monotonic())
            except Expired:
                if time.monotonic() + _ASK_AGAIN > until:
                    raise
            inbox.rest(_ASK_AGAIN)
            waiting = ask()

    return answer


def _words_of(answer: bytes) -> tuple[str, str]:
    words = answer.rstrip(b"\0").decode("ascii", "replace").split()
    return (words[0], words[1].lower()) if len(words) == 2 else ("", "")


def configured(inbox: Inbox, source: Source, name: str) -> str:
    """What a server says of one of its settings; the name itself where it has nothing to say."""
    system, _ = _system(source)
    answer: bytes = request(inbox, lambda callback: system.query(QUERY_CONFIG, name, callback=callback), "config")
    return answer.rstrip(b"\0\n").decode("ascii", "replace").strip()


def _system(source: Source) -> tuple[RemoteSystem, str]:
    """The server, and the path with its right; the wanted authentication belongs to the server's URL."""
    parts = urlsplit(source.url.partition("#")[0])
    return new_system(f"{parts.scheme}://{parts.netloc}//?{_UNIX}"), f"{parts.path}?{right_of(source)}"
