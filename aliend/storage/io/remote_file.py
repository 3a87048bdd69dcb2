"""XRootD requests of one task: opens and reads files, queries servers, waits for the answers.

Every request is asynchronous and waited for in the completion queue, so that no server can block a task. A file is
never left to its destructor, which would close it synchronously and hang with a frozen server.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

from aliend.core.catalogue.replica_url import authorisation, member_of, open_url, without_member
from aliend.errors import WrongContent
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

OWN_CONNECTION_FROM = 64 << 20
"""Bytes from which a file uses connections of its own."""
StartRequest = Callable[[Callback], Status]
"""Starts a request with a callback."""

_closing: dict[int, RemoteFile] = {}
_closed: deque[RemoteFile] = deque()
_lock = threading.Lock()


def with_own_connection(source: ReplicaUrl, number: int, size: int) -> ReplicaUrl:
    """Return the replica with connection `number` of its own if it is large: XRootD shares one per `user@host`.

    A server processes the requests of one connection in order, so that many files need several connections. Small files
    do not: a login takes more round trips than the copy. Members of an archive share its connection.
    """
    scheme, _, rest = source.url.partition("://")
    if scheme != "root" or size < OWN_CONNECTION_FROM or member_of(source.url) or "@" in rest.partition("/")[0]:
        return source
    return replace(source, url=f"{scheme}://c{number}@{rest}")


def request(completions: CompletionQueue, start: StartRequest, what: str, limit: float = UNRESPONSIVE_AFTER) -> Any:  # noqa: ANN401 - each request has its response
    """Start a request and return its response. Raises StorageError if it fails or takes `limit` seconds."""
    answers: list[tuple[Status, Any]] = []
    start_request(start, completions.callback(lambda status, response: answers.append((status, response))), what)
    completions.wait(lambda: bool(answers), what, limit)
    status, response = answers[0]
    check_status(status, what)
    return response


def start_request(start: StartRequest, callback: Callback, what: str) -> None:
    """Start a request. Raises StorageError if it cannot be sent."""
    try:
        status = start(callback)
    except ValueError as error:  # the library raises it for a file whose connection was lost
        raise StorageError(f"{what}: the connection was lost", "transient", retry_after=5.0) from error
    check_status(status, what)


def check_status(status: Status, what: str) -> None:
    """Raise StorageError for a bad status."""
    if not status["ok"]:
        raise error_from_status(status["code"], status["errno"], status["message"], what)


def open_to_read(completions: CompletionQueue, source: ReplicaUrl) -> tuple[RemoteFile, int]:
    """Open a file and return it with its size in bytes on the storage."""
    file = new_file()
    _open(completions, file, open_url(source.url, source.envelope), READ)
    try:
        facts = request(completions, lambda callback: file.stat(callback=callback), "stat")
    except BaseException:
        close_in_background(file)
        raise
    return file, int(facts["size"])


def read_small_file(completions: CompletionQueue, source: ReplicaUrl, start: int, size: int) -> bytes:
    """Return the bytes from `start` of a small file of `size` bytes, with one request after opening it.

    The request asks for one byte more than expected, which detects a longer file without querying its size.
    Raises CopyError `permanent` if the file has another size.
    """
    file, length = new_file(), size - start
    _open(completions, file, open_url(source.url, source.envelope), READ)
    try:
        data: bytes = request(completions, lambda callback: file.read(start, length + 1, callback=callback), "read")
    finally:
        close_in_background(file)
    if len(data) > length:
        raise WrongContent(f"wrong size: more than {size} bytes on the storage, {size} in the catalogue")
    if len(data) < length:
        raise WrongContent(f"wrong size: {start + len(data)} bytes on the storage, {size} in the catalogue")
    return data


def _open(completions: CompletionQueue, file: RemoteFile, url: str, flags: int) -> None:
    try:
        request(completions, lambda callback: file.open(url, flags, callback=callback), "open")
        require_remote(file)
    except BaseException:
        close_in_background(file)
        raise


def require_remote(file: RemoteFile) -> None:
    """Raise StorageError for an open file of this machine: XRootD follows a redirection to `file://localhost/PATH`."""
    if (file.get_property("LastURL") or "").startswith("file:"):
        raise StorageError("the storage element redirects to a file of this machine, which is refused", "permanent")


def close_in_background(file: RemoteFile) -> None:
    """Close a file that was read, without waiting; keep the object alive until the server has answered."""

    def closed(*_: object) -> None:
        with _lock:
            _closed.append(_closing.pop(id(file), file))

    with _lock:
        _closed.clear()
        _closing[id(file)] = file
    # A file whose connection was lost stays alive: the library may still be trying to reconnect.
    with contextlib.suppress(ValueError):
        if not file.close(callback=closed)["ok"]:
            closed()


def read_chunks(context: TaskContext, files: Sequence[RemoteFile], start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes from `start` to `end` in order; the context limits the requests in flight.

    `files` are handles of the same file, used one after the other.
    """
    return read_ranges(context, files, [(start, end)])


def read_ranges(
    context: TaskContext, files: Sequence[RemoteFile], ranges: Iterable[tuple[int, int]]
) -> Iterator[bytes]:
    """Yield the bytes of several ranges one after the other; no request waits for those before it."""
    files_in_turn = cycle(files)
    results: dict[int, tuple[Status, bytes]] = {}
    pending: deque[tuple[int, tuple[int, int, int]]] = deque()
    planned = enumerate(_requests(context, ranges))
    following = next(planned, None)
    while following or pending:
        while following and len(pending) < context.max_requests():
            number, (offset, length, _) = following
            start_request(
                partial(next(files_in_turn).read, offset, length, 0),
                context.completions.callback(_store_result(results, number)),
                "read",
            )
            pending.append(following)
            following = next(planned, None)
        number, (offset, length, end) = pending.popleft()
        context.completions.wait(lambda: number in results, "read")  # noqa: B023 - called at once
        status, data = results.pop(number)
        check_status(status, "read")
        if len(data) != length:
            raise StorageError(f"read: the file ended at byte {offset + len(data)} of {end}", "permanent")
        yield data


def _requests(context: TaskContext, ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """Yield offset and length of each request, and the end of its range."""
    for start, end in ranges:
        offset = start
        while offset < end:
            length = min(context.chunk_size(), end - offset)
            yield offset, length, end
            offset += length


def _store_result(arrived: dict[int, tuple[Status, bytes]], number: int) -> Callable[[Status, bytes], None]:
    def keep(status: Status, response: bytes) -> None:
        arrived[number] = (status, response)

    return keep


def query_config(completions: CompletionQueue, source: ReplicaUrl, name: str) -> str:
    """Return the value of a server's setting, or the name itself if the server has no such setting."""
    system, _ = filesystem_of(source)
    answer: bytes = request(completions, lambda callback: system.query(QUERY_CONFIG, name, callback=callback), "config")
    return answer.rstrip(b"\0\n").decode("ascii", "replace").strip()


def filesystem_of(source: ReplicaUrl) -> tuple[RemoteSystem, str]:
    """Return the server, and the path with its authorisation; the authentication method belongs to the server's URL."""
    parts = urlsplit(without_member(source.url))
    return _server(open_url(f"{parts.scheme}://{parts.netloc}//", "")), f"{parts.path}?{authorisation(source.envelope)}"


@lru_cache(maxsize=64)
def _server(url: str) -> RemoteSystem:
    """Return one object per server: the library parses the URL and searches plug-ins for each new one."""
    return new_system(url)
