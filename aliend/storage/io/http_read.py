"""Reads files over HTTP from storage elements that offer it: one request per file, starting at any byte."""

from __future__ import annotations

import errno
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from aliend.core.catalogue.replica_url import open_url
from aliend.core.cli.numbers import parse_whole
from aliend.core.connection.pem import is_authority_name
from aliend.errors import WrongContent
from aliend.storage.errors import StorageError, no_answer, redact
from aliend.storage.io.completion_queue import UNRESPONSIVE_AFTER
from aliend.storage.io.task_context import TaskContext
from aliend.storage.tasks import ReplicaUrl

_ERRNOS = {401: errno.EACCES, 403: errno.EACCES, 404: errno.ENOENT, 410: errno.ENOENT}
"""The errno of a status; EIO for the others."""
_TRANSIENT_STATUS = frozenset({408, 423, 425, 429, 500, 502, 503, 504})


def read(
    context: TaskContext, source: ReplicaUrl, start: int, end: int, ca: str, limit: float = UNRESPONSIVE_AFTER
) -> Iterator[bytes]:
    """Yield the bytes from `start` to `end`; `ca` is a directory or file of additional CA certificates, or empty.

    The answer must begin, and each chunk be complete, within `limit` seconds. Raises StorageError, `permanent` if the
    server refuses or its file has another size.
    """
    watch, received = _Watch(), start
    try:
        with httpx.Client(verify=_tls_context(ca), timeout=limit, follow_redirects=True, trust_env=False) as client:
            request = client.build_request("GET", open_url(source.url, source.envelope), headers=_headers(start, end))
            request.extensions["trace"] = watch.trace
            with watch.limited(limit):
                reply = client.send(request, stream=True)
            with closing(reply):
                _check_response(reply, start, end)
                for data in _chunks(context, reply.iter_raw(), limit):
                    received += len(data)
                    if received > end:
                        text = f"wrong size: the server sends more than the {end} bytes of the catalogue"
                        raise WrongContent(text)
                    yield data
    except (httpx.HTTPError, OSError) as error:
        if watch.is_late:
            raise no_answer("HTTP", limit) from error
        raise StorageError(f"HTTP: {redact(str(error)) or type(error).__name__}", "transient", 5.0) from error
    if received != end:
        raise StorageError(f"HTTP: the server sent {received} of {end} bytes", "transient", 5.0)


class _Watch:
    """Ends the connection of a request whose answer is late: a server that sends single bytes is never silent."""

    def __init__(self) -> None:
        self.is_late = False
        self._socket: socket.socket | None = None

    def trace(self, event: str, facts: dict[str, Any]) -> None:
        """Note the connections that the library makes. Raises ReadTimeout after the limit."""
        if self.is_late:
            raise httpx.ReadTimeout("")
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = facts["return_value"].get_extra_info("socket")

    @contextmanager
    def limited(self, limit: float) -> Iterator[None]:
        """End the connection if the block takes longer than `limit` seconds."""
        timer = threading.Timer(limit, self._end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _end(self) -> None:
        self.is_late = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def _chunks(context: TaskContext, pieces: Iterator[bytes], limit: float) -> Iterator[bytes]:
    """Join pieces to chunks of the usual size. Raises StorageError if one takes longer than `limit` seconds."""
    held, until = bytearray(), time.monotonic() + limit
    for piece in pieces:
        context.completions.raise_if_stopped()
        held += piece
        if len(held) >= context.chunk_size():
            yield bytes(held)
            held.clear()
            until = time.monotonic() + limit
        elif time.monotonic() > until:
            raise StorageError(f"HTTP: too slow: {len(held)} bytes in {limit:.0f} s", "transient", 30.0).with_errno(
                errno.ETIMEDOUT
            )
    yield bytes(held)


def _check_response(reply: httpx.Response, start: int, end: int) -> None:
    if reply.status_code in _TRANSIENT_STATUS:
        raise StorageError(f"HTTP: the server answered {reply.status_code}", "transient", 5.0)
    if reply.status_code != HTTPStatus.PARTIAL_CONTENT and not (reply.is_success and not start):
        text = f"HTTP: the server answered {reply.status_code} {reply.reason_phrase}"
        raise StorageError(text, "permanent").with_errno(_ERRNOS.get(reply.status_code, errno.EIO))
    length = reply.headers.get("Content-Range", "").rpartition("/")[2] or reply.headers.get("Content-Length", "")
    if length.isdecimal() and parse_whole(length) != end:
        raise WrongContent(f"wrong size: {length} bytes on the storage, {end} in the catalogue")


def _headers(start: int, end: int) -> dict[str, str]:
    """Return the headers. The range has an end, because XRootD 5.5 answers an open range with nothing."""
    plain = {"Accept-Encoding": "identity"}
    return {**plain, "Range": f"bytes={start}-{end - 1}"} if start else plain


def _tls_context(ca: str) -> ssl.SSLContext:
    tls = ssl.create_default_context()
    tls.hostname_checks_common_name = False
    if not ca:
        return tls
    path = Path(ca)
    if not path.is_dir():
        tls.load_verify_locations(cafile=ca)
        return tls
    tls.load_verify_locations(capath=ca)
    names = [entry.name for entry in path.iterdir() if is_authority_name(entry.name)]
    if all(name.endswith((".pem", ".crt")) for name in names):  # without hashed names OpenSSL finds none by itself
        for name in names:
            with suppress(OSError):  # other things and links to nothing
                tls.load_verify_locations(cafile=str(path / name))
    return tls
