"""HTTP client for other services than the central one: JSON documents and files, each with a deadline."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aliend import VERSION
from aliend.central.credentials import certificates
from aliend.central.credentials.tls import client_context
from aliend.core.connection.context import Context
from aliend.errors import AliendError, WebError

if TYPE_CHECKING:
    import httpx

_MAX_DOCUMENT = 512 << 20
"""The largest document in bytes."""
_CHUNK = 1 << 20
_OK = 200


class HttpClient:
    """Requests on behalf of a context; an async context manager.

    TLS servers are verified with the CA certificates of this machine and of the context, and receive the context's
    certificate if it has one.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._client: httpx.AsyncClient | None = None
        self._secure: httpx.AsyncClient | None = None

    async def __aenter__(self) -> HttpClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in (self._client, self._secure):
            if client:
                await client.aclose()

    async def document(self, url: str, headers: Mapping[str, str], seconds: float) -> object:
        """Return the JSON document at `url`. Raises WebError."""
        content = bytearray()
        async for chunk in self.chunks(url, seconds, {"Accept": "application/json", **headers}):
            content += chunk
            if len(content) > _MAX_DOCUMENT:
                raise WebError(f"{url} sent more than {_MAX_DOCUMENT >> 20} MiB; request less with -limit")
        try:
            document: object = await asyncio.to_thread(json.loads, bytes(content))
        except ValueError as error:
            raise WebError(f"{url} did not send valid JSON: {error}") from error
        return document

    async def chunks(self, url: str, seconds: float, headers: Mapping[str, str] | None = None) -> AsyncGenerator[bytes]:
        """Yield the bytes at `url`, which must be complete within `seconds`. Raises WebError."""
        client = await self._client_for(url)
        with _http_errors(url, seconds):
            async with asyncio.timeout(seconds), client.stream("GET", url, headers=headers) as response:
                if response.status_code != _OK:
                    raise WebError(f"{url} answered {response.status_code} {response.reason_phrase}")
                async for chunk in response.aiter_bytes(_CHUNK):
                    yield chunk

    async def _client_for(self, url: str) -> httpx.AsyncClient:
        if not url.startswith("https:"):
            self._client = self._client or self._new_client(verify=False)
            return self._client
        if not self._secure:
            self._secure = self._new_client(verify=await asyncio.to_thread(self._tls))
        return self._secure

    def _new_client(self, *, verify: ssl.SSLContext | bool) -> httpx.AsyncClient:
        import httpx  # would delay every start of the daemon

        agent = {"User-Agent": f"aliend/{VERSION}"}
        return httpx.AsyncClient(verify=verify, headers=agent, follow_redirects=True, timeout=None, trust_env=False)

    def _tls(self) -> ssl.SSLContext:
        try:
            tls: ssl.SSLContext = client_context(self._context, certificates.usable(self._context))
        except AliendError:  # many services need no certificate
            plain = ssl.create_default_context()
            plain.hostname_checks_common_name = False
            return plain
        tls.load_default_certs()
        return tls


@contextmanager
def _http_errors(url: str, seconds: float) -> Iterator[None]:
    import httpx

    try:
        yield
    except TimeoutError:
        raise WebError(f"{url} did not answer completely within {seconds:.0f} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise WebError(f"cannot read {url}: {error or type(error).__name__}") from error
