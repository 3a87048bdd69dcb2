"""Reads files over HTTP from storage elements that offer it: one request per file, starting at any byte."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import httpx

from aliend.core.catalogue.replica_url import open_url
from aliend.errors import CopyError
from aliend.storage.errors import StorageError, redact
from aliend.storage.io.completion_queue import UNRESPONSIVE_AFTER
from aliend.storage.io.task_context import TaskContext
from aliend.storage.tasks import ReplicaUrl

_TRANSIENT_STATUS = frozenset({408, 423, 425, 429, 500, 502, 503, 504})


def read(context: TaskContext, source: ReplicaUrl, start: int, end: int, ca: str) -> Iterator[bytes]:
    """Yield the bytes from `start` to `end`; `ca` is a directory or file of additional CA certificates, or empty.

    Raises StorageError, `permanent` if the server refuses or its file has another size.
    """
    try:
        client = httpx.Client(
            verify=_tls_context(ca), timeout=UNRESPONSIVE_AFTER, follow_redirects=True, trust_env=False
        )
        with client, client.stream("GET", open_url(source.url, source.envelope), headers=_headers(start, end)) as reply:
            _check_response(reply, start, end)
            received = start
            for data in reply.iter_raw(context.chunk_size()):
                context.completions.raise_if_stopped()
                received += len(data)
                yield data
    except (httpx.HTTPError, OSError) as error:
        raise StorageError(f"HTTP: {redact(str(error)) or type(error).__name__}", "transient", 5.0) from error
    if received != end:
        raise StorageError(f"HTTP: the server sent {received} of {end} bytes", "transient", 5.0)


def _check_response(reply: httpx.Response, start: int, end: int) -> None:
    if reply.status_code in _TRANSIENT_STATUS:
        raise StorageError(f"HTTP: the server answered {reply.status_code}", "transient", 5.0)
    if reply.status_code != HTTPStatus.PARTIAL_CONTENT and not (reply.is_success and not start):
        raise StorageError(f"HTTP: the server answered {reply.status_code} {reply.reason_phrase}", "permanent")
    length = reply.headers.get("Content-Range", "").rpartition("/")[2] or reply.headers.get("Content-Length", "")
    if length.isdigit() and int(length) != end:
        raise CopyError(f"wrong size: {length} bytes on the storage, {end} in the catalogue", "permanent")


def _headers(start: int, end: int) -> dict[str, str]:
    """Return the headers. The range has an end, because XRootD 5.5 answers an open range with nothing."""
    plain = {"Accept-Encoding": "identity"}
    return {**plain, "Range": f"bytes={start}-{end - 1}"} if start else plain


def _tls_context(ca: str) -> ssl.SSLContext:
    tls = ssl.create_default_context()
    if ca and Path(ca).is_dir():
        tls.load_verify_locations(capath=ca)
    elif ca:
        tls.load_verify_locations(cafile=ca)
    return tls
