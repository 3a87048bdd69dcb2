"""Files read over HTTP, where a storage element gives it: one request a file, from the byte that is wanted on."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

import httpx

from aliend.core.connection.pem import is_authority_name
from aliend.errors import CopyError
from aliend.storage.errors import StorageError, without_secrets
from aliend.storage.io.completion_queue import SILENCE
from aliend.storage.io.remote_file import right_of
from aliend.storage.io.task_context import Line
from aliend.storage.tasks import Source

_PASSING = frozenset({408, 423, 425, 429, 500, 502, 503, 504})


def is_http(source: Source) -> bool:
    """Whether the replica is read over HTTP."""
    return source.url.startswith(("http://", "https://"))


def read(line: Line, source: Source, start: int, end: int, ca: str) -> Iterator[bytes]:
    """The bytes from `start` to `end`; `ca` is a directory or file of authorities beside the system's own, or empty.

    StorageError, `permanent` when the server refuses or has a file of another size.
    """
    try:
        client = httpx.Client(verify=_context(ca), timeout=SILENCE, follow_redirects=True, trust_env=False)
        with client, client.stream("GET", _url(source), headers=_headers(start, end)) as reply:
            _require(reply, start, end)
            came = start
            for data in reply.iter_raw(line.chunk()):
                line.inbox.check()
                came += len(data)
                yield data
    except (httpx.HTTPError, OSError) as error:
        raise StorageError(f"HTTP: {without_secrets(str(error)) or type(error).__name__}", "transient", 5.0) from error
    if came != end:
        raise StorageError(f"HTTP: the file ended at byte {came} of {end}", "transient", 5.0)


def _require(reply: httpx.Response, start: int, end: int) -> None:
    if reply.status_code in _PASSING:
        raise StorageError(f"HTTP: the server answered {reply.status_code}", "transient", 5.0)
    if reply.status_code != HTTPStatus.PARTIAL_CONTENT and not (reply.is_success and not start):
        raise StorageError(f"HTTP: the server answered {reply.status_code} {reply.reason_phrase}", "permanent")
    length = reply.headers.get("Content-Range", "").rpartition("/")[2] or reply.headers.get("Content-Length", "")
    if length.isdigit() and int(length) != end:
        raise CopyError(f"the storage has {length} bytes, the catalogue says {end}", "permanent")


def _headers(start: int, end: int) -> dict[str, str]:
    """Both ends are named: XRootD 5.5 answers a range without an end with nothing."""
    plain = {"Accept-Encoding": "identity"}
    return {**plain, "Range": f"bytes={start}-{end - 1}"} if start else plain


def _url(source: Source) -> str:
    plain, right = source.url.partition("#")[0], right_of(source)
    return f"{plain}{'&' if '?' in plain else '?'}{right}" if right else plain


def _context(ca: str) -> ssl.SSLContext:
    tls = ssl.create_default_context()
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
