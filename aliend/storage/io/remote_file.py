"""Storage elements as one task sees them: URLs, files, requests whose answers are waited for.

Every request is asynchronous and waited for in the completion queue, so that no server can hold a task. A file is
never left to its destructor, which would close it synchronously and hang with a frozen server.
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
from aliend.storage.errors import StorageError, error_from_status
from aliend.storage.io.completion_queue import UNRESPONSIVE_AFTER, CompletionQueue
from aliend.storage.io.task_context import TaskContext
from aliend.storage.io.xrootd_client import (
    QUERY_CONFIG,
    READ,
    Callback,
    RemoteFile,
    RemoteSystem,
    Status,
    new_file,
    new_system,
)
from aliend.storage.tasks import ReplicaUrl

_UNIX = "xrd.wantprot=unix"  # read by the client's library; it is the envelope that opens doors
OWN_CONNECTION_FROM = 64 << 20
"""Bytes from which a file has connections of its own."""
StartRequest = Callable[[Callback], Status]
"""Starts a request that calls back."""

_closing: dict[int, RemoteFile] = {}
_closed: deque[RemoteFile] = deque()
_lock = threading.Lock()


def right_of(source: ReplicaUrl) -> str:
    """What stands behind the question mark: a signed envelope is a query by itself, a sealed one an `authz` value."""
    if not source.envelope or source.envelope.startswith("turl="):
        return source.envelope
    return f"authz={source.envelope}"


def url_of(source: ReplicaUrl) -> str:
    """The URL that opens a replica: without the archive member, with the right to read or write."""
    plain = source.url.partition("#")[0]
    return "&".join(filter(None, (f"{plain}{'&' if '?' in plain else '?'}{_UNIX}", right_of(source))))


def with_own_connection(source: ReplicaUrl, number: int, size: int) -> ReplicaUrl:
    """The same replica over a connection of its own, for large files: XRootD shares one a `user@host`.

    A server works one connection's requests in turn, so that many files need several. Small ones do not: a login costs
    more round trips than they do. Members of an archive share its opening.
    """
    scheme, _, rest = source.url.partition("://")
    if scheme != "root" or size < OWN_CONNECTION_FROM or "#" in rest or "@" in rest.partition("/")[0]:
        return source
    return replace(source, url=f"{scheme}://c{number}@{rest}")


def request(completions: CompletionQueue, start: StartRequest, what: str, limit: float = UNRESPONSIVE_AFTER) -> Any:  # noqa: ANN401 - each request has its response
    """Start one request and wait for its response; StorageError when it fails or `limit` seconds pass."""
    answers: list[tuple[Status, Any]] = []
    start_request(start, completions.callback(lambda status, response: answers.append((status, response))), what)
    completions.wait(lambda: bool(answers), what, limit)
    status, response = answers[0]
    check_status(status, what)
    return response


def start_request(start: StartRequest, callback: Callback, what: str) -> None:
    """Start a request; StorageError when it cannot even be sent."""
    try:
        status = start(callback)
    except ValueError as error:  # so says the library of a file whose connection has gone
        raise StorageError(f"{what}: the connection was lost", "transient", retry_after=5.0) from error
    check_status(status, what)


def check_status(status: Status, what: str) -> None:
    """Raise what a bad status stands for."""
    if not status["ok"]:
        raise error_from_status(status["code"], status["errno"], status["message"], what)


def open_to_read(completions: CompletionQueue, source: ReplicaUrl) -> tuple[RemoteFile, int]:
    """An open file and its size in bytes on the storage."""
    file = new_file()
    _open(completions, file, url_of(source), READ)
    try:
        facts = request(completions, lambda callback: file.stat(callback=callback), "stat")
    except BaseException:
        close_in_background(file)
        raise
    return file, int(facts["size"])


def read_small_file(completions: CompletionQueue, source: ReplicaUrl, start: int, size: int) -> bytes:
    """The bytes from `start` of a small file of `size` bytes, with one request after the opening.

    A byte more than there should be is asked for: that tells a longer file without a question about its size.
    CopyError `permanent` when it has another size.
    """
    file, length = new_file(), size - start
    _open(completions, file, url_of(source), READ)
    try:
        data: bytes = request(completions, lambda callback: file.read(start, length + 1, callback=callback), "read")
    finally:
        close_in_background(file)
    if len(data) > length:
        raise CopyError(f"the storage has more than the {size} bytes that the catalogue says", "permanent")
    if len(data) < length:
        raise CopyError(f"the storage has {start + len(data)} bytes, the catalogue says {size}", "permanent")
    return data


def _open(completions: CompletionQueue, file: RemoteFile, url: str, flags: int) -> None:
    try:
        request(completions, lambda callback: file.open(url, flags, callback=callback), "open")
    except BaseException:
        close_in_background(file)
        raise


def close_in_background(file: RemoteFile) -> None:
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


def read_chunks(context: TaskContext, files: Sequence[RemoteFile], start: int, end: int) -> Iterator[bytes]:
    """The bytes from `start` to `end` in order; the context says how much may be on its way.

    `files` are openings of the same file, which are asked in turns.
    """
    files_in_turn = cycle(files)
    results: dict[int, tuple[Status, bytes]] = {}
    pending: deque[tuple[int, int]] = deque()
    next_offset = start
    while next_offset < end or pending:
        while next_offset < end and len(pending) < context.max_requests():
            length = min(context.chunk_size(), end - next_offset)
            start_request(
                partial(next(files_in_turn).read, next_offset, length, 0),
                context.completions.callback(_store_result(results, next_offset)),
                "read",
            )
            pending.append((next_offset, length))
            next_offset += length
        offset, length = pending.popleft()
        context.completions.wait(lambda: offset in results, "read")  # noqa: B023 - called at once
        status, data = results.pop(offset)
        check_status(status, "read")
        if len(data) != length:
            raise StorageError(f"read: the file ends at byte {offset + len(data)} of {end}", "permanent")
        yield data


def _store_result(arrived: dict[int, tuple[Status, bytes]], offset: int) -> Callable[[Status, bytes], None]:
    def keep(status: Status, response: bytes) -> None:
        arrived[offset] = (status, response)

    return keep


def query_config(completions: CompletionQueue, source: ReplicaUrl, name: str) -> str:
    """What a server says of one of its settings; the name itself where it has nothing to say."""
    system, _ = filesystem_of(source)
    answer: bytes = request(completions, lambda callback: system.query(QUERY_CONFIG, name, callback=callback), "config")
    return answer.rstrip(b"\0\n").decode("ascii", "replace").strip()


def filesystem_of(source: ReplicaUrl) -> tuple[RemoteSystem, str]:
    """The server, and the path with its right; the wanted authentication belongs to the server's URL."""
    parts = urlsplit(source.url.partition("#")[0])
    return _server(f"{parts.scheme}://{parts.netloc}//?{_UNIX}"), f"{parts.path}?{right_of(source)}"


@lru_cache(maxsize=64)
def _server(url: str) -> RemoteSystem:
    """One for all questions to a server: the library parses its URL and looks for plug-ins each time anew."""
    return new_system(url)
