"""Storage elements as one task sees them: URLs, files, requests whose answers are waited for.

Every request is asynchronous and waited for in the task's inbox, so that no server can hold a task. A file is never
left to its destructor, which would close it synchronously and hang with a frozen server.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

from aliend.errors import CopyError
from aliend.storage.errors import StorageError, from_status
from aliend.storage.io.completion_queue import SILENCE, Inbox
from aliend.storage.io.task_context import Line
from aliend.storage.io.xrootd_client import (
    QUERY_CONFIG,
    READ,
    Done,
    RemoteFile,
    RemoteSystem,
    Status,
    new_file,
    new_system,
)
from aliend.storage.tasks import Source

_UNIX = "xrd.wantprot=unix"  # read by the client's library; it is the envelope that opens doors
WORTH_A_CONNECTION = 64 << 20
"""Bytes from which a file has connections of its own."""
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
    answers: list[tuple[Status, Any]] = []
    launch(start, inbox.callback(lambda status, response: answers.append((status, response))), what)
    inbox.wait(lambda: bool(answers), what, limit)
    status, response = answers[0]
    require(status, what)
    return response


def launch(start: Start, callback: Done, what: str) -> None:
    """Start a request; StorageError when it cannot even be sent."""
    try:
        status = start(callback)
    except ValueError as error:  # so says the library of a file whose connection has gone
        raise StorageError(f"{what}: the connection was lost", "transient", retry_after=5.0) from error
    require(status, what)


def require(status: Status, what: str) -> None:
    """Raise what a bad status stands for."""
    if not status["ok"]:
        raise from_status(status["code"], status["errno"], status["message"], what)


def open_to_read(inbox: Inbox, source: Source) -> tuple[RemoteFile, int]:
    """An open file and its size in bytes on the storage."""
    file = new_file()
    _open(inbox, file, url_of(source), READ)
    try:
        known = request(inbox, lambda callback: file.stat(callback=callback), "stat")
    except BaseException:
        release(file)
        raise
    return file, int(known["size"])


def read_at_once(inbox: Inbox, source: Source, start: int, size: int) -> bytes:
    """The bytes from `start` of a small file of `size` bytes, with one request after the opening.

    A byte more than there should be is asked for: that tells a longer file without a question about its size.
    CopyError `permanent` when it has another size.
    """
    file, length = new_file(), size - start
    _open(inbox, file, url_of(source), READ)
    try:
        data: bytes = request(inbox, lambda callback: file.read(start, length + 1, callback=callback), "read")
    finally:
        release(file)
    if len(data) > length:
        raise CopyError(f"the storage has more than the {size} bytes that the catalogue says", "permanent")
    if len(data) < length:
        raise CopyError(f"the storage has {start + len(data)} bytes, the catalogue says {size}", "permanent")
    return data


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
        if not file.close(callback=closed)["ok"]:
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


def configured(inbox: Inbox, source: Source, name: str) -> str:
    """What a server says of one of its settings; the name itself where it has nothing to say."""
    system, _ = system_of(source)
    answer: bytes = request(inbox, lambda callback: system.query(QUERY_CONFIG, name, callback=callback), "config")
    return answer.rstrip(b"\0\n").decode("ascii", "replace").strip()


def system_of(source: Source) -> tuple[RemoteSystem, str]:
    """The server, and the path with its right; the wanted authentication belongs to the server's URL."""
    parts = urlsplit(source.url.partition("#")[0])
    return _server(f"{parts.scheme}://{parts.netloc}//?{_UNIX}"), f"{parts.path}?{right_of(source)}"


@lru_cache(maxsize=64)
def _server(url: str) -> RemoteSystem:
    """One for all questions to a server: the library parses its URL and looks for plug-ins each time anew."""
    return new_system(url)
